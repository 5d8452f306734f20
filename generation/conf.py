"""The settings generation lives by, typed and frozen."""

from dataclasses import dataclass

from django.conf import settings

from modelhub import bounds

# Shared with the models' own limits, which may only be narrower.
MAX_PROMPT = bounds.MAX_PROMPT
MAX_N = bounds.MAX_N
MIN_SIDE, MAX_SIDE = bounds.MIN_SIDE, bounds.MAX_SIDE
MAX_STEPS = bounds.MAX_STEPS
MAX_GUIDANCE = bounds.MAX_GUIDANCE
MAX_CLIP_SKIP = bounds.MAX_CLIP_SKIP
MAX_MEGAPIXEL_STEPS = bounds.MAX_MEGAPIXEL_STEPS
MAX_SEED = 2**32 - 1
MAX_ATTEMPTS = 3
SDK_RETRY_SECONDS = 600
IDEMPOTENCY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Defaults:
    steps: int
    guidance_scale: float
    scheduler: str
    width: int
    height: int
    negative_prompt: str


def defaults() -> Defaults:
    return Defaults(
        steps=settings.ALICE_DEFAULT_STEPS,
        guidance_scale=settings.ALICE_DEFAULT_GUIDANCE,
        scheduler=settings.ALICE_DEFAULT_SCHEDULER,
        width=settings.ALICE_DEFAULT_WIDTH,
        height=settings.ALICE_DEFAULT_HEIGHT,
        negative_prompt=settings.ALICE_DEFAULT_NEGATIVE_PROMPT,
    )


def lease_seconds() -> float:
    return float(settings.ALICE_LEASE_SECONDS)


def heartbeat_seconds() -> float:
    return min(1.0, lease_seconds() / 5)


def queue_limit() -> int:
    return int(settings.ALICE_QUEUE_LIMIT)


def wait_seconds() -> int:
    return int(settings.ALICE_WAIT_SECONDS)

"""ImageRequest + model + settings -> JobSpec + adjustments: the only place for defaults and limits."""

import math
import re
import secrets
from dataclasses import dataclass
from typing import Any

from accounts.problems import Invalid, Missing
from generation import conf
from generation.engine import samplers
from generation.engine.contract import JobSpec
from generation.errors import Adjusted
from generation.requests import ImageRequest
from modelhub.models import CatalogModel

# JSON can say both; no UTF-8 file and no PostgreSQL column can.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
# Drawn as words it would quietly give another picture than the one asked for.
LORA_TAG = re.compile(r"<lora:[^<>]+>", re.IGNORECASE)
# Up to here there is no guidance, and nothing is drawn for a negative prompt to be subtracted.
NO_GUIDANCE = 1.0
QUALITY_STEPS = {"low": 0.5, "medium": 1.0, "high": 1.6}


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A value that was asked for and could not be kept exactly."""

    field: str
    asked: Any
    given: Any
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "from": self.asked,
            "to": self.given,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Resolved:
    """The order, what was changed on the way, and what the caller had said."""

    spec: JobSpec
    adjustments: tuple[Adjustment, ...]
    requested: dict[str, Any]

    @property
    def megapixel_steps(self) -> float:
        spec = self.spec
        return spec.n * spec.num_inference_steps * spec.width * spec.height / 1e6


def resolve(request: ImageRequest, model: CatalogModel) -> Resolved:
    """Fill every blank; refuse what is out of range with a Problem naming the parameter."""
    adjustments: list[Adjustment] = []
    width, height = _size(request, model, adjustments)
    guidance = _guidance(request, model)
    spec = JobSpec(
        task=request.task,
        model=model.public_id,
        prompt=_prompt(request.prompt, "prompt", required=True),
        negative_prompt=_negative_prompt(request, model, guidance, adjustments),
        width=width,
        height=height,
        num_inference_steps=_steps(request, model),
        guidance_scale=guidance,
        scheduler=_scheduler(request, model, adjustments),
        seed=_seed(request.seed),
        n=_whole(request.n, "n", 1, conf.MAX_N, 1),
        clip_skip=_whole(request.clip_skip, "clip_skip", 0, conf.MAX_CLIP_SKIP, 0),
    )
    resolved = Resolved(spec, tuple(adjustments), request.said())
    _check_cost(resolved)
    if request.strict and adjustments:
        first = adjustments[0]
        raise Adjusted(f"{first.field}: {first.reason}", param=first.field)
    return resolved


def _prompt(text: str, param: str, *, required: bool) -> str:
    if required and not text.strip():
        raise Missing("A prompt is required.", param=param)
    if len(text) > conf.MAX_PROMPT:
        raise Invalid(f"{param} may have at most {conf.MAX_PROMPT} characters.", param=param)
    if UNSTORABLE.search(text):
        raise Invalid(f"{param} may not contain NUL or half a surrogate pair.", param=param)
    if LORA_TAG.search(text):
        raise Invalid(
            f"{param}: LoRAs are not supported yet.", param=param, code="unsupported_value"
        )
    return text


def _negative_prompt(
    request: ImageRequest, model: CatalogModel, guidance: float, adjustments: list[Adjustment]
) -> str:
    said = request.negative_prompt
    default = model.defaults.get("negative_prompt", conf.defaults().negative_prompt)
    text = _prompt(default if said is None else said, "negative_prompt", required=False)
    reason = _without_effect(model, guidance)
    if not reason:
        return text
    # Of a default that has no effect nobody needs to hear.
    if said:
        adjustments.append(Adjustment("negative_prompt", said, "", reason))
    return ""


def _without_effect(model: CatalogModel, guidance: float) -> str:
    """Why a negative prompt would change nothing, or nothing."""
    if not model.traits.negative_prompt:
        return f"{model.traits.title} takes no negative prompt"
    if guidance <= NO_GUIDANCE:
        return f"a negative prompt has no effect at a guidance_scale of {NO_GUIDANCE:g} or less"
    return ""


def _size(
    request: ImageRequest, model: CatalogModel, adjustments: list[Adjustment]
) -> tuple[int, int]:
    defaults = conf.defaults()
    wanted = {
        "width": (request.width, model.defaults.get("width") or defaults.width),
        "height": (request.height, model.defaults.get("height") or defaults.height),
    }
    sides = []
    for name, (said, default) in wanted.items():
        asked = said if said is not None else default or model.native_resolution
        if not conf.MIN_SIDE <= asked <= conf.MAX_SIDE:
            limits = f"from {conf.MIN_SIDE} to {conf.MAX_SIDE} pixels"
            raise Invalid(f"{name} must be {limits}.", param=name)
        given = asked - asked % model.traits.multiple
        if given != asked:
            reason = f"sides are multiples of {model.traits.multiple}"
            adjustments.append(Adjustment(name, asked, given, reason))
        sides.append(given)
    return sides[0], sides[1]


def _steps(request: ImageRequest, model: CatalogModel) -> int:
    if request.num_inference_steps is not None:
        return _whole(request.num_inference_steps, "num_inference_steps", 1, conf.MAX_STEPS, 0)
    usual = model.defaults.get("steps") or model.traits.steps or conf.defaults().steps
    factor = QUALITY_STEPS[request.quality or "medium"]
    return max(1, min(conf.MAX_STEPS, round(usual * factor)))


def _guidance(request: ImageRequest, model: CatalogModel) -> float:
    said = request.guidance_scale
    if said is None:
        usual = model.defaults.get("guidance_scale", model.traits.guidance_scale)
        return float(conf.defaults().guidance_scale if usual is None else usual)
    if not math.isfinite(said) or not 0 <= said <= conf.MAX_GUIDANCE:
        raise Invalid(
            f"guidance_scale must be a number from 0 to {conf.MAX_GUIDANCE:g}.",
            param="guidance_scale",
        )
    return float(said)


def _scheduler(request: ImageRequest, model: CatalogModel, adjustments: list[Adjustment]) -> str:
    asked = request.scheduler or model.defaults.get("scheduler") or conf.defaults().scheduler
    name = samplers.canonical(asked)
    if name is None:
        known = ", ".join(samplers.SAMPLERS)
        raise Invalid(f"Unknown scheduler {asked!r}; choose from {known}.", param="scheduler")
    suitable = model.traits.schedulers
    if not suitable or name in suitable:
        return name
    # The server's default is meant for the usual families; only a caller's own wish is news.
    if request.scheduler:
        reason = f"{model.traits.title} is a flow model: only {', '.join(suitable)} suits it"
        adjustments.append(Adjustment("scheduler", request.scheduler, suitable[0], reason))
    return suitable[0]


def _seed(said: int | None) -> int:
    if said is None or said == -1:
        return secrets.randbelow(conf.MAX_SEED + 1)
    return _whole(said, "seed", 0, conf.MAX_SEED, 0)


def _whole(value: int | None, param: str, low: int, high: int, default: int) -> int:
    if value is None:
        return default
    if not low <= value <= high:
        raise Invalid(f"{param} must be a whole number from {low} to {high}.", param=param)
    return value


def _check_cost(resolved: Resolved) -> None:
    if resolved.megapixel_steps > conf.MAX_MEGAPIXEL_STEPS:
        raise Invalid(
            f"n x steps x megapixels is {resolved.megapixel_steps:.0f}; "
            f"at most {conf.MAX_MEGAPIXEL_STEPS:.0f} are allowed.",
            param="num_inference_steps",
        )


def adjustments_json(resolved: Resolved) -> list[dict[str, Any]]:
    return [adjustment.to_json() for adjustment in resolved.adjustments]

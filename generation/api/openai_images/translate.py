"""OpenAI's image generation <-> a job: pure functions."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from generation.api.fields import Said, picture, said, validated
from generation.api.openai_images.schema import ImagesBody
from generation.models import Job
from generation.requests import ImageRequest

# Diffusion counts no tokens, but clients' types want the numbers.
USAGE: Mapping[str, Any] = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}
JPEG_WEBP_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Ask:
    """What to draw and how to hand it over. `compression` is the encoder's quality, 0..100."""

    asked: ImageRequest
    said: Said
    as_url: bool
    output_format: Literal["png", "jpeg", "webp"]
    compression: int
    quality: str
    stream: bool
    partial_images: int


def to_ask(body: Mapping[str, Any]) -> Ask:
    """Raises Invalid or Missing naming the parameter as the body spells it."""
    words = said(body, ImagesBody)
    values = validated(ImagesBody, words)
    asked = picture(values["prompt"], values, words.names)
    fmt = values["output_format"]
    if fmt == "png" and "output_compression" in values:
        # PNG is lossless: there is nothing to trade.
        words = Said(words.values, words.names, (*words.ignored, "output_compression"))
    return Ask(
        asked=asked,
        said=words,
        as_url=values["response_format"] == "url",
        output_format=fmt,
        compression=values.get("output_compression", JPEG_WEBP_QUALITY),
        quality=asked.quality or "medium",
        stream=values["stream"],
        partial_images=values["partial_images"],
    )


def look(ask: Ask, job: Job) -> dict[str, Any]:
    """What a reply and every event say of the pictures' look."""
    return {
        "background": "opaque",
        "output_format": ask.output_format,
        "quality": ask.quality,
        "size": f"{job.spec['width']}x{job.spec['height']}",
    }


def to_reply(
    ask: Ask, job: Job, pictures: Sequence[bytes | str], seeds: Sequence[int]
) -> dict[str, Any]:
    """An ImagesResponse; `pictures` are links or encoded files. Exactly one key an item."""
    return {
        "created": _created(job),
        "data": [
            {"url": p} if isinstance(p, str) else {"b64_json": b64encode(p).decode()}
            for p in pictures
        ],
        **look(ask, job),
        "usage": USAGE,
        "model": job.model,
        "seeds": list(seeds),
        "adjustments": job.adjustments,
    }


def to_partial_event(ask: Ask, job: Job, preview: bytes, index: int) -> dict[str, Any]:
    return {
        "type": "image_generation.partial_image",
        "b64_json": b64encode(preview).decode(),
        "created_at": _created(job),
        "partial_image_index": index,
        **look(ask, job),
    }


def to_completed_event(ask: Ask, job: Job, encoded: bytes, seed: int) -> dict[str, Any]:
    return {
        "type": "image_generation.completed",
        "b64_json": b64encode(encoded).decode(),
        "created_at": _created(job),
        **look(ask, job),
        "usage": USAGE,
        "model": job.model,
        "seed": seed,
    }


def partial_is_due(sent: int, wanted: int, step: int, steps: int) -> bool:
    """Spreads `wanted` previews evenly over the run: the i-th is due at step steps*i/(wanted+1)."""
    return sent < wanted and step * (wanted + 1) >= steps * (sent + 1)


def _created(job: Job) -> int:
    return int((job.finished_at or job.created_at).timestamp())

"""The recipe of a picture: as JSON, as AUTOMATIC1111's text, and inside the picture file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from io import BytesIO
from types import MappingProxyType
from typing import Any, Self

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

CHUNK = "alice"
A1111_CHUNK = "parameters"
EXIF_FOLDER, EXIF_DESCRIPTION, EXIF_COMMENT = 0x8769, 0x010E, 0x9286
# A JPEG segment holds 64 KB less its own header.
EXIF_LIMIT = 65_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What makes this one picture again: sizes in pixels, `seed` of this image alone.

    `scheduler` is our name and `scheduler_label` what people call it; `clip_skip` counts layers
    left out (0: none); `extra` holds what only some pictures have, in JSON types.
    """

    prompt: str
    negative_prompt: str = ""
    model: str
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    scheduler: str
    scheduler_label: str
    seed: int
    clip_skip: int = 0
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, Any]:
        shallow = {f.name: getattr(self, f.name) for f in fields(self)}
        return shallow | {"extra": dict(self.extra)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ValueError for a missing or foreign field."""
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(f"not a recipe: {error}") from error


def to_text(recipe: Recipe) -> str:
    """The recipe as one line of ASCII JSON, as it stands in our chunk."""
    return json.dumps(recipe.to_json(), ensure_ascii=True)


def from_text(text: str) -> Recipe:
    """Reads to_text back; raises ValueError for anything else."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("not a recipe: no JSON object")  # noqa: TRY004 a bad value in text, not a bad call
    return Recipe.from_json(data)


def a1111_parameters(recipe: Recipe) -> str:
    """The text AUTOMATIC1111 writes and many tools read: prompt, negative prompt, settings."""
    settings = {
        "Steps": recipe.num_inference_steps,
        "Sampler": recipe.scheduler_label,
        "CFG scale": f"{recipe.guidance_scale:g}",
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model": recipe.model,
        # AUTOMATIC1111 counts the last layer as 1.
        **({"Clip skip": recipe.clip_skip + 1} if recipe.clip_skip else {}),
        "Version": "ALICE",
    }
    lines = [recipe.prompt]
    if recipe.negative_prompt:
        lines.append(f"Negative prompt: {recipe.negative_prompt}")
    lines.append(", ".join(f"{name}: {_quoted(str(value))}" for name, value in settings.items()))
    return "\n".join(lines)


def png_chunks(recipe: Recipe) -> PngInfo:
    """The text chunks of a PNG of ours: `parameters` for others, `alice` for us."""
    chunks = PngInfo()
    chunks.add_text(A1111_CHUNK, a1111_parameters(recipe))
    chunks.add_text(CHUNK, to_text(recipe))
    return chunks


def from_png(png: bytes) -> Recipe | None:
    """The recipe inside a PNG of ours, or None where there is none that can be read."""
    with Pillow.open(BytesIO(png), formats=["PNG"]) as picture:
        text = picture.info.get(CHUNK)
    if not isinstance(text, str):
        return None
    try:
        return from_text(text)
    except ValueError:
        return None


def exif(recipe: Recipe, limit: int | None = None) -> bytes:
    """The same two texts where JPEG and WebP keep them; b'' where they exceed `limit` bytes."""
    block = Pillow.Exif()
    block[EXIF_DESCRIPTION] = to_text(recipe)
    comment = b"UNICODE\0" + a1111_parameters(recipe).encode("utf-16-be")
    block.get_ifd(EXIF_FOLDER)[EXIF_COMMENT] = comment
    data = block.tobytes()
    return b"" if limit is not None and len(data) > limit else data


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if set(value) & set(',:\n"') else value

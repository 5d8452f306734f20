"""What made a picture, as rows of label and value, in the words of the form."""

from collections.abc import Iterator
from typing import Any

from gallery.models import Image


def rows(image: Image) -> Iterator[tuple[str, Any]]:
    """None where the recipe does not say."""
    recipe = image.recipe
    yield "Model", image.model
    yield "Size", f"{image.width} × {image.height}"  # noqa: RUF001 the typographic cross
    yield "Steps", recipe.get("num_inference_steps")
    yield "Guidance", recipe.get("guidance_scale")
    yield "Scheduler", recipe.get("scheduler_label") or recipe.get("scheduler")
    yield "Seed", image.seed
    if recipe.get("clip_skip"):
        yield "Clip skip", recipe["clip_skip"]

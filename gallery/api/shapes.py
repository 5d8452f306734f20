"""Pictures as JSON, in the field names that the gallery's clients know."""

from typing import Any

from accounts.api.shapes import seconds
from accounts.models import User
from gallery import sharing
from gallery.models import Album, Image
from gallery.queries import Page

DEFAULT_PAGE = 50

# The words of a request that makes the same picture again.
REQUEST_FIELDS = (
    "prompt", "negative_prompt", "model", "width", "height", "num_inference_steps",
    "guidance_scale", "scheduler", "seed", "clip_skip",
)  # fmt: skip


def item(image: Image, viewer: User, base_url: str) -> dict[str, Any]:
    """One picture; times in Unix seconds, `url` absolute and as sharing.address() has it.

    `favourite` and `keep` are their owner's own marks: to others they are false.
    """
    recipe, extra, mine = image.recipe, image.recipe.get("extra", {}), image.owner_id == viewer.pk
    loras = extra.get("loras", [])
    return {
        "id": str(image.pk),
        "filename": f"{image.pk}.png",
        "url": sharing.address(image, viewer, base_url),
        "thumbnailUrl": f"{base_url}/v1/images/{image.pk}/thumbnail",
        "isPublic": image.shared,
        "createdAt": seconds(image.created_at),
        "expiresAt": seconds(image.public_until) if image.shared else None,
        "isOwner": mine,
        "prompt": image.prompt,
        "negativePrompt": image.negative_prompt,
        "model": image.model,
        "steps": recipe.get("num_inference_steps"),
        "guidanceScale": recipe.get("guidance_scale"),
        "width": image.width,
        "height": image.height,
        "seed": image.seed,
        "scheduler": recipe.get("scheduler"),
        "generationTime": image.generation_ms / 1000,
        "loras": [lora["name"] for lora in loras],
        "loraScales": [lora["scale"] for lora in loras],
        "tags": sorted(tag.name for tag in image.tags.all()),
        "favourite": mine and image.favourite,
        "keep": mine and image.keep,
        "metadata": recipe,
    }


def listing(
    page: Page, viewer: User, base_url: str, *, limit: int, offset: int, total: int | None
) -> dict[str, Any]:
    """One page of the gallery; `total` None where it was not counted."""
    return {
        "object": "list",
        "data": [item(image, viewer, base_url) for image in page.images],
        "total": total,
        "limit": limit,
        "offset": offset,
        "nextCursor": page.cursor,
    }


def album(found: Album) -> dict[str, Any]:
    """An album; its pictures are `GET /v1/gallery?album=<id>`. `found` comes from albums."""
    return {
        "id": str(found.pk),
        "name": found.name,
        "createdAt": seconds(found.created_at),
        "count": found.count,
    }


def request_again(image: Image) -> dict[str, Any]:
    """The body that makes this picture again, for POST /v1/jobs and /v1/images/generations."""
    return {name: image.recipe[name] for name in REQUEST_FIELDS if name in image.recipe} | {"n": 1}

"""Pictures to take away: a zip, made while it is sent, with their recipes beside them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID
from zipfile import ZIP_STORED

from django.http import StreamingHttpResponse
from django.utils import timezone
from zipstream.ng import ZipStream

from accounts import streams
from accounts.models import User
from accounts.problems import NotFound
from gallery import sharing, storage
from gallery.errors import GONE, FileLost, StorageDown
from gallery.metadata import Recipe, a1111_parameters
from gallery.models import Image

LARGEST = 1000
# So many rows are read at a time, and looked at again: an archive may take minutes to send.
ROWS = 20


def exportable(user: User, ids: Iterable[UUID]) -> Iterator[Image | UUID]:
    """Own pictures and shared ones as they stand when their turn comes, else their bare ids.

    Staff have no more rights here than others: what is private is not for taking away.
    """
    waiting = list(dict.fromkeys(ids))
    for start in range(0, len(waiting), ROWS):
        batch = waiting[start : start + ROWS]
        rows = Image.objects.select_related("owner").prefetch_related("tags").in_bulk(batch)
        for key in batch:
            image = rows.get(key)
            yield image if image is not None and _may_take(user, image) else key


def some_of(user: User, ids: Iterable[UUID]) -> list[UUID]:
    """`ids`, when at least one of them can be exported; raises NotFound otherwise."""
    wanted = list(ids)
    if not any(isinstance(found, Image) for found in exportable(user, wanted)):
        raise NotFound(GONE)
    return wanted


def stream(images: Iterable[Image | UUID]) -> Iterator[bytes]:
    """The zip, piece by piece: `<id>.png`, `<id>.txt` (the recipe as text) and `metadata.json`.

    Nothing is compressed: a PNG is already. A picture that is gone, or whose file cannot be read
    now, is named under `missing` in the metadata.
    """
    archive = ZipStream(compress_type=ZIP_STORED)
    facts: list[dict[str, Any]] = []
    missing: list[dict[str, str]] = []
    for image in images:
        if isinstance(image, UUID):
            missing.append({"id": str(image), "reason": "not_found"})
            continue
        try:
            png = storage.read(image)
        except (FileLost, StorageDown) as problem:
            missing.append({"id": str(image.pk), "reason": problem.code})
            continue
        archive.add(png, f"{image.pk}.png")
        archive.add(_text(image), f"{image.pk}.txt")
        facts.append(_facts(image))
        yield from archive.all_files()
    archive.add(_metadata(facts, missing), "metadata.json")
    yield from archive.finalize()


def reply(images: Iterable[Image | UUID], name: str = "") -> StreamingHttpResponse:
    """The zip of what exportable() gave, sent as it is made and kept under `name`.zip."""
    return download(stream(images), name or f"alice-{timezone.now():%Y%m%d-%H%M%S}")


def download(pieces: Iterator[bytes], stem: str) -> StreamingHttpResponse:
    """A zip that is made while it is sent, kept under `stem`.zip by whoever asked for it."""
    return streams.download(pieces, f"{stem}.zip", "application/zip")


def _may_take(user: User, image: Image) -> bool:
    if image.state == Image.State.DELETING:
        return False
    return image.owner_id == user.pk or sharing.visible_to(image, None)


def _text(image: Image) -> bytes:
    try:
        return a1111_parameters(Recipe.from_json(image.recipe)).encode()
    except ValueError:
        # A recipe of another version: still better told than left out.
        return json.dumps(image.recipe, ensure_ascii=False, indent=2).encode()


def _facts(image: Image) -> dict[str, Any]:
    return {
        "id": str(image.pk),
        "file": f"{image.pk}.png",
        "recipeFile": f"{image.pk}.txt",
        "createdAt": int(image.created_at.timestamp()),
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "prompt": image.prompt,
        "negativePrompt": image.negative_prompt,
        "model": image.model,
        "seed": image.seed,
        "tags": sorted(tag.name for tag in image.tags.all()),
        "metadata": image.recipe,
    }


def _metadata(facts: list[dict[str, Any]], missing: list[dict[str, str]]) -> bytes:
    whole = {"object": "export", "createdAt": int(timezone.now().timestamp())}
    text = json.dumps(whole | {"images": facts, "missing": missing}, ensure_ascii=False, indent=2)
    return text.encode(errors="replace")

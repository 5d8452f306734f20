"""Keeping pictures: the file is durable before any row speaks of it, and gone before its row."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum

from accounts import quotas
from gallery import encoding
from gallery.disk import Disk, Listed
from gallery.encoding import Format, as_format
from gallery.errors import FileLost, StorageDown, StorageFull
from gallery.metadata import Recipe
from gallery.models import Image

__all__ = [
    "FileLost", "Format", "StorageDown", "StorageFull", "StoredFile", "as_format", "delete",
    "discard", "doomed_bytes", "finish_deletions", "hide", "hide_all", "read", "read_thumbnail",
    "remove", "remove_files", "stage", "store", "used_bytes",
]  # fmt: skip

logger = logging.getLogger(__name__)
SHARD_LENGTH = 2
# So many pictures are deleted together: enough to be quick, too few to hold a lock for long.
BATCH = 100
# So many files in a row that cannot be removed mean that none can.
PATIENCE = 5


class Store(Protocol):
    """Where the bytes lie. Each call raises StorageDown or its kin, read also FileLost."""

    def write(self, name: str, data: bytes) -> None: ...
    def read(self, name: str) -> bytes: ...
    def remove(self, name: str) -> None: ...
    def has(self, name: str) -> bool: ...
    def listing(self, folder: str) -> Iterator[Listed]: ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A picture whose files are durable and which no row names yet. Sizes in pixels and bytes."""

    file: str
    thumbnail: str
    sha256: str
    size_bytes: int
    width: int
    height: int


def stage(rgb: bytes, width: int, height: int, recipe: Recipe, name: str) -> StoredFile:
    """Encode and keep one picture; on return a power cut cannot take it.

    `rgb`: 8 bits a channel, rows from the top; `name`: image id and attempt, so that two
    attempts never share a file. Raises StorageFull or StorageDown and then leaves nothing.
    """
    picture = encoding.open_raster(rgb, width, height)
    png = encoding.png(picture, recipe)
    folder = name[:SHARD_LENGTH]
    stored = StoredFile(
        file=f"{folder}/{name}.png",
        thumbnail=f"{folder}/{name}.webp",
        sha256=hashlib.sha256(png).hexdigest(),
        size_bytes=len(png),
        width=width,
        height=height,
    )
    try:
        store().write(stored.thumbnail, encoding.thumbnail(picture))
        store().write(stored.file, png)
    except StorageDown:
        _forget(stored)
        raise
    return stored


def read(image: Image) -> bytes:
    """The stored PNG. Raises FileLost or StorageDown."""
    return _read(image, image.file)


def read_thumbnail(image: Image) -> bytes:
    """The WebP thumbnail. Raises FileLost or StorageDown."""
    return _read(image, image.thumbnail)


def delete(image: Image) -> None:
    """Tombstone, files, row: after any interruption the same call again finishes the work.

    Raises StorageDown when the files cannot be removed; the picture stays hidden and marked.
    """
    hide(image)
    remove_files(image)
    Image.objects.filter(pk=image.pk).delete()


def hide(image: Image) -> None:
    """The tombstone: nobody sees the picture any more, and its owner no longer pays for it."""
    hide_all(Image.objects.filter(pk=image.pk))


def hide_all(chosen: QuerySet[Image]) -> list[Image]:
    """The tombstone on all of `chosen` at once; those that nobody had hidden before.

    What `chosen` asks for is looked at again under the lock: a picture that was marked or shared
    meanwhile, and so is no longer wanted, stays.
    """
    with transaction.atomic():
        seen = chosen.exclude(state=Image.State.DELETING).select_related(None)
        hidden = list(seen.select_for_update().order_by("pk"))
        names = [image.pk for image in hidden]
        Image.objects.filter(pk__in=names).update(state=Image.State.DELETING)
        sizes: dict[int, list[int]] = {}
        for image in hidden:
            sizes.setdefault(image.owner_id, []).append(image.size_bytes)
        for owner_id, bytes_of in sorted(sizes.items()):
            quotas.stored(owner_id, images=-len(bytes_of), bytes=-sum(bytes_of))
    return hidden


def finish_deletions() -> int:
    """Complete what a crash or a failing store interrupted; how many pictures are now gone."""
    hidden = Image.objects.filter(state=Image.State.DELETING).order_by("pk")
    gone, batch = 0, list(hidden[:BATCH])
    while batch:
        gone += remove(batch)
        batch = list(hidden.filter(pk__gt=batch[-1].pk)[:BATCH])
    return gone


def remove(hidden: Sequence[Image]) -> int:
    """Files, then rows, of pictures that are hidden already; how many are now gone."""
    gone, failures = [], 0
    for image in hidden:
        try:
            remove_files(image)
        except StorageDown as problem:
            logger.warning("Image %s cannot be deleted yet: %s", image.pk, problem.message)
            failures += 1
            if failures == PATIENCE:
                # A store that is away costs many seconds a file: they wait for the next time.
                break
        else:
            gone.append(image.pk)
            failures = 0
    Image.objects.filter(pk__in=gone).delete()
    return len(gone)


def discard(stored: StoredFile) -> None:
    """Remove the files of a result that was not published."""
    remove_files(stored)


def remove_files(kept: Image | StoredFile) -> None:
    """Picture and thumbnail; files already gone are no error."""
    store().remove(kept.file)
    store().remove(kept.thumbnail)


def used_bytes() -> int:
    """Bytes of all pictures kept, by their rows; read from an index alone."""
    return Image.objects.aggregate(total=Sum("size_bytes"))["total"] or 0


def doomed_bytes() -> int:
    """Those of them that finish_deletions() would free."""
    hidden = Image.objects.filter(state=Image.State.DELETING)
    return hidden.aggregate(total=Sum("size_bytes"))["total"] or 0


def store() -> Store:
    """The store of ALICE_STORAGE_URL."""
    return _open(settings.ALICE_STORAGE_URL, settings.ALICE_DATA_DIR / "images")


@lru_cache(maxsize=8)
def _open(url: str, default: Path) -> Store:
    if url.startswith("s3://"):
        # Only whoever keeps pictures in S3 pays for loading its client.
        from gallery.bucket import Bucket

        return Bucket(url)
    return Disk(Path(unquote(urlsplit(url).path)) if url else default)


def _read(image: Image, name: str) -> bytes:
    try:
        return store().read(name)
    except FileLost:
        logger.exception("The file of image %s is gone: %s", image.pk, name)
        raise


def _forget(stored: StoredFile) -> None:
    """Best effort: the sweep of orphans takes what a failing disk will not give up now."""
    try:
        discard(stored)
    except StorageDown as problem:
        logger.warning("Could not remove the half-kept %s: %s", stored.file, problem.message)

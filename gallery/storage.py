"""Keeping pictures: the file is durable before any row speaks of it, and gone before its row."""

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db.models import Sum

from gallery import encoding
from gallery.disk import Disk
from gallery.encoding import Format, as_format
from gallery.errors import FileLost, StorageDown, StorageFull
from gallery.metadata import Recipe
from gallery.models import Image

__all__ = [
    "FileLost", "Format", "StorageDown", "StorageFull", "StoredFile", "as_format", "delete",
    "discard", "finish_deletions", "read", "read_thumbnail", "remove_files", "stage",
    "used_bytes",
]  # fmt: skip

logger = logging.getLogger(__name__)
SHARD_LENGTH = 2


class Store(Protocol):
    """Where the bytes lie. Each call raises StorageDown or its kin, read also FileLost."""

    def write(self, name: str, data: bytes) -> None: ...
    def read(self, name: str) -> bytes: ...
    def remove(self, name: str) -> None: ...


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
    Image.objects.filter(pk=image.pk).update(state=Image.State.DELETING)
    remove_files(image)
    Image.objects.filter(pk=image.pk).delete()


def finish_deletions() -> int:
    """Complete what a crash or a failing store interrupted; how many pictures are now gone."""
    gone = 0
    for image in Image.objects.filter(state=Image.State.DELETING):
        try:
            delete(image)
        except StorageDown as problem:
            logger.warning("Image %s cannot be deleted yet: %s", image.pk, problem.message)
        else:
            gone += 1
    return gone


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

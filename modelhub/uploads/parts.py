"""Files of uploads on disk, beside the models: who writes to one, and whether there is room."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

from django.conf import settings
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from accounts.problems import Busy, Invalid
from modelhub import disk
from modelhub.disk import DiskFull
from modelhub.models import Download, Upload

PIECE = 2**20
# What the rest of the machine needs to go on working.
SPARE_BYTES = 2**30


class AtWork(Busy):
    """Somebody else writes to this upload at this moment."""

    code = "upload_busy"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def root() -> Path:
    return Path(settings.ALICE_MODELS_DIR)


def folder() -> Path:
    """Hidden, so that no scan takes it for models; on their file system, so that moving is one step."""
    made = root() / ".uploads"
    made.mkdir(parents=True, exist_ok=True)
    return made


def file_of(pk: UUID) -> Path:
    return folder() / f"{pk}.safetensors"


@contextmanager
def held(pk: UUID) -> Iterator[IO[bytes]]:
    """The upload's file, for one writer at a time on all of this host's processes. Raises AtWork,
    DiskFull or DiskDown.
    """
    with disk.named():
        handle = os.open(file_of(pk), os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AtWork("Another request works on this upload.", retry_after=1) from None
        yield file


@contextmanager
def one_by_one() -> Iterator[None]:
    """For what must see all uploads, or all names, as they are: one at a time."""
    with (folder() / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(file: IO[bytes], offset: int, body: Readable, length: int) -> None:
    """`length` bytes of `body` at `offset`, durable when this returns. Raises OSError, or Invalid when
    the body is shorter; what was written of it counts for nothing then.
    """
    # A writer that died may have left more than its row says.
    file.truncate(offset)
    file.seek(offset)
    left = length
    while left and (piece := body.read(min(PIECE, left))):
        file.write(piece)
        left -= len(piece)
    file.flush()
    os.fsync(file.fileno())
    if left:
        raise Invalid("The body ended early.", code="body_stalled")


def check_room(size: int) -> None:
    """Raises DiskFull unless everything under way and `size` bytes more fit."""
    free = shutil.disk_usage(folder()).free - reserved()
    if size > free - SPARE_BYTES:
        told = f"{size} bytes do not fit: {max(0, free - SPARE_BYTES)} are free for models."
        raise DiskFull(told, retry_after=60)


def reserved() -> int:
    """Bytes that open uploads and downloads still want of the disk."""
    fetched = Download.objects.filter(status__in=Download.OPEN)
    downloads = fetched.aggregate(n=Sum(Coalesce("total_bytes", "done_bytes") - F("done_bytes")))
    return still_to_come() + max(0, int(downloads["n"] or 0))


def still_to_come() -> int:
    """The same of uploads alone."""
    told = Upload.objects.aggregate(n=Sum(F("size_bytes") - F("received_bytes")))
    return int(told["n"] or 0)

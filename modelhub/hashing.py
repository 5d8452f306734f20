"""SHA-256 of installed models, computed in the background: slowly, newest first, in slices.

What a digest is for: telling duplicates, knowing a model again after it was moved, and comparing
with what catalogues say. A file's digest is that of its bytes; a folder's is the digest of a list of
its safetensors, each with its name and its own digest.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from modelhub import rows, walking
from modelhub.fingerprints import fingerprint
from modelhub.models import CatalogModel

log = logging.getLogger(__name__)

BLOCK = 8 * 2**20
# As long as a block took, the disk and the processor are left to those who wait for pictures.
REST = 1.0
# Nobody reads their files: there are none, they change, or they go.
UNHASHED = (CatalogModel.State.MISSING, CatalogModel.State.CORRUPT, CatalogModel.State.DELETING)


def waiting() -> QuerySet[CatalogModel]:
    """Models without a digest whose files are there, newest first."""
    return CatalogModel.objects.filter(sha256="").exclude(state__in=UNHASHED).order_by("-pk")


def hash_waiting(seconds: float, rest: float = REST) -> bool:
    """Hash for about `seconds`, at least one model; whether nothing is left that can be hashed."""
    until = time.monotonic() + seconds
    tried: set[int] = set()
    while row := waiting().exclude(pk__in=tried).first():
        if tried and time.monotonic() >= until:
            return False
        tried.add(row.pk)
        _hash(row, rest)
    return True


def _hash(row: CatalogModel, rest: float) -> None:
    path = row.location
    try:
        digest = digest_of(path, rest)
        same = walking.is_model(path) and fingerprint(path) == row.fingerprint
    except OSError as problem:
        log.warning("%s cannot be hashed: %s", ascii(row.path), problem.strerror)
        return
    if not (digest and same):
        # It changed while it was read, or went: the next scan looks at it, and then it waits again.
        return
    with transaction.atomic():
        as_read = CatalogModel.objects.select_for_update().filter(
            pk=row.pk, fingerprint=row.fingerprint, sha256=""
        )
        if current := as_read.first():
            rows.keep_digest(current, digest)


def digest_of(path: Path, rest: float = 0.0) -> str:
    """The digest of a file or folder; empty for a folder without safetensors."""
    if not path.is_dir():
        return _digest(path, rest)
    inside = Path(settings.ALICE_MODELS_DIR).resolve()
    files = [file for file in sorted(path.rglob("*.safetensors")) if file.is_file()]
    lines = [
        f"{_digest(file, rest)}  {file.relative_to(path).as_posix()}\n"
        for file in files
        if file.resolve().is_relative_to(inside)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


def _digest(file: Path, rest: float) -> str:
    made = hashlib.sha256()
    began = time.monotonic()
    for block in _blocks(file):
        made.update(block)
        time.sleep(rest * (time.monotonic() - began))
        began = time.monotonic()
    return made.hexdigest()


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block
            if hasattr(os, "posix_fadvise"):
                # What is read once must not push warm models out of the page cache.
                os.posix_fadvise(stream.fileno(), 0, stream.tell(), os.POSIX_FADV_DONTNEED)

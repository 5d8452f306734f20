"""What a file may be known by beforehand: sums that its source tells, counted while the bytes come."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelhub.models import DownloadFile


@dataclass(frozen=True, slots=True)
class Sum:
    """`field` of a file's row holds what was announced; `begun` takes the file's size in bytes."""

    field: str
    title: str
    begun: Callable[[int | None], Any]


def _blob(size: int | None) -> Any:
    """As git names a file. Sources that tell it tell the size as well."""
    return hashlib.sha1(b"blob %d\0" % (size or 0), usedforsecurity=False)


SHA256 = Sum("sha256", "SHA-256", lambda _: hashlib.sha256())
SUMS = (SHA256, Sum("git_sha1", "SHA-1 of git", _blob))


def known(file: DownloadFile) -> bool:
    """Whether anything but its length tells the file from another one."""
    return any(getattr(file, each.field) for each in SUMS)


class Running:
    """The sums of a file so far: SHA-256 always, since the row keeps it, others where announced."""

    def __init__(self, file: DownloadFile) -> None:
        self._announced = {each: getattr(file, each.field) for each in SUMS}
        size = file.size_bytes
        self._sums = {
            each: each.begun(size) for each in SUMS if each is SHA256 or self._announced[each]
        }

    def update(self, piece: bytes) -> None:
        for each in self._sums.values():
            each.update(piece)

    def sha256(self) -> str:
        return str(self._sums[SHA256].hexdigest())

    def wrong(self) -> Sum | None:
        """The first sum that is not the announced one."""
        sums = self._sums.items()
        return next((s for s, h in sums if self._announced[s] not in {"", h.hexdigest()}), None)

"""Noticing that source files changed, for `make dev`."""

from collections.abc import Iterable
from pathlib import Path

SOURCES = ("**/*.py", "**/*.html")


class Watched:
    """The source files below `folders` and when each was last written."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        self.seen = self._times()

    def changed(self) -> bool:
        """True once for every change, addition or removal since the last call."""
        now = self._times()
        before, self.seen = self.seen, now
        return now != before

    def _times(self) -> dict[Path, int]:
        return {
            file: file.stat().st_mtime_ns
            for folder in self.folders
            for pattern in SOURCES
            for file in folder.glob(pattern)
            if file.is_file()
        }

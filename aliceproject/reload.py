"""Noticing that source files changed, for `make dev`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCES = frozenset({".py", ".html"})
# What programs write while they run, not people.
LEFT_OUT = frozenset({"data", "tests", "bench"})


class Watched:
    """The source files below `folders` and when each was last written."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        self.seen = dict(self._times())

    def changed(self) -> bool:
        """True once for every change, addition or removal since the last call."""
        before, self.seen = self.seen, dict(self._times())
        return self.seen != before

    def _times(self) -> Iterator[tuple[Path, int]]:
        for top in self.folders:
            for folder, below, files in os.walk(top):
                below[:] = [n for n in below if not n.startswith((".", "_")) and n not in LEFT_OUT]
                for file in (Path(folder, name) for name in files):
                    if file.suffix in SOURCES and file.is_file():
                        yield file, file.stat().st_mtime_ns

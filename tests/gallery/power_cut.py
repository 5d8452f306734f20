"""Records what a program asks of the disk, and what a power cut may leave of it.

The model: what was written to a file lasts once that file was synced; a name (made, renamed,
removed) lasts once its folder was synced. Of the rest anything may be lost, in any combination.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Event = tuple[Any, ...]
Disk = dict[Path, bytes]


@dataclass
class Recorder:
    """The real calls, done and written down; `skip` names syncs that are only pretended."""

    root: Path
    events: list[Event] = field(default_factory=list)
    skip: Callable[[Path], bool] = lambda path: False
    _open: dict[int, tuple[Path, int]] = field(default_factory=dict)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("open", "write", "fsync", "rename", "mkdir", "unlink"):
            patch.setattr(os, name, self._recording(name, getattr(os, name)))

    def commit(self, file: str, digest: str) -> None:
        self.events.append(("commit", file, digest))

    def hide(self, file: str) -> None:
        self.events.append(("hide", file))

    def _recording(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        note = getattr(self, f"_note_{name}")

        def recorded(*arguments: Any, **options: Any) -> Any:
            if name == "fsync" and self._pretended(arguments[0]):
                return None
            result = real(*arguments, **options)
            note(result, *arguments)
            return result

        return recorded

    def _pretended(self, handle: int) -> bool:
        return handle in self._open and self.skip(self._open[handle][0])

    def _note_open(self, handle: int, path: Any, flags: int = 0, *_: Any) -> None:
        place = Path(path)
        if self.root in place.parents or place in (self.root, self.root.parent):
            self._open[handle] = (place, len(self.events))
            if flags & os.O_CREAT:
                self.events.append(("create", place, len(self.events)))
        else:
            self._open.pop(handle, None)

    def _note_write(self, count: int, handle: int, data: Any) -> None:
        if handle in self._open:
            self.events.append(("write", self._open[handle][1], bytes(data[:count])))

    def _note_fsync(self, _: None, handle: int) -> None:
        if handle in self._open:
            self.events.append(("sync", *self._open[handle]))

    def _note_rename(self, _: None, source: Any, target: Any) -> None:
        self.events.append(("rename", Path(source), Path(target)))

    def _note_mkdir(self, _: None, path: Any, *__: Any) -> None:
        self.events.append(("mkdir", Path(path)))

    def _note_unlink(self, _: None, path: Any) -> None:
        self.events.append(("unlink", Path(path)))


def aftermaths(events: Sequence[Event]) -> Iterator[Disk]:
    """Every disk that a cut after these events is made to leave.

    Of the n operations that were not yet durable: none survives, all do, each alone, all but one.
    """
    loose = [index for index, event in enumerate(events) if _loose(index, event, events)]
    everything = frozenset(loose)
    survivals = {frozenset[int](), everything}
    survivals |= {frozenset({one}) for one in loose} | {everything - {one} for one in loose}
    for survivors in survivals:
        yield _replay(events, everything - survivors)


def _loose(index: int, event: Event, events: Sequence[Event]) -> bool:
    """Whether no later sync made this operation durable."""
    later = events[index + 1 :]
    match event:
        case ("write", file, _):
            return not any(e[0] == "sync" and e[2] == file for e in later)
        case ("create" | "mkdir" | "unlink" | "rename", path, *_):
            return not any(e[0] == "sync" and e[1] == path.parent for e in later)
    return False


def _replay(events: Sequence[Event], lost: frozenset[int]) -> Disk:
    names: dict[Path, int] = {}
    contents: dict[int, bytes] = {}
    folders: set[Path] = set()
    for index, event in enumerate(events):
        if index not in lost:
            _apply(event, names, contents, folders)
    gone = {event[1] for event in events if event[0] == "mkdir"} - folders
    return {
        path: contents.get(file, b"")
        for path, file in names.items()
        if not gone.intersection(path.parents)
    }


def _apply(
    event: Event, names: dict[Path, int], contents: dict[int, bytes], folders: set[Path]
) -> None:
    match event:
        case ("create", path, file):
            names[path] = file
        case ("write", file, data):
            contents[file] = contents.get(file, b"") + data
        case ("rename", source, target):
            _rename(names, source, target)
        case ("unlink", path):
            names.pop(path, None)
        case ("mkdir", path):
            folders.add(path)


def _rename(names: dict[Path, int], source: Path, target: Path) -> None:
    # The draft's own name may have been lost while the rename survived: the file is still there.
    file = names.pop(source, None)
    if file is not None:
        names[target] = file

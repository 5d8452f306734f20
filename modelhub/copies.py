"""Fast copies of single files, in diffusers layout beside the models. Standard library only.

    .converted/KEY-DTYPE/   one copy: a diffusers folder and copy.json, which says of what
    .parts/SHA256           VAEs and text encoders by content; copies hold hard links to them

A copy is made under a name that nobody reads and put in place by one rename. KEY stands for the
file's content as its header and time tell it, so that a renamed file keeps its copy.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelhub import moving

CONVERTED, PARTS = ".converted", ".parts"
MANIFEST = "copy.json"
_UNFINISHED = "unfinished-"
_SHARED = ("vae", "text_encoder", "text_encoder_2", "text_encoder_3")
# What a conversion may need beyond the size of its source: fp16 weights that become float32.
SPACE_FACTOR = 2.0
_KEY_HEADER = 1 << 20


class NoSpace(Exception):
    """The disk has no room for a copy; the message says how much is missing."""


class Busy(Exception):
    """Another process is making or removing copies just now."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished copy. `size_bytes` counts all it consists of, parts shared with others too."""

    path: Path
    key: str
    dtype: str
    size_bytes: int


def key_of(source: Path) -> str:
    """Stands for the file as it is now: its header, its size and when it was written."""
    facts = source.stat()
    with source.open("rb") as stream:
        header = stream.read(_KEY_HEADER)
    told = f"{facts.st_size} {facts.st_mtime_ns} ".encode()
    # Side-cars beside it change what becomes of it.
    beside = source.with_suffix(".components")
    for file in sorted(beside.rglob("*.json")) if beside.is_dir() else ():
        told += file.relative_to(beside).as_posix().encode() + file.read_bytes()
    return hashlib.sha256(told + header).hexdigest()[:32]


def read(path: Path) -> Copy | None:
    """The finished copy at `path`; None for anything else."""
    try:
        said = json.loads((path / MANIFEST).read_text())
        return Copy(path, str(said["key"]), str(said["dtype"]), int(said["bytes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fits(path: Path, source: Path, dtype: str) -> bool:
    """Whether the copy at `path` is of `source` as it is now, in the format that is computed in."""
    copy = read(path)
    return copy is not None and copy.dtype == dtype and copy.key == key_of(source)


def all_in(root: Path) -> list[Copy]:
    folder = root / CONVERTED
    found = (read(path) for path in sorted(folder.iterdir())) if folder.is_dir() else ()
    return [copy for copy in found if copy]


def check_space(root: Path, source: Path) -> None:
    needed = int(source.stat().st_size * SPACE_FACTOR)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise NoSpace(
            f"A copy may take {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free in the models folder."
        )


def make(root: Path, source: Path, write: Callable[[Path], str]) -> Copy:
    """A copy of `source`, made by `write`, which fills an empty folder and says the dtype; the one
    there is when it is there already. Raises Busy, NoSpace, and what `write` raises.
    """
    with _alone(root) as folder:
        check_space(root, source)
        key = key_of(source)
        draft = folder / f"{_UNFINISHED}{key}"
        draft.mkdir()
        try:
            dtype = write(draft)
            if key_of(source) != key:
                raise Busy(f"{source.name} changed while it was read.")
            return _finish(root, draft, key, dtype)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def prune(root: Path, wanted: set[str], *, dry_run: bool = False) -> tuple[list[Copy], int]:
    """Copies whose key nobody wants, and the bytes that their end gives back. Raises Busy."""
    if not (root / CONVERTED).is_dir():
        return [], 0
    with _alone(root):
        going = [copy for copy in all_in(root) if copy.key not in wanted]
        freed = _given_back(root, [copy.path for copy in going])
        if not dry_run:
            for copy in going:
                shutil.rmtree(copy.path)
            for part in _unused(root):
                part.unlink()
    return going, freed


def _finish(root: Path, draft: Path, key: str, dtype: str) -> Copy:
    for name in _SHARED:
        for file in sorted((draft / name).glob("*.safetensors")):
            _keep_once(file, root / PARTS)
    size = sum(file.stat().st_size for file in draft.rglob("*") if file.is_file())
    (draft / MANIFEST).write_text(json.dumps({"key": key, "dtype": dtype, "bytes": size}))
    for file in draft.rglob("*"):
        moving.sync(file)
    moving.sync(draft)
    final = root / CONVERTED / f"{key}-{dtype}"
    if final.exists():
        # A whole one of the same file cannot differ; anything else is what a fault left.
        shutil.rmtree(final)
    draft.rename(final)
    moving.sync(final.parent)
    return Copy(final, key, dtype, size)


def _keep_once(file: Path, store: Path) -> None:
    """Make `file` a hard link to the one such part of the store, where the file system has them."""
    store.mkdir(exist_ok=True)
    part = store / f"{_sha256(file)}.safetensors"
    try:
        if not part.exists():
            os.link(file, part)
            return
        link = file.with_suffix(".link")
        os.link(part, link)
        link.replace(file)
    except OSError:
        # No hard links here, or too many of one file: then the copy simply has its own.
        return


def _given_back(root: Path, paths: list[Path]) -> int:
    """Bytes that only these copies, and the store for them alone, hold on to."""
    links: dict[int, tuple[int, int, int]] = {}
    for path in paths:
        for file in path.rglob("*"):
            if file.is_file():
                facts = file.stat()
                _, _, seen = links.get(facts.st_ino, (0, 0, 0))
                links[facts.st_ino] = (facts.st_size, facts.st_nlink, seen + 1)
    stored = {part.stat().st_ino for part in _stored(root)}
    held = {inode: seen + (inode in stored) for inode, (_, _, seen) in links.items()}
    idle = sum(part.stat().st_size for part in _unused(root))
    return idle + sum(size for inode, (size, count, _) in links.items() if count <= held[inode])


def _stored(root: Path) -> list[Path]:
    store = root / PARTS
    return sorted(store.glob("*.safetensors")) if store.is_dir() else []


def _unused(root: Path) -> list[Path]:
    """Parts that no copy links to any more."""
    return [part for part in _stored(root) if part.stat().st_nlink == 1]


@contextmanager
def _alone(root: Path) -> Iterator[Path]:
    """One process at a time; what a killed one left unfinished is removed."""
    folder = root / CONVERTED
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("Another conversion is under way.") from None
        for draft in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(draft)
        yield folder


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

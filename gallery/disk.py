"""Files on the local disk that are whole or absent, also after a power cut."""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gallery.errors import FileLost, StorageDown, StorageFull

# A file that is being written, or was when its process died.
DRAFT = re.compile(r"\..+\.(?P<pid>\d+)-[0-9a-f]{8}\.part")
AWAY = "The folder of the pictures is not there."
# Not every system knows it.
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that lies in a store, and when it was written, in Unix seconds."""

    name: str
    written_at: float


class Disk:
    """A folder tree of files named `shard/name`. Names come from rows, never from callers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[Path] = set()

    def write(self, name: str, data: bytes) -> None:
        """Returns once the file is durable under its name; raises StorageFull or StorageDown."""
        target = self._path(name)
        draft = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            self._make_folder(target.parent)
            try:
                _write_synced(draft, data)
                os.rename(draft, target)  # noqa: PTH104 the calls the power-loss test records
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)
        except OSError as error:
            raise _named(error) from error

    def read(self, name: str) -> bytes:
        """Never through a link within the tree: it may lead to any file of this machine."""
        path = self._path(name)
        try:
            if path.parent.is_symlink():
                raise FileLost
            with os.fdopen(os.open(path, os.O_RDONLY | NO_LINK), "rb") as file:
                return file.read()
        except FileNotFoundError as error:
            raise FileLost from error
        except OSError as error:
            raise (FileLost() if error.errno == errno.ELOOP else _named(error)) from error

    def remove(self, name: str) -> None:
        """Durably gone; a missing file is already removed."""
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)
        except OSError as error:
            raise _named(error) from error

    def has(self, name: str) -> bool:
        """Raises StorageDown where the whole folder is away: then nothing is known of its files."""
        path = self._path(name)
        try:
            return stat.S_ISREG(path.lstat().st_mode) and not path.parent.is_symlink()
        except FileNotFoundError as error:
            if not self.root.is_dir():
                raise StorageDown(AWAY, retry_after=30) from error
            return False
        except OSError as error:
            raise _named(error) from error

    def listing(self, folder: str) -> Iterator[Listed]:
        """The files in one folder of the tree, drafts included, in no order; no links."""
        if not self.root.is_dir():
            raise StorageDown(AWAY, retry_after=30)
        if (self.root / folder).is_symlink():
            return
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):
                            yield Listed(f"{folder}/{entry.name}", found.st_mtime)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _named(error) from error

    def _path(self, name: str) -> Path:
        path = self.root / name
        if self.root not in path.parents or ".." in path.parts:
            raise ValueError(f"{name!r} leaves the storage folder")
        return path

    def _make_folder(self, folder: Path) -> None:
        """The folder, its entry synced too: also when another process has only just made it."""
        if folder in self._durable and folder.is_dir():
            return
        # Up to the root always; above it only what is missing.
        if folder != self.root or not folder.parent.is_dir():
            self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)
        self._durable.add(folder)


def _write_synced(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _named(error: OSError) -> StorageDown:
    if error.errno in FULL:
        return StorageFull("The disk is full: no room for another picture.", retry_after=60)
    return StorageDown(f"Pictures cannot be kept or read now: {error.strerror}.", retry_after=30)

"""One running server a data directory: a lock the kernel lets go of when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

LOCK_FILE = "serve.lock"
LOOKS = 10


class AlreadyRunning(Exception):
    """Another server works in this data directory; `pid` is its process, 0 when it did not say."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(
            f"ALICE is already running on {data_dir} (process {pid or 'unknown'}). "
            "Stop it with `make stop`, or give this one another ALICE_DATA_DIR."
        )
        self.pid = pid


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; AlreadyRunning when somebody else does."""
    with (data_dir / LOCK_FILE).open("a+") as lock:
        if not _lock(lock):
            raise AlreadyRunning(data_dir, _pid(data_dir))
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
        lock.truncate(0)


def running(data_dir: Path) -> int:
    """The pid of the server that holds the data directory; 0 when none does."""
    try:
        with (data_dir / LOCK_FILE).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return 0
    except BlockingIOError:
        return _pid(data_dir)
    return 0


def _lock(file: TextIO) -> bool:
    """Take the lock; waits out those who only look whether somebody holds it."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def _pid(data_dir: Path) -> int:
    text = (data_dir / LOCK_FILE).read_text().strip()
    return int(text) if text.isdecimal() else 0

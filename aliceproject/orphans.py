"""No child outlives its parent: asked of the kernel where it can, watched for elsewhere."""

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

# A variable, so that type checking looks at the other platforms' code too.
LINUX = bool(sys.platform == "linux")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def terminate_with(parent: int) -> None:
    """In a fresh child: SIGTERM comes when the thread that forked it ends (Linux only)."""
    if not LINUX:
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have died before the call above.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def adopt() -> None:
    """Become the parent of grandchildren whose own parent dies, so that none is lost (Linux only)."""
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_adopted() -> None:
    """Kill whatever descends from us and left its session, generation after generation."""
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def _children() -> list[int]:
    found: list[int] = []
    # Only Linux has the folder, and a thread may end while we look.
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, file.read_text().split())
    return found


def watch_parent(interval: float = 1.0) -> None:
    """Where the kernel does not tell: end this process when its parent is gone."""
    if LINUX:
        return
    threading.Thread(target=_watch, args=(os.getppid(), interval), daemon=True).start()


def _watch(parent: int, interval: float) -> None:
    while os.getppid() == parent:
        time.sleep(interval)
    os.kill(os.getpid(), signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    # Looked up before any fork: between fork and exec nothing may take a lock.
    if LIBC is not None:
        LIBC.prctl(option, value, 0, 0, 0)


LIBC = ctypes.CDLL(None) if LINUX else None

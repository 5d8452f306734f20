"""Who runs on one data directory, and as what: read from the kernel, not from the program."""

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """`role`: supervisor, web, leader (of a cluster), sentinel, part (of a cluster) or other."""

    pid: int
    parent: int
    session: int
    role: str


def running_on(data_dir: Path) -> list[Process]:
    """Every process, however far from its parents, whose environment names `data_dir`."""
    mark = f"ALICE_DATA_DIR={data_dir}".encode()
    found = [
        (int(folder.name), *facts)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and (facts := _facts(folder, mark))
    ]
    words = {pid: argv for pid, _, _, argv in found}
    parents = {pid: parent for pid, parent, _, _ in found}
    return [
        Process(pid, parent, session, _role(pid, session, argv, words, parents))
        for pid, parent, session, argv in found
    ]


def _facts(folder: Path, mark: bytes) -> tuple[int, int, list[bytes]] | None:
    try:
        environ = (folder / "environ").read_bytes().split(b"\0")
        argv = (folder / "cmdline").read_bytes().split(b"\0")
        state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    if mark not in environ or state == "Z":
        return None
    return int(parent), int(session), argv


def _role(
    pid: int,
    session: int,
    argv: list[bytes],
    words: dict[int, list[bytes]],
    parents: dict[int, int],
) -> str:
    if b"serve" in argv:
        return "supervisor"
    if b"web" in argv:
        return "web"
    if b"worker" not in argv:
        return "other"
    if pid == session:
        return "leader"
    parent = parents[pid]
    return "sentinel" if parent == session and parent in words else "part"


def send(number: signal.Signals, processes: Iterable[Process]) -> int:
    """Signal them all; how many were still there."""
    reached = 0
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
        reached += 1
    return reached

"""What must be true before a server can start; each refusal says who can change it and how."""

import errno
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
# The database, its log and a few pictures need room even on the smallest installation.
LEAST_FREE_MB = 200


class NotPossible(Exception):
    """The server cannot start here; the message is for the person who started it."""


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    if version[:2] < OLDEST_PYTHON:
        found, oldest = (".".join(map(str, v[:2])) for v in (version, OLDEST_PYTHON))
        raise NotPossible(f"Python {found} is too old: ALICE needs Python {oldest} or newer.")


def check_folder(folder: Path, setting: str) -> None:
    """The folder exists, or can be made, and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
    except OSError as problem:
        raise NotPossible(
            f"{folder} cannot be written to ({problem.strerror}). "
            f"Make room or give this user the right to write, or set {setting} to another folder."
        ) from None


def check_space(folder: Path, setting: str, least_mb: int = LEAST_FREE_MB) -> None:
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < least_mb:
        raise NotPossible(
            f"The disk is full: {free_mb} MB are free at {folder}, {least_mb} MB are needed. "
            f"Make room, or set {setting} to a folder on another disk."
        )


def check_port(host: str, port: int, patience: float = 0.0) -> None:
    """The address can be bound; tries again for `patience` seconds while it is taken."""
    give_up = time.monotonic() + patience
    while True:
        try:
            return _bind(host, port)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or time.monotonic() >= give_up:
                raise NotPossible(_port_problem(host, port, problem)) from None
        time.sleep(0.2)


def _bind(host: str, port: int) -> None:
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _port_problem(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. "
            "Stop that program, or set ALICE_PORT to a free port (in the environment or in .env)."
        )
    if problem.errno == errno.EACCES:
        return (
            f"This user ({os.getuid()}) may not use port {port}. "
            "Set ALICE_PORT to 1024 or more and put a reverse proxy in front."
        )
    return (
        f"{host} is no address of this machine ({problem.strerror}). "
        "Set ALICE_HOST to 127.0.0.1 (this machine only) or 0.0.0.0 (every network)."
    )

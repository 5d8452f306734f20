"""Real PostgreSQL and Redis for tests, started on free ports in folders of their own.

Where one is not installed its tests are skipped and say so; with ALICE_TESTS_NO_SKIP=1 they fail.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.live import free_port

READY_SECONDS = 30.0


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The address of a PostgreSQL that this run started and nobody else uses."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    folder = Path(found).parent if found else programs[-1] if programs else None
    if folder is None:
        _missing("PostgreSQL (initdb, pg_ctl)")
    with tempfile.TemporaryDirectory(prefix="alice-pg-") as home:
        data, port = Path(home) / "data", free_port()
        as_owner = _as_owner(Path(home))
        _run([*as_owner, str(folder / "initdb"), "-D", str(data), "-A", "trust", "-U", "alice"])
        control = [*as_owner, str(folder / "pg_ctl"), "-D", str(data), "-w"]
        with (data / "postgresql.conf").open("a") as settings:
            # Without fsync a test takes a fraction of the time; no test pulls the plug.
            settings.write("fsync = off\n")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home}"
        _run([*control, "-l", str(data / "log"), "-o", options, "start"])
        try:
            yield f"postgres://alice@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis that this run started and nobody else uses."""
    with redis_server(free_port()) as url:
        yield url


class redis_server:  # noqa: N801 read as a function: `with redis_server(port) as url`
    """A Redis on `port` for as long as the block lasts; `kill` ends it before."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> str:
        program = shutil.which("redis-server") or _missing("Redis (redis-server)")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(
            [program, *options, "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        client = [shutil.which("redis-cli") or _missing("redis-cli"), "-p", str(self.port), "ping"]
        _until(lambda: subprocess.run(client, capture_output=True, check=False).stdout == b"PONG\n")
        return f"redis://127.0.0.1:{self.port}/0"

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


def _as_owner(home: Path) -> Sequence[str]:
    """PostgreSQL refuses to run as root: there its own user takes the folder over."""
    if os.getuid() != 0:
        return ()
    shutil.chown(home, "postgres")
    return "runuser", "-u", "postgres", "--"


def _run(command: Sequence[str]) -> None:
    # Never a pipe: the server keeps it open long after pg_ctl has ended.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False)
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


def _until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        assert time.monotonic() < deadline, "the service did not start"
        time.sleep(0.05)


def _missing(what: str) -> NoReturn:
    message = f"{what} IS NOT INSTALLED: nothing of this was tested"
    if os.environ.get("ALICE_TESTS_NO_SKIP") == "1":
        pytest.fail(message)
    pytest.skip(message)

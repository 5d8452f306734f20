"""Real PostgreSQL and Redis for tests, started on free ports in folders of their own.

Where one is not installed its tests are skipped and say so; with ALICE_TESTS_NO_SKIP=1 they fail.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString, NoReturn

import psycopg
import pytest

from tests.live import free_port

READY_SECONDS = 30.0
MEMORY_BYTES = 512 * 2**20


def environment(**changes: str) -> dict[str, str]:
    """For a test run inside this one. It must choose its own stage before settings are read."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return kept | changes


class PostgreSQL:
    """A cluster of databases in `home`, which the one user `alice` may enter without a password."""

    def __init__(self, programs: Path, home: Path) -> None:
        self.port = free_port()
        self._data = home / "data"
        as_owner = _as_owner(home)
        self._control = [*as_owner, str(programs / "pg_ctl"), "-D", str(self._data), "-w"]
        _run(
            [
                *as_owner,
                str(programs / "initdb"),
                "-D",
                str(self._data),
                "-A",
                "trust",
                "-U",
                "alice",
            ]
        )
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {self.port}\nunix_socket_directories = '{home}'\n")
            settings.write("listen_addresses = '127.0.0.1'\n")

    def url(self, database: str = "postgres") -> str:
        return f"postgres://alice@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: LiteralString) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def set(self, parameter: LiteralString, value: LiteralString) -> None:
        """For all connections made from now on."""
        self.execute(f"ALTER SYSTEM SET {parameter} = {value}")
        self.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        _run([*self._control, "-l", str(self._data / "log"), "start"])

    def stop(self) -> None:
        """At once, as a crash would."""
        _run([*self._control, "-m", "immediate", "stop"])


@contextmanager
def running_postgresql(folder: Path | None) -> Iterator[PostgreSQL]:
    """A PostgreSQL for as long as the block lasts, its data below `folder`."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    programs = Path(found).parent if found else installed[-1] if installed else None
    if programs is None:
        _missing("PostgreSQL (initdb, pg_ctl)")
    with tempfile.TemporaryDirectory(prefix="alice-pg-", dir=folder) as home:
        server = PostgreSQL(programs, Path(home))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL that this run started and nobody else uses."""
    with running_postgresql(_fast_folder()) as server:
        yield server


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


def _fast_folder() -> Path | None:
    """Memory, where syncing to disk takes no time, if there is enough of it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES
    return memory if roomy else None


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

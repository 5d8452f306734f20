"""A live server for tests: real processes on a free port, in a data directory of their own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0
DATABASE = "alice.sqlite3"
STOP_SECONDS = 60.0
# The system gives whoever connects a port from 32768 or higher up: below, nobody takes one before
# the server that it was found for.
PORTS = range(10_000, 32_000)


def free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Live:
    """`url` has no trailing slash; `log` collects what every process wrote."""

    data_dir: Path
    port: int
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data_dir / "processes.log").read_text(errors="replace")

    def manage(self, *arguments: str) -> str:
        """The output of `manage.py arguments` in this server's data directory."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self, name: str, *arguments: str) -> None:
        """Run `manage.py arguments` in the background, in a session of its own."""
        with (self.data_dir / "processes.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> int:
        """SIGTERM, then SIGKILL to the whole session; the exit status of its leader."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            _kill_session(process.pid)
            process.wait()

    def wait(self, path: str, status: int = 200) -> None:
        """Until GET path answers `status`; fails with the log when that never happens."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ended = {name: p.poll() for name, p in self.processes.items() if p.poll() is not None}
            assert not ended, f"{ended}\n{self.log}"
            try:
                if httpx2.get(f"{self.url}{path}", timeout=5).status_code == status:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{path} never answered {status}\n{self.log}")


def _kill_session(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def lay_database(folder: Path) -> None:
    """A database that is as `migrate` makes it, which takes many times longer."""
    shutil.copy(_migrated(os.environ["ALICE_DATA_DIR"]), folder)


@cache
def _migrated(stage: str) -> Path:
    """A database that is as `migrate` makes it, below `stage`: once for all servers of a run."""
    folder = Path(stage) / "migrated"
    Live(folder, 0, os.environ | {"ALICE_DATA_DIR": str(folder)}).manage("migrate", "-v0")
    return folder / DATABASE


@contextmanager
def service(*, worker: bool, **settings: str) -> Iterator[Live]:
    """A migrated server on a free port, and a worker with the mock back end if asked for.

    `settings` are further environment variables, such as ALICE_QUEUE_LIMIT="3".
    """
    with tempfile.TemporaryDirectory(prefix="alice-live-") as folder:
        port = free_port()
        env = os.environ | {
            "ALICE_DATA_DIR": folder,
            "ALICE_PORT": str(port),
            "ALICE_BACKEND": "mock",
        }
        live = Live(Path(folder), port, env | settings)
        try:
            if "DATABASE_URL" in live.env:
                live.manage("migrate", "-v0")
            else:
                lay_database(live.data_dir)
            live.start("web", "web")
            if worker:
                live.start("worker", "worker")
            live.wait("/readyz" if worker else "/livez")
            yield live
        finally:
            for name in list(live.processes):
                live.stop(name)

"""A server of its own for one benchmark: temporary data directory, free port, the bundled model."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[1]
READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, the key to call it with, and the supervisor's pid."""

    url: str
    headers: dict[str, str]
    pid: int


@contextmanager
def running(**settings: str) -> Iterator[Server]:
    """`manage.py serve`, ready; `settings` are further environment variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="alice-bench-") as folder:
        environment = os.environ | {
            "ALICE_DATA_DIR": folder,
            "ALICE_PORT": str(port),
            "ALICE_LOG_LEVEL": "warning",
            **settings,
        }
        manage(environment, "migrate", "--verbosity", "0")
        manage(environment, "install_demo_model")
        create = f"from accounts.models import User; User.objects.create_user({'bench'!r}, password={secrets.token_hex()!r})"
        manage(environment, "shell", "--verbosity", "0", "-c", create)
        key = manage(environment, "create_api_key", "bench", "--name", "bench", "--quiet").strip()
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process)
            yield Server(url, {"Authorization": f"Bearer {key}"}, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not become ready")

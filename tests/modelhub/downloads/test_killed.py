"""A download whose process is killed in the middle goes on with the next one."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.hub import server
from tests.hub.server import Hub, sha256
from tests.hub.weights import safetensors
from tests.live import Live, lay_database

MB = 10**6


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Live, Hub]]:
    """A data directory with a database, and a hub; no web process."""
    with server.running() as hub:
        env = os.environ | {
            "ALICE_DATA_DIR": str(tmp_path), "ALICE_LEASE_SECONDS": "1", "ALICE_BACKEND": "mock",
            "ALICE_HUGGINGFACE_URL": hub.url, "ALICE_HUB_HOSTS": server.STORAGE_HOST,
            "ALICE_DOWNLOAD_MODELS": "maker/big",
        }  # fmt: skip
        live = Live(tmp_path, 0, env)
        try:
            lay_database(tmp_path)
            live.manage("prepare")
            yield live, hub
        finally:
            for name in list(live.processes):
                live.stop(name)


def row(live: Live) -> dict[str, Any]:
    with closing(sqlite3.connect(live.data_dir / "alice.sqlite3", timeout=20)) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM modelhub_download")
        return dict(found.fetchone())


def until(live: Live, ready: Any, seconds: float = 90) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready(now := row(live)):
            return now
        time.sleep(0.05)
    raise AssertionError(f"{row(live)}\n{live.log}")


def test_killed_twice_it_goes_on_from_where_it_was(live: tuple[Live, Hub]) -> None:
    server_, hub = live
    data = safetensors(20 * MB)
    hub.repo("maker/big", {"big.safetensors": data})
    hub.faults.pause = 0.02
    for share in (0.3, 0.6):
        server_.start("download", "worker", "--cluster", "download")
        until(server_, lambda now, least=share: now["done_bytes"] > least * len(data))
        process = server_.processes.pop("download")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert row(server_)["status"] == "downloading"
    hub.faults.pause = 0
    server_.start("download", "worker", "--cluster", "download")
    done = until(server_, lambda now: now["status"] in {"completed", "failed"})
    assert done["status"] == "completed", done
    got = (server_.data_dir / "models" / done["target"]).read_bytes()
    assert sha256(got) == sha256(data)
    # What lay in the line when it was killed is lost; what had come is not asked for again.
    starts = [heard.headers["range"] for heard in hub.at_storage() if "range" in heard.headers]
    begun = [int(start.removeprefix("bytes=").rstrip("-")) / len(data) for start in starts]
    assert begun[0] >= 0.3
    assert begun[1] >= 0.6

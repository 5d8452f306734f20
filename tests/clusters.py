"""A real worker cluster on the test database: its leader, its parts, and how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generation import worker_status
from generation.jobs import bell
from tests import database
from tests.live import ROOT

PARTS = ("worker", "monitor", "pusher")


class Cluster:
    """A running worker: the leader, its sentinel, and the three processes that it guards."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.log = log
        settings = {
            "DATABASE_URL": database.url(),
            "ALICE_LEASE_SECONDS": "2",
            # As the supervisor does: without it the command starts over with the name set.
            "Q_CLUSTER_NAME": bell.CLUSTER,
        }
        with log.open("wb") as output:
            self.leader = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=os.environ | settings | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(worker_status.alive().filter(worker__endswith=f":{self.leader.pid}").exists, self)
        [self.sentinel] = children(self.leader.pid)
        self.parts = dict(zip(PARTS, children(self.sentinel), strict=True))

    @property
    def living(self) -> list[int]:
        return [pid for pid in (self.sentinel, *self.parts.values()) if alive(pid)]

    def ends(self, seconds: float = 90) -> int:
        """The leader's exit status, once nothing of the cluster lives."""
        until(lambda: self.leader.poll() is not None, self, seconds)
        until(lambda: not self.living, self)
        return self.leader.wait()

    def close(self) -> None:
        for pid in (self.leader.pid, *self.living):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.leader.wait()


def children(pid: int) -> list[int]:
    return sorted(
        int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    )


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    # It may end between the opening and the reading.
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def until(ready: Callable[[], Any], cluster: Cluster | None = None, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, cluster.log.read_text() if cluster else "it never came"
        time.sleep(0.05)

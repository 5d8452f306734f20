"""One seeded campaign: a whole server and a second host under load, while their parts are killed."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from tests.chaos.clients import PATIENCE_SECONDS, Client
from tests.chaos.ledger import Ledger
from tests.chaos.processes import Process, running_on, send
from tests.live import ROOT, Live

LEASE_SECONDS = 4.0
FREEZE_SECONDS = LEASE_SECONDS + 1.5
DRAIN_SECONDS = 150.0
# A second machine's worker, on the same database.
SECOND_HOST = """
import sys
from aliceproject.supervisor import Program, Supervisor
worker = (sys.executable, "manage.py", "worker", "--cluster", "image")
Supervisor([Program("second worker", worker, {"Q_CLUSTER_NAME": "image"})], 10).run()
"""


@dataclass
class Campaign:
    """`faults` counts what was really done to a process that was there, by kind."""

    live: Live
    api_key: str
    seed: int
    clients_wanted: int = 4
    faults: Counter[str] = field(default_factory=Counter)
    freezers: list[threading.Thread] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.ledger = Ledger(self.live.data_dir)
        self.log = self.live.data_dir / "promises.jsonl"
        self.log.touch()
        self.second: subprocess.Popen[bytes] | None = None

    def run(self, faults: int, pause: tuple[float, float]) -> None:
        """Inject `faults`, `pause` seconds (from, to) apart; returns when all work is done."""
        stop = threading.Event()
        self._start_second_host()
        for number in range(self.clients_wanted):
            client = Client(self.live.url, self.api_key, self.log, number, stop)
            self.clients.append(client)
            client.start()
        while sum(self.faults.values()) < faults:
            time.sleep(self.dice.uniform(*pause))
            self._strike()
        stop.set()
        for thread in (*self.freezers, *self.clients):
            thread.join(PATIENCE_SECONDS + DRAIN_SECONDS)
            assert not thread.is_alive(), f"{thread.name} hangs"
        self._drain()

    def end(self) -> list[Process]:
        """Stop everything in order; the processes that are left, which must be none."""
        for thread in self.freezers:
            thread.join()
        if self.second is not None:
            self.second.terminate()
            self.second.wait(30)
        if "serve" in self.live.processes:
            self.live.stop("serve")
        return running_on(self.live.data_dir)

    def _strike(self) -> None:
        # Three deaths of its worker fail a job by design; the campaign asks for survivors.
        spared = self.ledger.open_jobs(least_attempts=2) > 0
        kinds = {"kill web": WORTH["kill web"]} if spared else WORTH
        kind = self.dice.choices(list(kinds), list(kinds.values()))[0]
        if FAULTS[kind](self):
            self.faults[kind] += 1

    def _kill(self, role: str) -> bool:
        there = [p for p in running_on(self.live.data_dir) if p.role == role]
        return bool(there) and send(signal.SIGKILL, [self.dice.choice(there)]) == 1

    def _kill_web(self) -> bool:
        """Only one that answers: killing starts faster than they finish proves nothing."""
        try:
            httpx2.get(f"{self.live.url}/livez", timeout=2)
        except httpx2.TransportError:
            return False
        return self._kill("web")

    def _kill_supervisor(self) -> bool:
        """The whole service dies as its machine would, and is started again."""
        server = self.live.processes.pop("serve")
        server.kill()
        server.wait()
        time.sleep(0.5)
        self.live.start("serve", "serve")
        return True

    def _freeze(self, *, whole: bool) -> bool:
        """Pause one part of a cluster, or all of it, past its lease, and let it go on."""
        parts = [p for p in running_on(self.live.data_dir) if p.role == "part"]
        if not parts or any(thread.is_alive() for thread in self.freezers):
            return False
        chosen = self.dice.choice(parts)
        session = [p for p in running_on(self.live.data_dir) if p.session == chosen.session]
        frozen = session if whole else [chosen]
        if not send(signal.SIGSTOP, frozen):
            return False
        thread = threading.Thread(target=_thaw, args=(frozen,), name="freezer")
        self.freezers.append(thread)
        thread.start()
        return True

    def _start_second_host(self) -> None:
        with (self.live.data_dir / "processes.log").open("ab") as log:
            self.second = subprocess.Popen(
                [sys.executable, "-c", SECOND_HOST],
                cwd=ROOT,
                env=self.live.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _drain(self) -> None:
        self.live.wait("/readyz")
        give_up = time.monotonic() + DRAIN_SECONDS
        while self.ledger.open_jobs():
            assert time.monotonic() < give_up, f"{self.ledger.jobs()}\n{self.live.log[-5000:]}"
            time.sleep(0.2)


def _thaw(processes: list[Process]) -> None:
    time.sleep(FREEZE_SECONDS)
    send(signal.SIGCONT, processes)


FAULTS: dict[str, Callable[[Campaign], bool]] = {
    "kill worker part": lambda c: c._kill("part"),
    "kill sentinel": lambda c: c._kill("sentinel"),
    "kill cluster leader": lambda c: c._kill("leader"),
    "kill web": lambda c: c._kill_web(),
    "kill supervisor": lambda c: c._kill_supervisor(),
    "freeze worker part": lambda c: c._freeze(whole=False),
    "freeze cluster": lambda c: c._freeze(whole=True),
}
WORTH = {
    "kill worker part": 5,
    "kill sentinel": 2,
    "kill cluster leader": 2,
    "kill web": 4,
    "kill supervisor": 1,
    "freeze worker part": 2,
    "freeze cluster": 3,
}

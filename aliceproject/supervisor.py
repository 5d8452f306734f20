"""Keeps the server's processes running: starts, watches, restarts with back-off, ends all."""

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from aliceproject import orphans

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
# A program that ran this long was well: its next restart waits only the first delay again.
STEADY_SECONDS = 10.0
# How long a program that is not wanted any more is kept, in case it is again.
UNWANTED_SECONDS = 60.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `env` is laid over the supervisor's own environment.

    Its first start waits `after` seconds. One that is `wanted` only now and then is started when
    it is, and asked to end when it has not been for a while.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    wanted: Callable[[], bool] | None = None


@dataclass(slots=True)
class Child:
    """One program and its present process, the leader of a session of its own."""

    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    delay: float = FIRST_DELAY
    start_at: float = 0.0
    wanted_at: float = float("-inf")
    sent_away: bool = False

    def start(self) -> int:
        """The pid of the new process; raises OSError where there is none."""
        parent = os.getpid()
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - the programs are our own
            self.program.argv,
            env={**os.environ, **self.program.env},
            stdin=subprocess.DEVNULL,
            # A session each: signals for one never reach another, and a whole one can be ended.
            start_new_session=True,
            # The death signal is tied to the thread that forks, so only the main thread may.
            preexec_fn=lambda: orphans.terminate_with(parent),  # noqa: PLW1509 - it takes no lock
        )
        return self.process.pid

    def ended(self) -> int | None:
        """The exit status once the leader is gone; whatever it left behind is gone then too."""
        if self.process is None or self.process.poll() is None:
            return None
        self.kill_session()
        status = self.process.returncode
        self.process = None
        return status

    def back_off(self) -> float:
        """Set the time of the next start; seconds until then."""
        if time.monotonic() - self.started >= STEADY_SECONDS:
            self.delay = FIRST_DELAY
        wait = self.delay
        self.start_at = time.monotonic() + wait
        self.delay = min(LONGEST_DELAY, self.delay * 2)
        return wait

    def ask_to_stop(self) -> None:
        """SIGTERM to the leader alone: its workers would otherwise die in the middle of a job."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def is_wanted(self) -> bool:
        """Always, but for a program that is so only now and then."""
        if self.program.wanted is None:
            return True
        if self.program.wanted():
            self.wanted_at = time.monotonic()
        return time.monotonic() - self.wanted_at < UNWANTED_SECONDS

    def send_away(self) -> None:
        """Ask it to end, once; what it takes up meanwhile it still does."""
        if self.process is not None and not self.sent_away:
            self.sent_away = True
            self.ask_to_stop()

    def kill_session(self) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class Supervisor:
    """Runs `programs` until SIGTERM or SIGINT; a second one ends them at once.

    `grace` in seconds is how long an orderly stop may take. `on_tick` is called at least once a
    second from the main thread and may call `restart` or `stop`.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        grace: float,
        on_tick: Callable[["Supervisor"], None] | None = None,
    ) -> None:
        self.children = [Child(program) for program in programs]
        self.grace = grace
        self.on_tick = on_tick
        self.stops = 0

    def run(self) -> None:
        """Returns when every child of this process is gone. Call it from the main thread."""
        orphans.adopt()
        for child in self.children:
            child.start_at = time.monotonic() + child.program.after
        with _Signals(self._stop_signal) as signals:
            try:
                while not self.stops:
                    self._keep_running()
                    if self.on_tick is not None:
                        self.on_tick(self)
                    if not self.stops:
                        signals.wait(self._pause())
            finally:
                self._end_all(signals)

    def stop(self) -> None:
        self.stops += 1

    def restart(self) -> None:
        """Ask every program to end in order; each starts anew when it has."""
        for child in self.children:
            child.delay = FIRST_DELAY
            child.ask_to_stop()

    def _stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _keep_running(self) -> None:
        for child in self.children:
            status = child.ended()
            if status is not None:
                self._ended(child, status)
            if not child.is_wanted():
                child.send_away()
            elif child.process is None and time.monotonic() >= child.start_at:
                self._start(child)
        self._reap_adopted()

    def _ended(self, child: Child, status: int) -> None:
        name = child.program.name
        if child.sent_away:
            child.sent_away, child.delay = False, FIRST_DELAY
            log.info("%s ended: there is nothing for it to do", name)
            return
        wait = child.back_off()
        log.warning("%s %s; starting it again in %.1f s", name, _how(status), wait)

    def _start(self, child: Child) -> None:
        name = child.program.name
        try:
            log.info("%s started, pid %d", name, child.start())
        except OSError as problem:
            wait = child.back_off()
            log.warning("%s cannot be started: %s; next try in %.1f s", name, problem, wait)

    def _pause(self) -> float:
        idle = [c for c in self.children if c.process is None and c.is_wanted()]
        waits = [c.start_at - time.monotonic() for c in idle]
        return max(0.0, min(1.0, *waits)) if waits else 1.0

    def _end_all(self, signals: "_Signals") -> None:
        for child in self.children:
            child.ask_to_stop()
        stops_seen = self.stops
        deadline = time.monotonic() + self.grace
        while time.monotonic() < deadline and self.stops == stops_seen:
            for child in self.children:
                child.ended()
            if all(child.process is None for child in self.children):
                break
            signals.wait(0.2)
        for child in self.children:
            if child.process is not None:
                log.warning("%s did not stop in time and was killed", child.program.name)
                child.kill_session()
                child.process.wait()
        orphans.end_adopted()

    def _reap_adopted(self) -> None:
        """Bury processes whose parents died and which became ours: as PID 1 nobody else would."""
        if not orphans.LINUX:
            return
        leaders = {child.process.pid for child in self.children if child.process is not None}
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            # A leader's status is for its own Popen to collect.
            if dead is None or dead.si_pid in leaders:
                return
            os.waitpid(dead.si_pid, 0)


class _Signals:
    """Wakes the main loop at once for a stop or a child's end, without a busy loop."""

    def __init__(self, on_stop: Callable[[int, FrameType | None], None]) -> None:
        self.on_stop = on_stop

    def __enter__(self) -> "_Signals":
        self.reader, self.writer = socket.socketpair()
        self.reader.settimeout(0)
        self.writer.settimeout(0)
        self.before_fd = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        self.before = {number: signal.signal(number, self.on_stop) for number in STOP_SIGNALS}
        # SIGCHLD needs a handler, or Python does not write the wake-up byte.
        self.before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.before_fd)
        self.reader.close()
        self.writer.close()

    def wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self.reader], [], [], seconds)
        if ready:
            self.reader.recv(4096)


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"

"""django-q2, hardened: no prefetch, no lost wake-up, no cluster that looks alive and is not.

Installed by `harden()` before any cluster starts. It touches the insides of django-q2, so
`tests/aliceproject/test_queue.py` holds every fault it is there for.
"""

import ctypes
import logging
import multiprocessing.connection
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import RawValue
from typing import Any

from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone
from django_q import cluster as q2
from django_q import queues
from django_q.brokers import Broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signals import post_execute_in_worker, post_spawn
from django_q.signing import SignedPackage

from aliceproject.events import Doorbell
from generation import conf
from generation.jobs import bell, pulse, ready, reap
from modelhub.downloads import bell as downloads
from modelhub.downloads.lease import due

logger = logging.getLogger(__name__)
PROBE_SECONDS = 1.0
# How soon a worker that came free is seen.
BUSY_SECONDS = 0.005
# An idle worker is woken this often all the same: it shows that the whole way is open.
CANARY_SECONDS = 4.0
PR_SET_PDEATHSIG = 1

# Tasks taken from the broker and not yet done. Written by the pusher and the one worker.
_taken = RawValue("i", 0)
_done = RawValue("i", 0)


class SafeQueue(queues.Queue):  # type: ignore[misc]
    """Waits without holding the queue's lock: a reader killed while idle leaves it free."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 the standard queue's signature
        if not block:
            return super().get(False)
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1.0 if end is None else min(1.0, max(0.0, end - time.monotonic()))
            if multiprocessing.connection.wait([self._reader], left):
                try:
                    return super().get(False)
                except queue.Empty:
                    # Readable, yet another reader holds the lock just now.
                    time.sleep(0.005)
            if end is not None and time.monotonic() >= end:
                raise queue.Empty


class Wake(Broker):  # type: ignore[misc]
    """A broker that takes a task only when the worker is free, and wakes it by itself.

    Mixed into brokers that know how to `rest(seconds)`. A database that is away delays, and ends nothing.
    """

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.cluster = list_key or Conf.CLUSTER_NAME
        self._probed = self._woken = 0.0

    def dequeue(self) -> list[tuple[Any, str]] | None:
        if in_flight() >= Conf.WORKERS:
            self.rest(BUSY_SECONDS)
            return None
        try:
            got: list[tuple[Any, str]] | None = super().dequeue() or self._self_wake()
        except (OperationalError, InterfaceError) as error:
            logger.warning("The queue cannot be read just now: %s", error)
            connections.close_all()
            pulse.beat()
            time.sleep(PROBE_SECONDS)
            return None
        _taken.value += len(got or ())
        return got

    def fail(self, task_id: Any) -> None:
        """A package nobody can open was taken, and will never be done."""
        super().fail(task_id)
        _taken.value -= 1

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Nobody reads these figures: kept anywhere but here they could only break the guard."""

    def _self_wake(self) -> list[tuple[Any, str]] | None:
        now = time.monotonic()
        if now - self._probed < PROBE_SECONDS:
            return None
        self._probed = now
        if self.cluster == downloads.CLUSTER:
            # What a dead holder left, what is to be tried again, and what nobody rang for.
            return [(None, _wake_up(downloads.TASK))] if due().exists() else None
        if self.cluster != bell.CLUSTER:
            return None
        # Dead workers' jobs, and jobs whose wake-up was lost, wait for this moment at most.
        reap()
        canary = min(CANARY_SECONDS, conf.lease_seconds() / 3)
        if now - self._woken < canary and not ready().exists():
            return None
        self._woken = now
        return [(None, _wake_up(bell.TASK))]


class PromptORM(ORM):  # type: ignore[misc]
    """django-q2's own broker, but it waits for an event of this host instead of sleeping."""

    _bell: tuple[int, Doorbell] | None = None

    def dequeue(self) -> list[tuple[Any, str]] | None:
        if not self._waiting():
            self.rest(Conf.POLL)
            if not self._waiting():
                return None
        got: list[tuple[Any, str]] | None = super().dequeue()
        return got

    def _waiting(self) -> bool:
        tasks = self.get_connection().filter(key=self.list_key, lock__lt=timezone.now())
        return bool(tasks.exists())

    def rest(self, seconds: float) -> None:
        # Bound after the fork: a socket has one listener.
        if self._bell is None or self._bell[0] != os.getpid():
            self._bell = os.getpid(), get_channel_layer().doorbell()
        self._bell[1].wait(seconds)


class WakeORM(Wake, PromptORM):
    """Wake-ups through the database."""


def in_flight() -> int:
    return int(_taken.value - _done.value)


def _wake_up(func: str) -> str:
    task = {
        "id": "wake",
        "name": "wake",
        "func": func,
        "args": (),
        "kwargs": {},
        "ack_failure": True,
        "started": None,
    }
    return str(SignedPackage.dumps(task))


class Cluster(q2.Cluster):  # type: ignore[misc]
    """The leader: forks only with its database connections closed."""

    def start(self) -> int:
        close_databases()
        return int(super().start())


class Sentinel(q2.Sentinel):  # type: ignore[misc]
    """Ends the whole cluster when any of its processes dies; the supervisor starts a new one."""

    def start(self) -> None:
        # A signal to the whole group must not kill half a cluster: the leader alone decides.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        die_at_once_with(self.parent_pid)
        super().start()

    def spawn_cluster(self) -> None:
        close_databases()
        _taken.value = _done.value = 0
        super().spawn_cluster()

    def spawn_pusher(self) -> Any:
        return self.spawn_process(
            partial(_tied, os.getpid(), q2.pusher), self.task_queue, self.event_out, self.broker
        )

    def spawn_monitor(self) -> Any:
        return self.spawn_process(
            partial(_tied, os.getpid(), q2.monitor), self.result_queue, self.broker
        )

    def guard(self) -> None:
        parts = {part.sentinel: part for part in (*self.pool, self.monitor, self.pusher)}
        threading.Thread(target=self._watch, args=(parts,), name="parts", daemon=True).start()
        super().guard()

    def _watch(self, parts: dict[Any, Any]) -> None:
        """django-q2's guard asks with locks that a part may hold as it dies; this needs none."""
        while parts:
            for sentinel in multiprocessing.connection.wait(list(parts)):
                part = parts.pop(sentinel)
                while part.exitcode is None:
                    # The guard has taken the status and not written it down yet.
                    time.sleep(BUSY_SECONDS)
                if part.exitcode:
                    self.reincarnate(part)

    def reincarnate(self, process: Any) -> None:
        logger.critical(
            "A process of cluster %s ended (%s); the whole cluster ends now.",
            Conf.CLUSTER_NAME,
            process.exitcode,
        )
        for child in (*self.pool, self.monitor, self.pusher):
            if child is not None and child.is_alive():
                child.kill()
        # Queues and locks may be broken: nothing orderly is left to do.
        os._exit(1)


def harden() -> None:
    """Put our queue and sentinel where django-q2 looks for its own."""
    q2.Queue = SafeQueue
    q2.Sentinel = Sentinel
    q2.Cluster = Cluster
    post_spawn.connect(_spawned, dispatch_uid="aliceproject.queue")
    post_execute_in_worker.connect(_executed, dispatch_uid="aliceproject.queue")


def close_databases() -> None:
    """Before a fork: a child must not share its parent's connections or their pool."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        # Only PostgreSQL has one.
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()


def die_at_once_with(parent: int) -> None:
    """End this process when its parent does, however the parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PROBE_SECONDS)
    os._exit(1)


def _tied(parent: int, target: Callable[..., None], *args: Any) -> None:
    die_at_once_with(parent)
    target(*args)


def _spawned(**_: object) -> None:
    die_at_once_with(os.getppid())


def _executed(**_: object) -> None:
    _done.value += 1

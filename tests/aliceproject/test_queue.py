"""The faults of django-q2 that the hardening is there for."""

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import OperationalError, connections
from django_q import cluster as q2
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.pusher import pusher
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from aliceproject import queue as hardened
from aliceproject import redis_queue
from generation.jobs import bell
from tests.live import free_port
from tests.services.fixtures import redis_server

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def nothing_taken() -> Iterator[None]:
    hardened._taken.value = hardened._done.value = 0
    yield
    hardened._taken.value = hardened._done.value = 0


def read_one(tasks: Any, read: Any) -> None:
    read.put(tasks.get())


def reader(tasks: Any, read: Any) -> Any:
    process = FORK.Process(target=read_one, args=(tasks, read), daemon=True)
    process.start()
    return process


def test_django_q2_uses_our_queue_and_our_sentinel() -> None:
    assert q2.Queue is hardened.SafeQueue
    assert q2.Sentinel is hardened.Sentinel
    assert q2.Cluster is hardened.Cluster


def test_a_reader_killed_while_idle_leaves_the_queue_usable() -> None:
    tasks, read = hardened.SafeQueue(), FORK.Queue()
    victim = reader(tasks, read)
    time.sleep(0.3)
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    heir = reader(tasks, read)
    tasks.put("task")
    assert read.get(timeout=30) == "task"
    heir.join()


def test_a_queue_keeps_its_timeout_and_its_order() -> None:
    tasks = hardened.SafeQueue()
    with pytest.raises(queue.Empty):
        tasks.get(timeout=0.05)
    for n in range(3):
        tasks.put(n)
    assert [tasks.get(timeout=30) for _ in range(3)] == [0, 1, 2]


@pytest.fixture
def broker(transactional_db: None) -> hardened.WakeORM:
    """The image cluster's broker, its own wake-ups not due yet."""
    made = get_broker(bell.CLUSTER)
    assert isinstance(made, hardened.WakeORM)
    made._probed = made._woken = time.monotonic()
    return made


def test_nothing_is_taken_while_the_worker_is_busy(broker: hardened.WakeORM) -> None:
    async_task("os.getpid", cluster=bell.CLUSTER)
    async_task("os.getpid", cluster=bell.CLUSTER)
    assert broker.dequeue()
    assert broker.dequeue() is None
    hardened._executed()
    assert broker.dequeue()


def test_an_idle_worker_is_woken_by_itself(broker: hardened.WakeORM) -> None:
    assert broker.dequeue() is None
    broker._probed = broker._woken = 0.0
    [(acknowledge, package)] = broker.dequeue() or []
    assert acknowledge is None
    assert SignedPackage.loads(package)["func"] == bell.TASK


def test_a_ring_is_heard_before_the_next_poll(
    broker: hardened.WakeORM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conf, "POLL", 30.0)
    broker._probed = broker._woken = time.monotonic()
    ringing = threading.Timer(0.3, ring_and_nudge)
    started = time.monotonic()
    ringing.start()
    try:
        # Any other event of this host ends a rest with nothing, and the pusher rests again.
        while not broker.dequeue():
            assert time.monotonic() - started < 20
    finally:
        ringing.join()
    assert time.monotonic() - started < 20


def ring_and_nudge() -> None:
    bell.ring()
    async_to_sync(get_channel_layer().group_send)("jobs", {"type": "job.update", "job": ""})
    connections.close_all()


def test_only_workers_of_images_are_woken_for_jobs(transactional_db: None) -> None:
    assert get_broker("io").dequeue() is None


class Once:
    """An event that lets the pusher go round once."""

    def is_set(self) -> bool:
        return True


@pytest.mark.parametrize("payload", ["garbage", "gAN9:forged:signature"])
def test_a_forged_task_is_dropped_and_blocks_nothing(
    broker: hardened.WakeORM, payload: str
) -> None:
    OrmQ.objects.create(key=bell.CLUSTER, payload=payload, lock="2020-01-01T00:00Z")
    pusher(queue.Queue(), Once(), broker)
    assert not OrmQ.objects.exists()
    assert hardened.in_flight() == 0


def test_a_database_that_is_away_ends_nothing(
    broker: hardened.WakeORM, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise OperationalError("the database system is starting up")

    monkeypatch.setattr(ORM, "dequeue", away)
    monkeypatch.setattr(hardened, "PROBE_SECONDS", 0.0)
    assert broker.dequeue() is None
    monkeypatch.undo()
    async_task("os.getpid", cluster=bell.CLUSTER)
    assert broker.dequeue()


@pytest.fixture
def redis_broker(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> redis_queue.WakeRedis:
    monkeypatch.setattr(Conf, "REDIS", redis_url)
    made = redis_queue.WakeRedis(bell.CLUSTER)
    made._probed = made._woken = time.monotonic()
    return made


def test_redis_carries_wake_ups(redis_broker: redis_queue.WakeRedis) -> None:
    async_task("os.getpid", cluster=bell.CLUSTER, broker=redis_broker)
    assert redis_broker.queue_size() == 1
    [(_, package)] = redis_broker.dequeue() or []
    assert SignedPackage.loads(package)["func"] == "os.getpid"


def test_without_redis_a_worker_looks_by_itself(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    monkeypatch.setattr(redis_queue, "PROBE_SECONDS", 0.0)
    with redis_server(free_port()) as url:
        monkeypatch.setattr(Conf, "REDIS", url)
        broker = redis_queue.WakeRedis(bell.CLUSTER)
        assert broker.ping()
    [(_, package)] = broker.dequeue() or []
    assert SignedPackage.loads(package)["func"] == bell.TASK
    assert broker.ping()

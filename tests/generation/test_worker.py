"""`manage.py worker`: a real cluster, alive or ended as a whole."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import OperationalError
from django_q.brokers import get_broker
from django_q.signals import post_execute_in_worker
from django_q.tasks import async_task

from accounts import doorbell
from accounts.models import User
from gallery.models import Image
from generation import jobs, worker_status
from generation.jobs import bell
from generation.models import Job
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub.models import CatalogModel
from tests.clusters import PARTS, Cluster, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
Status = Job.Status


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "worker.log")
    yield made
    made.close()


@pytest.fixture
def patient_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """One that an orderly stop gives only three seconds."""
    made = Cluster(tmp_path / "worker.log", ALICE_STOP_GRACE_SECONDS="3")
    yield made
    made.close()


@pytest.fixture
def ask(alice: User) -> Callable[..., Job]:
    model = CatalogModel.objects.create(
        public_id="sd/demo", path="demo", layout="diffusers", family="sd1", native_resolution=64
    )

    def place(prompt: str = "a lake", steps: int = 10) -> Job:
        request = ImageRequest(prompt=prompt, num_inference_steps=steps)
        return jobs.submit(alice, resolve(request, model), jobs.Caller("native"))

    return place


def succeeded(job: Job) -> Callable[[], bool]:
    return Job.objects.filter(pk=job.pk, status=Status.SUCCEEDED).exists


def begun(job: Job) -> Callable[[], bool]:
    return Job.objects.filter(pk=job.pk, step__gt=0).exists


def test_a_worker_finds_its_queue_by_itself(tmp_path: Path, ask: Callable[..., Job]) -> None:
    cluster = Cluster(tmp_path / "worker.log", Q_CLUSTER_NAME="")
    until(succeeded(ask()), cluster)
    cluster.close()


def test_a_worker_draws_what_is_submitted(cluster: Cluster, ask: Callable[..., Job]) -> None:
    until(succeeded(ask()), cluster)
    until(succeeded(ask()), cluster)
    assert Image.objects.count() == 2


def test_a_job_whose_wake_up_was_lost_is_drawn(
    cluster: Cluster, ask: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise OperationalError("no queue")

    monkeypatch.setattr(doorbell, "get_broker", away)
    until(succeeded(ask()), cluster)


def test_many_wake_ups_draw_a_job_once(cluster: Cluster, ask: Callable[..., Job]) -> None:
    job = ask("a lake [mock:slow=0.02]")
    for _ in range(20):
        async_task(bell.TASK, cluster=bell.CLUSTER)
    until(lambda: get_broker(bell.CLUSTER).queue_size() == 0, cluster)
    until(succeeded(job), cluster)
    assert Job.objects.get().attempts == 1
    assert Image.objects.count() == 1


def test_no_task_is_taken_while_one_runs(cluster: Cluster, ask: Callable[..., Job]) -> None:
    job = ask("a lake [mock:slow=0.3]")
    until(begun(job), cluster)
    async_task("os.getpid", cluster=bell.CLUSTER)
    async_task("os.getpid", cluster=bell.CLUSTER)
    time.sleep(0.3)
    assert get_broker(bell.CLUSTER).queue_size() == 2
    until(succeeded(job), cluster)
    until(lambda: get_broker(bell.CLUSTER).queue_size() == 0, cluster)


@pytest.mark.parametrize("part", PARTS)
def test_the_death_of_an_idle_part_ends_the_whole(cluster: Cluster, part: str) -> None:
    os.kill(cluster.parts[part], signal.SIGKILL)
    assert cluster.ends() == 1
    assert "the whole cluster ends" in cluster.log.read_text()


def die_reporting() -> None:
    """A task whose worker is killed with django-q2's lock of its timer in its hands."""
    post_execute_in_worker.connect(die, weak=False)


def die(**_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_with_a_lock_ends_the_whole(cluster: Cluster) -> None:
    async_task(f"{__name__}.{die_reporting.__name__}", cluster=bell.CLUSTER)
    assert cluster.ends() == 1


def test_the_death_of_the_sentinel_ends_the_whole(cluster: Cluster) -> None:
    os.kill(cluster.sentinel, signal.SIGKILL)
    assert cluster.ends() == 1


def test_the_death_of_the_leader_ends_the_whole(cluster: Cluster) -> None:
    cluster.leader.kill()
    assert cluster.ends() == -signal.SIGKILL


def test_a_job_that_kills_its_worker_is_drawn_by_the_next(
    cluster: Cluster, ask: Callable[..., Job], tmp_path: Path
) -> None:
    job = ask("a lake [mock:slow=0.1]")
    until(begun(job), cluster)
    os.kill(cluster.parts["worker"], signal.SIGKILL)
    assert cluster.ends() == 1
    heir = Cluster(tmp_path / "heir.log")
    until(succeeded(job), heir)
    heir.close()
    assert Job.objects.get().attempts == 2
    assert Image.objects.count() == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_stops_when_told(cluster: Cluster, signum: int) -> None:
    cluster.leader.send_signal(signum)
    assert cluster.ends() == 0
    assert not worker_status.alive().exists()


def test_a_stop_lets_the_running_job_end(cluster: Cluster, ask: Callable[..., Job]) -> None:
    job = ask("a lake [mock:slow=0.1]")
    until(begun(job), cluster)
    cluster.leader.terminate()
    assert cluster.ends() == 0
    assert succeeded(job)()
    assert Job.objects.get().attempts == 1


def test_a_signal_to_all_parts_still_lets_the_job_end(
    cluster: Cluster, ask: Callable[..., Job]
) -> None:
    job = ask("a lake [mock:slow=0.1]")
    until(begun(job), cluster)
    os.killpg(cluster.leader.pid, signal.SIGTERM)
    assert cluster.ends() == 0
    assert succeeded(job)()


@pytest.mark.parametrize("prompt", ["a lake [mock:slow=0.1]", "a lake [mock:slow=30]"])
def test_a_stop_gives_a_long_job_back_in_time(
    patient_cluster: Cluster, ask: Callable[..., Job], prompt: str
) -> None:
    job = ask(prompt, 150)
    until(Job.objects.filter(pk=job.pk, status=Status.RUNNING).exists, patient_cluster)
    patient_cluster.leader.terminate()
    # One step of the second job takes longer than this allows for all.
    assert patient_cluster.ends(25) == 0
    job.refresh_from_db()
    assert (job.status, job.attempts) == (Status.QUEUED, 0)

"""Estimates come from what was drawn last, and only knowledge refuses anybody."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from generation import worker_status
from generation.api import http
from generation.api.estimate import Estimate
from generation.api.fields import Said
from generation.errors import QueueFull
from generation.jobs import Caller
from generation.models import Job, JobImage
from generation.requests import ImageRequest
from modelhub.models import CatalogModel

pytestmark = pytest.mark.django_db
SENDER = Caller(dialect="test")


def job(owner: User, status: str = "queued", cost: float = 1.0, **more: Any) -> Job:
    return Job.objects.create(
        owner=owner, dialect="test", kind="txt2img", model="sd/demo", status=status, cost=cost,
        steps=10, **more,
    )  # fmt: skip


def drawn(owner: User, cost: float = 1.0, images: int = 1, **timings: float) -> Job:
    """A finished job that took 2 s a megapixel-step, and half an hour to load."""
    usual = {"load_ms": 1800_000, "denoise_ms": 1500 * cost, "decode_ms": 500 * cost}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    done = job(owner, "succeeded", cost, finished_at=moment, timings=timings or usual)
    for index in range(images):
        JobImage.objects.create(job=done, index=index, seed=index)
    return done


def test_nothing_is_known_before_the_first_picture(alice: User) -> None:
    assert Estimate().eta_seconds(job(alice)) is None
    assert Estimate().wait_seconds(alice) == 0


def test_time_is_work_by_pace_and_loading_does_not_count(alice: User) -> None:
    drawn(alice, cost=3.0, images=4)
    assert Estimate().eta_seconds(job(alice, cost=5.0)) == pytest.approx(10.0)


def test_a_running_job_has_only_its_rest_before_it(alice: User) -> None:
    drawn(alice)
    assert Estimate().eta_seconds(job(alice, "running", 5.0, step=8)) == pytest.approx(2.0)


def test_an_ended_job_has_no_time_left(alice: User) -> None:
    assert Estimate().eta_seconds(drawn(alice)) is None


def test_what_stands_before_is_waited_for(alice: User, bob: User) -> None:
    drawn(alice)
    job(bob, "running", 4.0, step=5)
    job(bob, cost=3.0, fair_tag=0.5)
    assert Estimate().eta_seconds(job(alice, fair_tag=1.0)) == pytest.approx(2 * (2 + 3 + 1))


def test_two_workers_halve_the_wait(alice: User) -> None:
    drawn(alice)
    for worker in ("a", "b"):
        worker_status.record(worker, worker_status.Facts(device="cpu", backend="mock"))
    job(alice, cost=8.0)
    assert Estimate().ahead() == pytest.approx(8.0)


def test_another_waits_less_than_who_filled_the_queue(alice: User, bob: User) -> None:
    drawn(alice)
    for place in range(10):
        job(alice, cost=5.0, fair_tag=5.0 * place)
    assert Estimate().wait_seconds(alice) == pytest.approx(100.0)
    assert Estimate().wait_seconds(bob) == pytest.approx(10.0)


def test_a_blocking_call_that_would_wait_in_vain_is_refused(
    alice: User, bob: User, model: CatalogModel, settings: Any
) -> None:
    settings.ALICE_WAIT_SECONDS = 50
    drawn(alice)
    for place in range(10):
        job(alice, cost=5.0, fair_tag=5.0 * place)
    ask = ImageRequest(prompt="x", width=64, height=64)
    with pytest.raises(QueueFull, match="About 100 s"):
        http.place(alice, ask, Said({}), SENDER, waits=True)
    assert http.place(alice, ask, Said({}), SENDER).status == "queued"
    assert http.place(bob, ask, Said({}), SENDER, waits=True).status == "queued"

"""Saving results: files first, no file left without a row, a database that comes back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connections

from gallery.models import Image
from generation import jobs
from generation.engine.contract import Result, Timings
from generation.jobs import saver
from generation.jobs.fence import Claim
from generation.models import Job
from tests.generation.jobs.conftest import Order, Submit, Take, expire, picture

pytestmark = pytest.mark.django_db
Status = Job.Status


def result(claim: Claim) -> Result:
    return Result(tuple(picture(claim, n) for n in range(claim.spec.n)), Timings(denoise_ms=12.4))


def files() -> set[Path]:
    return {path for path in (settings.ALICE_DATA_DIR / "images").rglob("*") if path.is_file()}


def failing(times: int, do: Callable[..., None], *, after: bool) -> Callable[..., None]:
    """`do`, whose connection breaks that many times, before it worked or after."""
    left = [None] * times

    def call(*arguments: Any) -> None:
        if left and not after:
            left.pop()
            raise OperationalError("the connection is lost")
        do(*arguments)
        if left:
            left.pop()
            raise OperationalError("the connection is lost")

    return call


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "PUBLISH_PAUSE", 0.0)
    # One connection is all that a test inside a transaction has.
    monkeypatch.setattr(connections, "close_all", lambda: None)


def test_a_result_becomes_a_finished_job(submit: Submit, take: Take, order: Order) -> None:
    job = submit(resolved=order(n=2))
    claim = take()
    saver.save(claim, result(claim))
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    assert job.timings["denoise_ms"] == 12
    assert len(jobs.result_images(job)) == 2


def test_what_nobody_may_see_leaves_no_file(submit: Submit, take: Take) -> None:
    submit()
    zombie = take()
    expire(zombie.job)
    jobs.reap()
    before = files()
    saver.save(zombie, result(zombie))
    assert files() == before


def test_a_job_cancelled_while_it_is_saved_ends_cancelled(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    jobs.cancel(job.pk)
    before = files()
    saver.save(claim, result(claim))
    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert files() == before


def test_a_picture_that_does_not_fit_its_size_leaves_no_file(
    submit: Submit, take: Take, order: Order
) -> None:
    submit(resolved=order(n=2))
    claim = take()
    good, bad = picture(claim, 0), picture(claim, 1)
    object.__setattr__(bad.raster, "rgb", b"short")
    before = files()
    with pytest.raises(ValueError, match="not"):
        saver.save(claim, Result((good, bad), Timings()))
    assert files() == before


def test_a_database_that_comes_back_gets_the_result(
    submit: Submit, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    claim = take()
    monkeypatch.setattr(saver, "publish", failing(3, jobs.publish, after=False))
    saver.save(claim, result(claim))
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED


def test_a_commit_whose_answer_was_lost_keeps_its_files(
    submit: Submit, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit()
    claim = take()
    monkeypatch.setattr(saver, "publish", failing(1, jobs.publish, after=True))
    before = files()
    saver.save(claim, result(claim))
    assert Image.objects.count() == 1
    assert {path.suffix for path in files() - before} == {".png", ".webp"}


def test_a_database_that_stays_away_is_given_up(
    submit: Submit, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit()
    claim = take()
    monkeypatch.setattr(saver, "PUBLISH_SECONDS", 0.05)
    monkeypatch.setattr(saver, "publish", failing(10**6, jobs.publish, after=False))
    before = files()
    with pytest.raises(OperationalError):
        saver.save(claim, result(claim))
    assert files() == before

"""Keeping claims: what the drawing thread is told at its next step, and when rows are written."""

import time
from collections.abc import Callable, Iterator

import pytest

from generation import jobs
from generation.engine.contract import Raster, Step
from generation.engine.errors import Cancelled
from generation.jobs.keeper import Keeper, Reason, Tended
from generation.models import Job, JobPreview
from tests import database
from tests.generation.jobs.conftest import Submit, Take, expire

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper(lambda: None)
    yield made
    for tended in list(made._tended.values()):
        made.forget(tended)
    database.at_rest(made)


def until(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def revision(tended: Tended) -> int:
    return Job.objects.values_list("revision", flat=True).get(pk=tended.claim.job.pk)


def test_a_step_is_written_by_the_keeper(keeper: Keeper, submit: Submit, take: Take) -> None:
    submit()
    tended = keeper.tend(take())
    tended(Step(3, 10))
    until(Job.objects.filter(step=3, steps=10).exists)


def test_many_steps_are_written_four_times_a_second(
    keeper: Keeper, submit: Submit, take: Take
) -> None:
    submit()
    tended = keeper.tend(take())
    before, began = revision(tended), time.monotonic()
    for step in range(50):
        tended(Step(step + 1, 50))
        time.sleep(0.02)
    written = revision(tended) - before
    assert 1 <= written <= 2 + 4 * (time.monotonic() - began)


def test_a_preview_that_cannot_be_encoded_is_left_out(
    keeper: Keeper, submit: Submit, take: Take
) -> None:
    submit(previews=True)
    tended = keeper.tend(take())
    tended(Step(1, 10, lambda: Raster(8, 8, b"short")))
    until(Job.objects.filter(step=1).exists)
    assert not JobPreview.objects.exists()


def test_previews_are_made_twice_a_second_at_most(
    keeper: Keeper, submit: Submit, take: Take
) -> None:
    submit(previews=True)
    tended = keeper.tend(take())
    made: list[Raster] = []

    def preview() -> Raster:
        made.append(Raster(8, 8, bytes(192)))
        return made[-1]

    began = time.monotonic()
    for step in range(20):
        tended(Step(step + 1, 20, preview))
    assert 1 <= len(made) <= 1 + 2 * (time.monotonic() - began)


def test_a_lost_lease_ends_the_drawing(keeper: Keeper, submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    tended = keeper.tend(claim)
    Job.objects.update(lease_owner="heir")
    until(lambda: tended.reason)
    with pytest.raises(Cancelled):
        tended(Step(1, 10))
    assert tended.reason is Reason.LOST


def test_a_cancellation_that_is_heard_is_read_at_once(
    keeper: Keeper, submit: Submit, take: Take
) -> None:
    submit()
    tended = keeper.tend(take())
    time.sleep(0.1)
    Job.objects.update(cancel_requested=True)
    assert tended.reason is None
    keeper.cancel(tended.claim.job.pk)
    until(lambda: tended.reason is Reason.CANCELLED)


def test_forgetting_a_former_claim_keeps_the_present_one(
    keeper: Keeper, submit: Submit, take: Take
) -> None:
    submit()
    former = keeper.tend(take())
    expire(former.claim.job)
    until(lambda: jobs.reap() or Job.objects.filter(status="queued").exists())
    present = keeper.tend(take())
    keeper.forget(former)
    assert list(keeper._tended.values()) == [present]

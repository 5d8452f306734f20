"""Cancelling, places in the queue, and the pictures a job has left."""

import uuid

import pytest

from accounts.models import User
from accounts.problems import NotFound
from gallery.models import Image
from generation import jobs
from generation.models import Job
from tests.generation.jobs.conftest import Order, Submit, Take, stored

pytestmark = pytest.mark.django_db
Status = Job.Status
STAGES = {"encode_ms": 1, "denoise_ms": 1, "decode_ms": 1}


def test_a_queued_job_is_cancelled_at_once(submit: Submit) -> None:
    job = jobs.cancel(submit().pk)
    assert job.status == Status.CANCELLED
    assert job.finished_at is not None
    assert jobs.claim("w1") is None


def test_a_running_job_is_asked_to_stop(submit: Submit, take: Take) -> None:
    submit()
    job = jobs.cancel(take().job.pk)
    assert (job.status, job.cancel_requested) == (Status.RUNNING, True)


def test_an_ended_job_stays_as_it_is(submit: Submit, take: Take) -> None:
    job = submit()
    jobs.fail(take(), "x", "x")
    assert jobs.cancel(job.pk).status == Status.FAILED
    assert jobs.cancel(job.pk).cancel_requested is False


def test_no_job_cannot_be_cancelled(db: None) -> None:
    with pytest.raises(NotFound):
        jobs.cancel(uuid.uuid4())


def test_position_counts_the_jobs_ahead(submit: Submit) -> None:
    assert [jobs.position(submit()) for _ in range(3)] == [0, 1, 2]


def test_position_of_what_does_not_wait_is_zero(submit: Submit, take: Take) -> None:
    submit()
    assert jobs.position(take().job) == 0


def test_position_is_the_real_order(submit: Submit, bob: User) -> None:
    placed = [submit(), submit(priority=2), submit(bob), submit(), submit(bob, priority=1)]
    foretold = sorted(placed, key=jobs.position)
    claimed = []
    while claim := jobs.claim("w1"):
        claimed.append(claim.job)
    assert claimed == foretold


def test_pictures_come_in_order_without_the_deleted(
    submit: Submit, take: Take, order: Order
) -> None:
    job = submit(resolved=order(n=3, seed=1))
    claim = take()
    jobs.publish(claim, [stored(claim, index) for index in (2, 0, 1)], STAGES)
    Image.objects.filter(seed=2).delete()
    Image.objects.filter(seed=3).update(state=Image.State.DELETING)
    assert [image.seed for image in jobs.result_images(job)] == [1]


def test_a_report_shows_step_and_preview(submit: Submit, take: Take) -> None:
    submit(previews=True)
    claim = take()
    assert jobs.report(claim, 3, 10, b"webp") is False
    job = Job.objects.get(pk=claim.job.pk)
    assert (job.step, job.steps) == (3, 10)
    assert (bytes(job.preview.data), job.preview.revision) == (b"webp", job.revision)


def test_a_report_tells_of_a_cancellation(submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    jobs.cancel(claim.job.pk)
    assert jobs.report(claim, 1, 10) is True


def test_heartbeats_are_no_news(submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    jobs.heartbeat(claim)
    assert Job.objects.get(pk=claim.job.pk).revision == claim.job.revision

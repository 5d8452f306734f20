"""Ending a job: pictures and status together, once, or not at all."""

import pytest
from django.db import IntegrityError

from gallery.models import Image
from generation import jobs
from generation.models import Job, JobImage
from tests.generation.jobs.conftest import Order, Submit, Take, expire, stored

pytestmark = pytest.mark.django_db
STAGES = {"encode_ms": 1, "denoise_ms": 20, "decode_ms": 300}


def test_publishing_shows_the_pictures_and_ends_the_job(
    submit: Submit, take: Take, order: Order
) -> None:
    job = submit(resolved=order("a boat", n=2, seed=7))
    claim = take()
    jobs.publish(claim, [stored(claim, 0), stored(claim, 1)], STAGES)
    job.refresh_from_db()
    assert (job.status, job.step, job.lease_owner) == (Job.Status.SUCCEEDED, job.steps, "")
    assert job.finished_at is not None
    assert [image.seed for image in jobs.result_images(job)] == [7, 8]


def test_a_picture_carries_its_owner_and_recipe(submit: Submit, take: Take, order: Order) -> None:
    job = submit(resolved=order("a boat"))
    claim = take()
    one = stored(claim)
    jobs.publish(claim, [one], STAGES)
    image = Image.objects.get()
    assert (image.owner_id, image.prompt, image.model) == (job.owner_id, "a boat", "sd/demo")
    assert image.recipe == one.recipe.to_json()
    assert (image.sha256, image.size_bytes) == (one.file.sha256, one.file.size_bytes)
    assert (image.generation_ms, image.is_public) == (321, False)


def test_a_lost_lease_publishes_nothing(submit: Submit, take: Take) -> None:
    submit()
    zombie = take("w1")
    expire(zombie.job)
    jobs.reap()
    with pytest.raises(jobs.LeaseLost):
        jobs.publish(zombie, [stored(zombie)], STAGES)
    assert not Image.objects.exists()


def test_of_zombie_and_heir_only_the_heir_publishes(submit: Submit, take: Take) -> None:
    job = submit()
    zombie = take("w1")
    expire(zombie.job)
    jobs.reap()
    heir = take("w2")
    jobs.publish(heir, [stored(heir)], STAGES)
    with pytest.raises(jobs.LeaseLost):
        jobs.publish(zombie, [stored(zombie)], STAGES)
    assert JobImage.objects.filter(job=job).count() == 1


def test_a_late_result_counts_while_nobody_else_has_the_job(submit: Submit, take: Take) -> None:
    job = submit()
    late = take()
    expire(late.job)
    jobs.publish(late, [stored(late)], STAGES)
    assert jobs.reap() == 0
    assert Job.objects.get(pk=job.pk).status == Job.Status.SUCCEEDED


def test_nothing_is_published_twice(submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    jobs.publish(claim, [stored(claim)], STAGES)
    with pytest.raises(jobs.LeaseLost):
        jobs.publish(claim, [stored(claim)], STAGES)
    assert Image.objects.count() == 1


def test_a_cancelled_job_publishes_nothing(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    jobs.cancel(job.pk)
    with pytest.raises(jobs.LeaseLost):
        jobs.publish(claim, [stored(claim)], STAGES)
    assert not Image.objects.exists()
    assert jobs.end_cancelled(claim)


def test_a_publish_that_breaks_leaves_the_job_running(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    one = stored(claim)
    with pytest.raises(IntegrityError):
        # Two rows for one file.
        jobs.publish(claim, [one, one], STAGES)
    assert Job.objects.get(pk=job.pk).status == Job.Status.RUNNING
    assert not Image.objects.exists()


def test_what_was_published_is_known_as_such(submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    one, other = stored(claim), stored(claim)
    jobs.publish(claim, [one], STAGES)
    assert jobs.published(claim, [one])
    assert not jobs.published(claim, [other])


def test_a_failure_says_why(submit: Submit, take: Take) -> None:
    job = submit()
    assert jobs.fail(take(), "insufficient_memory", "8 GB are not enough.")
    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert (job.error_code, job.error_message) == ("insufficient_memory", "8 GB are not enough.")
    assert job.finished_at is not None

"""Forgetting what nobody can ask for any more, and nothing else."""

import pytest
from django.db.models.functions import Now

from generation import jobs, worker_status
from generation.jobs.fence import from_now
from generation.models import Job, JobPreview, WorkerStatus
from tests.generation.jobs.conftest import Submit, Take, age

pytestmark = pytest.mark.django_db


def test_previews_are_forgotten_a_minute_after_the_end(submit: Submit, take: Take) -> None:
    submit(), submit()
    old, new = take(), take()
    for claim in (old, new):
        jobs.report(claim, 1, 10, b"webp")
        jobs.fail(claim, "x", "x")
    Job.objects.filter(pk=old.job.pk).update(finished_at=from_now(-90))
    Job.objects.filter(pk=new.job.pk).update(finished_at=Now())
    assert jobs.drop_previews() == 1
    assert JobPreview.objects.get().job_id == new.job.pk


def test_proofs_of_requests_are_forgotten_after_a_day(submit: Submit) -> None:
    old, new = submit(body_hash="a"), submit(body_hash="b")
    age(old, 86500)
    assert jobs.drop_submissions() == 1
    assert new.submissions.exists()


def test_workers_that_died_long_ago_are_forgotten() -> None:
    for name in ("old", "new"):
        worker_status.record(name, worker_status.Facts(device="cpu", backend="mock"))
    WorkerStatus.objects.filter(worker="old").update(updated_at=from_now(-90000))
    assert jobs.drop_workers() == 1
    assert WorkerStatus.objects.get().worker == "new"

"""What a worker says of itself is believed for one lease."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from generation import conf, worker_status
from generation.models import WorkerStatus
from generation.worker_status import Facts

pytestmark = pytest.mark.django_db

FACTS = Facts("cuda:0", "diffusers", "bfloat16", ["sd/a"], 3, 7, 0.25)


def age(seconds: float) -> None:
    WorkerStatus.objects.update(updated_at=Now() - timedelta(seconds=seconds))


def test_every_fact_is_kept() -> None:
    job = uuid4()
    worker_status.record("w", FACTS, job)
    row = WorkerStatus.objects.get()
    assert all(getattr(row, name) == getattr(FACTS, name) for name in Facts.__slots__)
    assert (row.busy_job, row.worker) == (job, "w")


def test_a_later_word_replaces_the_earlier() -> None:
    worker_status.record("w", FACTS, uuid4())
    worker_status.record("w", Facts("cpu", "mock"))
    row = WorkerStatus.objects.get()
    assert (row.device, row.busy_job, row.models_loaded) == ("cpu", None, [])


def test_a_worker_lives_for_one_lease() -> None:
    worker_status.record("w", FACTS)
    age(conf.lease_seconds() - 2)
    assert worker_status.alive().exists()
    age(conf.lease_seconds() + 1)
    assert not worker_status.alive().exists()


def test_who_leaves_is_gone_at_once() -> None:
    worker_status.record("w", FACTS)
    worker_status.record("v", FACTS)
    worker_status.gone("w")
    assert [row.worker for row in worker_status.alive()] == ["v"]

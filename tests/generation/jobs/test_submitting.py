"""Accepting a job: durable before the bell, once per retry, within limits."""

from functools import partial

import pytest
from django.db import OperationalError, transaction
from django_q.models import OrmQ
from pytest_django.fixtures import Settings

from accounts import doorbell
from accounts.models import User
from accounts.problems import Invalid
from gallery.models import Image
from generation import jobs
from generation.errors import QueueFull, StorageFull
from generation.jobs import bell
from generation.models import FairShare, Job, Submission
from tests.generation.jobs.conftest import Order, Submit, Take, age, at_once, stored

pytestmark = pytest.mark.django_db
several_connections = pytest.mark.django_db(transaction=True)
STAGES = dict.fromkeys(("encode_ms", "denoise_ms", "decode_ms"), 1)


@several_connections
def test_a_job_holds_its_order_and_rings_the_bell(submit: Submit, order: Order) -> None:
    job = submit(resolved=order("a boat", n=2), client_job_id="mine", previews=True)
    assert job.status == Job.Status.QUEUED
    assert job.spec["prompt"] == "a boat"
    assert job.requested["n"] == 2
    assert (job.client_job_id, job.previews, job.steps) == ("mine", True, 10)
    assert OrmQ.objects.filter(key=bell.CLUSTER).count() == 1


@several_connections
def test_the_bell_carries_no_payload(submit: Submit) -> None:
    submit()
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"], task["kwargs"]) == (bell.TASK, (), {})


@several_connections
def test_one_unanswered_ring_is_enough(submit: Submit) -> None:
    submit()
    submit()
    assert OrmQ.objects.count() == 1


@several_connections
def test_nothing_rings_for_a_job_that_was_rolled_back(submit: Submit) -> None:
    with transaction.atomic():
        submit()
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


@several_connections
def test_a_broken_bell_loses_no_job(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str) -> None:
        raise OperationalError("no queue")

    monkeypatch.setattr(doorbell, "get_broker", away)
    assert Job.objects.get(pk=submit().pk).status == Job.Status.QUEUED


def test_same_key_and_body_is_the_same_job(submit: Submit) -> None:
    first = submit(idempotency_key="k", body_hash="a")
    assert submit(idempotency_key="k", body_hash="a") == first
    assert Job.objects.count() == 1


def test_same_key_with_another_body_is_refused(submit: Submit) -> None:
    submit(idempotency_key="k", body_hash="a")
    with pytest.raises(Invalid) as refusal:
        submit(idempotency_key="k", body_hash="b")
    assert refusal.value.code == "idempotency_mismatch"
    assert Job.objects.count() == 1


def test_a_key_belongs_to_its_owner(submit: Submit, bob: User) -> None:
    first = submit(idempotency_key="k", body_hash="a")
    assert submit(bob, idempotency_key="k", body_hash="b") != first


def test_a_key_lives_for_a_day(submit: Submit) -> None:
    first = submit(idempotency_key="k", body_hash="a")
    age(first, 86000)
    assert submit(idempotency_key="k", body_hash="a") == first
    age(first, 86500)
    assert submit(idempotency_key="k", body_hash="b") != first


def test_a_key_has_at_most_255_characters(submit: Submit) -> None:
    submit(idempotency_key="k" * 255, body_hash="a")
    with pytest.raises(Invalid):
        submit(idempotency_key="k" * 256, body_hash="a")
    assert Job.objects.count() == 1


@several_connections
def test_a_key_at_once_from_many_is_one_job(submit: Submit) -> None:
    again = partial(submit, idempotency_key="k", body_hash="a")
    answers = at_once([again] * 12)
    assert {job.pk for job in answers if isinstance(job, Job)} == {Job.objects.get().pk}


@several_connections
def test_each_of_many_clients_that_repeat_themselves_has_one_job(submit: Submit) -> None:
    keys = [f"client {n}" for n in range(20)] * 3
    calls = [partial(submit, idempotency_key=key, body_hash=key) for key in keys]
    answers = at_once(calls[:30]) + at_once(calls[30:])
    assert all(isinstance(answer, Job) for answer in answers)
    assert Job.objects.count() == 20


def test_an_sdk_retry_joins_the_running_job(submit: Submit, take: Take) -> None:
    first = submit(body_hash="a")
    take()
    assert submit(body_hash="a", sdk_retry=True) == first


def test_an_sdk_retry_joins_the_finished_job(submit: Submit, take: Take) -> None:
    first = submit(body_hash="a")
    claim = take()
    jobs.publish(claim, [stored(claim)], STAGES)
    assert submit(body_hash="a", sdk_retry=True) == first


def test_an_sdk_retry_does_not_join_a_failure(submit: Submit, take: Take) -> None:
    first = submit(body_hash="a")
    jobs.fail(take(), "oom", "too big")
    assert submit(body_hash="a", sdk_retry=True) != first


def test_an_sdk_retry_does_not_join_what_is_being_cancelled(submit: Submit, take: Take) -> None:
    first = submit(body_hash="a")
    take()
    jobs.cancel(first.pk)
    assert submit(body_hash="a", sdk_retry=True) != first


def test_an_sdk_retry_joins_for_ten_minutes(submit: Submit) -> None:
    first = submit(body_hash="a")
    age(first, 590)
    assert submit(body_hash="a", sdk_retry=True) == first
    age(first, 610)
    assert submit(body_hash="a", sdk_retry=True) != first


def test_equal_bodies_without_a_retry_are_two_jobs(submit: Submit) -> None:
    assert submit(body_hash="a") != submit(body_hash="a")


def test_joining_costs_no_place_in_a_full_queue(submit: Submit, settings: Settings) -> None:
    settings.ALICE_QUEUE_LIMIT = 1
    first = submit(idempotency_key="k", body_hash="a")
    assert submit(idempotency_key="k", body_hash="a") == first


def test_a_full_queue_refuses_and_writes_nothing(submit: Submit, settings: Settings) -> None:
    settings.ALICE_QUEUE_LIMIT = 2
    submit(), submit()
    with pytest.raises(QueueFull) as refusal:
        submit(body_hash="a")
    assert 1 <= int(refusal.value.headers["Retry-After"]) <= 60
    assert (Job.objects.count(), Submission.objects.count()) == (2, 0)


@several_connections
def test_the_limit_holds_for_many_at_once(submit: Submit, settings: Settings) -> None:
    settings.ALICE_QUEUE_LIMIT = 5
    answers = at_once([submit] * 12)
    assert sum(isinstance(answer, Job) for answer in answers) == 5
    assert sum(isinstance(answer, QueueFull) for answer in answers) == 7


def test_running_jobs_take_no_place_in_the_queue(
    submit: Submit, take: Take, settings: Settings
) -> None:
    settings.ALICE_QUEUE_LIMIT = 1
    submit()
    take()
    assert submit().status == Job.Status.QUEUED


def test_full_storage_refuses(submit: Submit, take: Take, settings: Settings) -> None:
    settings.ALICE_MAX_STORAGE_GB = 0.000001
    submit()
    claim = take()
    jobs.publish(claim, [stored(claim)], STAGES)
    Image.objects.update(size_bytes=1000)
    with pytest.raises(StorageFull):
        submit()


def test_an_owners_jobs_stand_one_behind_the_other(submit: Submit, order: Order) -> None:
    first, second = submit(), submit()
    assert first.fair_tag == 0
    assert second.fair_tag == pytest.approx(first.cost)
    assert first.cost == pytest.approx(order().megapixel_steps)


def test_a_newcomer_begins_at_the_present(submit: Submit, bob: User) -> None:
    submit()
    FairShare.objects.update(virtual_time=7.5)
    assert submit(bob).fair_tag == 7.5

"""Claims: fair order, one winner, leases by the database's clock, fences, and three deaths."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from generation import conf, jobs
from generation.models import Job
from modelhub.models import CatalogModel
from tests.generation.jobs.conftest import Order, Submit, Take, at_once, expire

pytestmark = pytest.mark.django_db
several_connections = pytest.mark.django_db(transaction=True)
Status = Job.Status


def state(job: Job) -> str:
    return Job.objects.values_list("status", flat=True).get(pk=job.pk)


def order_of_claims() -> list[Job]:
    taken = []
    while claim := jobs.claim("w1"):
        taken.append(claim.job)
        jobs.fail(claim, "done", "")
    return taken


def test_a_claim_holds_job_spec_and_model(submit: Submit, take: Take, model: CatalogModel) -> None:
    job = submit()
    claim = take()
    assert (claim.job, claim.model, claim.token) == (job, model, 1)
    assert claim.spec.to_json() == job.spec
    assert claim.job.status == Status.RUNNING
    assert claim.job.started_at is not None


def test_an_empty_queue_has_nothing_to_claim(db: None) -> None:
    assert jobs.claim("w1") is None


def test_one_owners_jobs_run_by_age(submit: Submit) -> None:
    placed = [submit() for _ in range(4)]
    assert order_of_claims() == placed


def test_priority_goes_first_among_ones_own(submit: Submit) -> None:
    usual, urgent, late = submit(), submit(priority=5), submit(priority=1)
    assert order_of_claims() == [urgent, late, usual]


def test_priority_does_not_overtake_other_owners(submit: Submit, bob: User) -> None:
    alices = submit()
    bobs, urgent = submit(bob), submit(bob, priority=100)
    assert order_of_claims() in ([alices, urgent, bobs], [urgent, alices, bobs])


def test_owners_take_turns(submit: Submit, alice: User, bob: User) -> None:
    for _ in range(6):
        submit()
    for _ in range(2):
        submit(bob)
    owners = [job.owner_id for job in order_of_claims()]
    assert owners[:4].count(bob.pk) == 2
    assert owners[4:] == [alice.pk] * 4


def test_a_newcomer_waits_for_one_job_not_for_the_backlog(submit: Submit, bob: User) -> None:
    for _ in range(10):
        submit()
    for _ in range(4):
        jobs.fail(jobs.claim("w1"), "done", "")  # type: ignore[arg-type]
    newcomer = submit(bob)
    assert newcomer in order_of_claims()[:2]


def test_a_costly_job_uses_up_its_owners_turn(submit: Submit, bob: User, order: Order) -> None:
    submit(resolved=order(num_inference_steps=100))
    submit()
    cheap = [submit(bob) for _ in range(5)]
    assert order_of_claims()[1:6] == cheap


def test_who_asks_again_and_again_does_not_starve_a_backlog(submit: Submit, bob: User) -> None:
    backlog = [submit() for _ in range(4)]
    claimed = []
    for _ in range(8):
        # Bob waits for each of his pictures before he asks for the next.
        if not Job.objects.filter(owner=bob, status=Status.QUEUED).exists():
            submit(bob)
        claim = jobs.claim("w1")
        assert claim
        claimed.append(claim.job)
        jobs.fail(claim, "done", "")
    assert sum(job in backlog for job in claimed) == 4


def test_what_was_cancelled_before_it_ran_costs_nothing(submit: Submit, bob: User) -> None:
    for _ in range(5):
        jobs.cancel(submit().pk)
    submit(bob)
    assert submit().fair_tag == 0


def test_a_warm_model_may_go_ahead(
    submit: Submit, take: Take, order: Order, other_model: CatalogModel
) -> None:
    submit()
    warm = submit(resolved=order(of=other_model))
    assert take(warm=["sd/other"]).job == warm


def test_a_warm_model_does_not_go_ahead_for_ever(
    submit: Submit, take: Take, order: Order, other_model: CatalogModel
) -> None:
    cold = submit()
    for _ in range(10):
        submit(resolved=order(of=other_model))
    before = [take(warm=["sd/other"]).job for _ in range(6)].index(cold)
    assert 1 <= before <= 5


def test_newcomers_with_a_warm_model_cannot_starve_the_head(
    submit: Submit, take: Take, order: Order, bob: User, other_model: CatalogModel
) -> None:
    cold = submit()
    for _ in range(8):
        submit(bob, order(of=other_model))
        claim = take(warm=["sd/other"])
        if claim.job == cold:
            return
        jobs.fail(claim, "done", "")
    pytest.fail("the head of the queue never came to its turn")


@several_connections
def test_only_one_claim_wins_a_job(submit: Submit) -> None:
    submit()
    claims = at_once([partial(jobs.claim, f"w{n}") for n in range(6)])
    assert sum(isinstance(claim, jobs.Claim) for claim in claims) == 1
    assert claims.count(None) == 5


@several_connections
def test_many_workers_share_the_queue_without_a_double(submit: Submit) -> None:
    placed = {submit().pk for _ in range(12)}

    def drain(worker: str) -> list[Job]:
        taken = []
        while claim := jobs.claim(worker):
            taken.append(claim.job)
        return taken

    shares = at_once([partial(drain, f"w{n}") for n in range(4)])
    taken = [job.pk for share in shares if isinstance(share, list) for job in share]
    assert sorted(taken) == sorted(placed)


def test_a_job_whose_model_is_gone_fails_and_the_next_is_taken(
    submit: Submit, take: Take, order: Order, other_model: CatalogModel
) -> None:
    orphan = submit(resolved=order(of=other_model))
    other_model.delete()
    following = submit()
    assert take().job == following
    orphan.refresh_from_db()
    assert (orphan.status, orphan.error_code) == (Status.FAILED, "model_not_found")


def test_the_queue_is_read_through_its_index(submit: Submit) -> None:
    submit()
    plan = jobs.queued().order_by("fair_tag", "-priority", "created_at").explain()
    if connection.vendor == "sqlite":
        assert "USING INDEX job_queued" in plan


def test_a_heartbeat_extends_the_lease(submit: Submit, take: Take) -> None:
    submit()
    claim = take()
    expire(claim.job)
    assert jobs.heartbeat(claim) is False
    assert jobs.reap() == 0


def test_a_heartbeat_tells_of_a_cancellation(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    jobs.cancel(job.pk)
    assert jobs.heartbeat(claim) is True


def test_a_lease_that_runs_out_gives_the_job_to_another(submit: Submit, take: Take) -> None:
    job = submit()
    expire(take("w1").job)
    assert jobs.reap() == 1
    assert take("w2").job == job


def test_a_living_lease_is_left_alone(submit: Submit, take: Take) -> None:
    submit()
    take()
    assert jobs.reap() == 0


@pytest.mark.parametrize("days", [-1, 1])
def test_a_hosts_clock_that_jumps_ends_no_lease(
    submit: Submit, take: Take, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    submit()
    jumped = timezone.now() + timedelta(days=days)
    monkeypatch.setattr(timezone, "now", lambda: jumped)
    claim = take()
    assert jobs.reap() == 0
    expire(claim.job)
    assert jobs.reap() == 1


def test_a_zombie_learns_that_its_lease_is_lost(submit: Submit, take: Take) -> None:
    submit()
    zombie = take("w1")
    expire(zombie.job)
    jobs.reap()
    take("w2")
    with pytest.raises(jobs.LeaseLost):
        jobs.heartbeat(zombie)
    with pytest.raises(jobs.LeaseLost):
        jobs.report(zombie, 1, 10)


def test_a_zombie_changes_nothing(submit: Submit, take: Take) -> None:
    job = submit()
    zombie = take("w1")
    expire(zombie.job)
    jobs.reap()
    heir = take("w2")
    assert not jobs.fail(zombie, "x", "x")
    assert not jobs.release(zombie)
    assert not jobs.end_cancelled(zombie)
    jobs.retry(zombie, "x", "x")
    assert state(job) == Status.RUNNING
    assert jobs.heartbeat(heir) is False


def test_three_deaths_are_enough(submit: Submit, take: Take) -> None:
    job = submit()
    for _ in range(conf.MAX_ATTEMPTS):
        assert state(job) == Status.QUEUED
        expire(take().job)
        jobs.reap()
    job.refresh_from_db()
    assert (job.status, job.error_code, job.attempts) == (Status.FAILED, "worker_lost", 3)


def test_a_poison_job_does_not_stop_the_others(submit: Submit, take: Take) -> None:
    submit()
    healthy = submit()
    for _ in range(conf.MAX_ATTEMPTS):
        expire(take().job)
        jobs.reap()
    assert take().job == healthy


def test_reaping_ends_what_was_to_be_cancelled(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    jobs.cancel(job.pk)
    expire(claim.job)
    jobs.reap()
    assert state(job) == Status.CANCELLED


@several_connections
def test_reaping_at_once_moves_a_job_once(submit: Submit, take: Take) -> None:
    job = submit()
    expire(take().job)
    moved = at_once([jobs.reap] * 6)
    assert moved.count(1) == 1
    job.refresh_from_db()
    assert job.attempts == 1


def test_a_job_given_back_is_not_charged(submit: Submit, take: Take) -> None:
    job = submit()
    for _ in range(conf.MAX_ATTEMPTS + 2):
        assert jobs.release(take())
    job.refresh_from_db()
    assert (job.status, job.attempts) == (Status.QUEUED, 0)


def test_who_gave_a_job_back_cannot_write_to_it_later(submit: Submit, take: Take) -> None:
    submit()
    former = take("w1")
    jobs.release(former)
    # The same worker, and the attempt has the same number again.
    present = take("w1")
    assert present.token == former.token
    with pytest.raises(jobs.LeaseLost):
        jobs.heartbeat(former)


def test_giving_back_what_was_to_be_cancelled_ends_it(submit: Submit, take: Take) -> None:
    job = submit()
    claim = take()
    jobs.cancel(job.pk)
    jobs.release(claim)
    assert state(job) == Status.CANCELLED


def test_a_retry_is_charged_and_has_an_end(submit: Submit, take: Take) -> None:
    job = submit()
    jobs.retry(take(), "device_lost", "gone", attempts=2)
    assert state(job) == Status.QUEUED
    jobs.retry(take(), "device_lost", "gone", attempts=2)
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, "device_lost")


def test_every_change_raises_the_revision(submit: Submit, take: Take) -> None:
    job = submit()
    seen = [job.revision]
    claim = take()
    seen.append(claim.job.revision)
    jobs.report(claim, 1, 10)
    seen.append(Job.objects.get(pk=job.pk).revision)
    jobs.release(claim)
    seen.append(Job.objects.get(pk=job.pk).revision)
    assert seen == sorted(set(seen))

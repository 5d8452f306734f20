"""Quotas in the queue: refused in one place, exact under a race, given back where nothing came."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts import quotas
from accounts.models import Quota, Usage, User
from accounts.problems import Forbidden, QuotaUsed
from generation import jobs
from generation.errors import QueueFull
from generation.models import Job
from tests.generation.jobs.conftest import Order, Submit, Take, at_once, stored

pytestmark = pytest.mark.django_db
several_connections = pytest.mark.django_db(transaction=True)
STAGES = dict.fromkeys(("encode_ms", "denoise_ms", "decode_ms"), 1)


def limit(user: User, **limits: float) -> None:
    Quota.objects.create(user=user, **limits)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"queued_jobs": 1}, "queued_jobs"),
        ({"images_per_day": 3}, "images_per_day"),
        ({"megapixel_steps_per_day": 0.1}, "megapixel_steps_per_day"),
    ],
)
def test_what_goes_over_a_limit_is_refused_and_uses_nothing(
    submit: Submit, order: Order, alice: User, limits: dict[str, float], name: str
) -> None:
    limit(alice, **limits)
    submit(resolved=order(n=2))
    before = quotas.usage_of(alice)
    with pytest.raises(QuotaUsed) as refusal:
        submit(resolved=order(n=2))
    assert refusal.value.quota["name"] == name
    assert refusal.value.headers["x-should-retry"] == "false"
    assert quotas.usage_of(alice) == before


def test_a_refusal_for_today_says_what_is_left_and_when_it_begins_anew(
    submit: Submit, order: Order, alice: User
) -> None:
    limit(alice, images_per_day=3)
    submit(resolved=order(n=2))
    with pytest.raises(QuotaUsed, match=r"needs 2 images, and 1 of your 3 .* 00:00 UTC") as refusal:
        submit(resolved=order(n=2))
    quota = refusal.value.quota
    assert (quota["limit"], quota["used"], quota["left"], quota["requested"]) == (3, 2, 1, 2)
    assert quota["resets_at"].endswith("T00:00:00Z")


def test_who_keeps_too_much_deletes_first(submit: Submit, alice: User) -> None:
    limit(alice, stored_bytes=1000)
    quotas.stored(alice.pk, images=1, bytes=1000)
    with pytest.raises(QuotaUsed, match="delete some first"):
        submit()


@pytest.mark.parametrize("name", list(quotas.NAMES))
def test_a_limit_of_nothing_is_a_missing_right(submit: Submit, alice: User, name: str) -> None:
    limit(alice, **{name: 0})
    with pytest.raises(Forbidden, match="is 0"):
        submit()


def test_a_repeated_request_joins_and_uses_nothing(submit: Submit, alice: User) -> None:
    limit(alice, images_per_day=1, queued_jobs=1)
    first = submit(idempotency_key="k", body_hash="a")
    assert submit(idempotency_key="k", body_hash="a") == first
    again = submit(body_hash="a", sdk_retry=True)
    assert again == first
    assert quotas.usage_of(alice).images_today == 1


def test_a_full_queue_uses_nothing(submit: Submit, alice: User, settings: object) -> None:
    settings.ALICE_QUEUE_LIMIT = 1  # type: ignore[attr-defined]  # pytest-django's
    submit()
    with pytest.raises(QueueFull):
        submit()
    assert quotas.usage_of(alice).queued_jobs == 1


def test_a_job_that_was_never_begun_costs_nothing(submit: Submit, alice: User) -> None:
    jobs.cancel(submit().pk)
    used = quotas.usage_of(alice)
    assert (used.queued_jobs, used.images_today, used.megapixel_steps_today) == (0, 0, 0)


def test_a_job_that_failed_costs_the_steps_it_took(submit: Submit, take: Take, alice: User) -> None:
    job = submit()
    claim = take()
    jobs.report(claim, 4, 10)
    jobs.fail(claim, "numerical_error", "")
    used = quotas.usage_of(alice)
    assert (used.running_jobs, used.images_today) == (0, 0)
    assert used.megapixel_steps_today == pytest.approx(job.cost * 0.4)


def test_yesterdays_job_gives_nothing_back_to_today(
    submit: Submit, take: Take, order: Order, alice: User
) -> None:
    submit(resolved=order(n=2))
    yesterday = timezone.now().date() - timedelta(days=1)
    Job.objects.update(reserved_on=yesterday)
    Usage.objects.update(day=yesterday)
    submit(resolved=order(n=3))
    jobs.fail(take(), "done", "")
    assert quotas.usage_of(alice).images_today == 3


def test_published_pictures_are_counted(submit: Submit, take: Take, alice: User) -> None:
    submit()
    claim = take()
    made = stored(claim)
    jobs.publish(claim, [made], STAGES)
    used = quotas.usage_of(alice)
    assert (used.stored_images, used.stored_bytes) == (1, made.file.size_bytes)
    assert (used.queued_jobs, used.running_jobs, used.images_today) == (0, 0, 1)


def test_a_claim_passes_over_who_may_run_no_more(
    submit: Submit, take: Take, alice: User, bob: User
) -> None:
    limit(alice, running_jobs=1)
    submit()
    held = submit()
    running = take()
    late = submit(bob)
    assert take().job == late
    assert jobs.claim("w1") is None
    assert not jobs.ready().exists()
    jobs.fail(running, "done", "")
    assert take().job == held


def test_a_claim_of_a_warm_model_passes_over_them_too(
    submit: Submit, take: Take, alice: User
) -> None:
    limit(alice, running_jobs=1)
    submit()
    submit()
    take(warm=["sd/other"])
    assert jobs.claim("w1", ["sd/demo"]) is None


def test_a_job_given_back_waits_again(submit: Submit, take: Take, alice: User) -> None:
    limit(alice, running_jobs=1)
    submit()
    jobs.release(take())
    used = quotas.usage_of(alice)
    assert (used.queued_jobs, used.running_jobs) == (1, 0)
    take()


@several_connections
@pytest.mark.parametrize(
    "limits", [{"queued_jobs": 5}, {"images_per_day": 5}, {"megapixel_steps_per_day": 5 * 0.04096}]
)
def test_twenty_at_once_get_exactly_what_is_left(
    submit: Submit, order: Order, alice: User, limits: dict[str, float]
) -> None:
    limit(alice, **limits)
    same = order()
    assert same.megapixel_steps == pytest.approx(0.04096)
    answers = at_once([partial(submit, alice, same)] * 20)
    assert sum(isinstance(answer, Job) for answer in answers) == 5
    assert sum(isinstance(answer, QuotaUsed) for answer in answers) == 15
    assert Job.objects.count() == 5
    assert jobs.recount(dry_run=True) == []


@several_connections
def test_workers_at_once_never_run_more_than_the_limit(
    submit: Submit, alice: User, bob: User
) -> None:
    limit(alice, running_jobs=2)
    for _ in range(6):
        submit()
    others = {submit(bob).pk for _ in range(3)}
    taken = at_once([partial(jobs.claim, f"w{n}") for n in range(8)])
    claims = [claim.job for claim in taken if isinstance(claim, jobs.Claim)]
    assert len(claims) == 5
    assert others <= {job.pk for job in claims}
    assert jobs.recount(dry_run=True) == []


@several_connections
def test_everything_at_once_blocks_nobody_for_ever_and_counts_right(
    submit: Submit, take: Take, alice: User, bob: User
) -> None:
    limit(alice, queued_jobs=8, running_jobs=3, images_per_day=100)
    waiting = [submit(owner) for owner in (alice, bob) for _ in range(6)]
    running = [take(f"w{n}") for n in range(3)]
    calls: list[Callable[[], object]] = [
        *[partial(submit, owner) for owner in (alice, bob) for _ in range(4)],
        *[partial(jobs.claim, f"v{n}") for n in range(4)],
        *[partial(jobs.fail, claim, "done", "") for claim in running[:2]],
        partial(jobs.release, running[2]),
        *[partial(jobs.cancel, job.pk) for job in waiting[-3:]],
        *[jobs.recount] * 2,
    ]
    failures = [answer for answer in at_once(calls) if isinstance(answer, Exception)]
    assert [error for error in failures if not isinstance(error, QuotaUsed)] == []
    assert jobs.recount(dry_run=True) == []

"""Quotas: whose limits count, and what is left of them."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import quotas
from accounts.models import Quota, Usage, User
from accounts.quotas import Limits

pytestmark = pytest.mark.django_db


def today() -> datetime:
    return datetime.now(UTC)


def test_without_a_quota_nothing_is_limited(alice: User) -> None:
    assert quotas.limits_of(alice) == Limits()
    assert quotas.left(alice)["imagesPerDay"]["left"] is None


def test_a_role_has_limits_of_its_own(alice: User, staff: User) -> None:
    Quota.objects.create(role="user", images_per_day=5)
    assert quotas.limits_of(alice) == Limits(images_per_day=5)
    assert quotas.limits_of(staff) == Limits()


def test_a_superuser_counts_as_staff(alice: User) -> None:
    alice.is_superuser = True
    Quota.objects.create(role="user", images_per_day=5)
    Quota.objects.create(role="staff", queued_jobs=9)
    assert quotas.limits_of(alice) == Limits(queued_jobs=9)


def test_a_users_own_quota_wins_wholly(alice: User, bob: User) -> None:
    Quota.objects.create(role="user", images_per_day=5, queued_jobs=2)
    Quota.objects.create(user=alice, images_per_day=50)
    assert quotas.limits_of(alice) == Limits(images_per_day=50)
    assert quotas.limits_of(bob) == Limits(images_per_day=5, queued_jobs=2)


def test_who_never_made_a_job_has_used_nothing(alice: User) -> None:
    used = quotas.usage_of(alice)
    assert (used.queued_jobs, used.images_today, used.stored_bytes) == (0, 0, 0)


def test_what_is_left_tells_limit_use_and_reset(alice: User) -> None:
    Quota.objects.create(user=alice, images_per_day=5, stored_bytes=1000)
    Usage.objects.create(user=alice, day=today().date(), images_today=3, stored_bytes=1500)
    left = quotas.left(alice)
    midnight = (today() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    reset = int(midnight.timestamp())
    assert left["imagesPerDay"] == {"limit": 5, "used": 3, "left": 2, "resetsAt": reset}
    assert left["storedBytes"] == {"limit": 1000, "used": 1500, "left": 0, "resetsAt": None}


def test_yesterdays_sums_are_not_todays(alice: User) -> None:
    yesterday = today().date() - timedelta(days=1)
    Usage.objects.create(user=alice, day=yesterday, images_today=3, megapixel_steps_today=9)
    used = quotas.usage_of(alice)
    assert (used.images_today, used.megapixel_steps_today) == (0, 0)


def test_who_may_run_no_more_is_known(alice: User, bob: User, staff: User) -> None:
    for user in (alice, bob, staff):
        Usage.objects.create(user=user, queued_jobs=1, running_jobs=2)
    assert quotas.at_running_limit() == []
    Quota.objects.create(role="user", running_jobs=2)
    assert set(quotas.at_running_limit()) == {alice.pk, bob.pk}
    Quota.objects.create(user=alice, queued_jobs=5)
    assert quotas.at_running_limit() == [bob.pk]
    Quota.objects.create(role="staff", running_jobs=1)
    Quota.objects.create(user=bob, running_jobs=3)
    assert quotas.at_running_limit() == [staff.pk]


def test_who_waits_for_nothing_is_held_up_by_nothing(alice: User) -> None:
    Usage.objects.create(user=alice, running_jobs=2)
    Quota.objects.create(role="user", running_jobs=2)
    assert quotas.at_running_limit() == []


def test_a_queue_of_people_at_their_limit_is_passed_over_at_once(alice: User) -> None:
    Usage.objects.create(user=alice, queued_jobs=1, running_jobs=1)
    Quota.objects.create(role="user", running_jobs=1)
    assert not quotas.begin(alice.pk)
    Quota.objects.update(running_jobs=2)
    assert quotas.begin(alice.pk)

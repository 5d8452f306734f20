"""Limits set by staff: whose they are, and that it is written down."""

import pytest

from accounts import granting, quotas
from accounts.audit import Source
from accounts.models import AuditEntry, Quota, User
from accounts.quotas import Limits

pytestmark = pytest.mark.django_db


def test_a_role_is_granted_limits(alice: User, staff: User) -> None:
    granting.grant(Quota.Role.USER, Limits(queued_jobs=3), Source(staff))
    granting.grant(Quota.Role.USER, Limits(images_per_day=9), Source(staff))
    assert quotas.limits_of(alice) == Limits(images_per_day=9)
    assert Quota.objects.count() == 1


def test_what_changed_is_written_down(alice: User, staff: User) -> None:
    granting.grant(alice, Limits(queued_jobs=3, images_per_day=9), Source(staff))
    granting.grant(alice, Limits(queued_jobs=3), Source(staff))
    entry = AuditEntry.objects.filter(action="quota_changed").first()
    assert entry is not None
    assert entry.actor_name == "carol"
    assert entry.detail == {"of": "quota of alice", "images_per_day": None}


def test_the_same_limits_again_are_no_news(alice: User, staff: User) -> None:
    for _ in range(2):
        granting.grant(alice, Limits(queued_jobs=3), Source(staff))
    assert AuditEntry.objects.filter(action="quota_changed").count() == 1


def test_a_user_without_own_limits_has_the_roles(alice: User, staff: User) -> None:
    granting.grant(Quota.Role.USER, Limits(queued_jobs=3), Source(staff))
    granting.grant(alice, Limits(), Source(staff))
    assert quotas.limits_of(alice) == Limits()
    assert granting.withdraw(alice, Source(staff))
    assert quotas.limits_of(alice) == Limits(queued_jobs=3)
    assert not granting.withdraw(alice, Source(staff))
    assert AuditEntry.objects.filter(detail__gone=True).count() == 1

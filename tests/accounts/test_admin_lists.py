"""The administration's read-only lists: invites, requests, quotas, usage, the audit log."""

from typing import Any

import pytest
from django.test import Client

from accounts import audit
from accounts.models import AuditEntry, Invite, Quota, Registration, Usage, User
from tests.admin_pages import administrator, assert_fits_policy, queries_of

LISTS = ["invite", "registration", "quota", "usage", "auditentry"]


def where(name: str, *rest: Any) -> str:
    return f"/admin/accounts/{name}/" + "".join(f"{part}/" for part in rest)


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


def one_of_each(user: User) -> dict[str, Any]:
    return {
        "invite": Invite.objects.create(digest=user.username, hint="abcd", created_by=user),
        "registration": Registration.objects.create(username=f"new-{user}", decided_by=user),
        "quota": Quota.objects.create(user=user, queued_jobs=3),
        "usage": Usage.objects.create(user=user, stored_images=1, stored_bytes=2_000_000),
        "auditentry": audit.record(audit.Action.LOGIN, audit.Source(user), user, note="<b>"),
    }


@pytest.mark.parametrize("name", LISTS)
def test_pages_fit_the_policy(admin: Client, alice: User, name: str) -> None:
    row = one_of_each(alice)[name]
    assert_fits_policy(admin, where(name))
    assert_fits_policy(admin, where(name, row.pk, "change"))


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_the_same_for_many(admin: Client, name: str) -> None:
    costs = []
    for size in range(2):
        for index in range(4):
            one_of_each(User.objects.create(username=f"user{size}{index}"))
        costs.append(queries_of(admin, where(name)))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("name", ["invite", "registration", "usage", "auditentry"])
def test_what_happened_is_not_edited(admin: Client, alice: User, name: str) -> None:
    row = one_of_each(alice)[name]
    assert admin.get(where(name, "add")).status_code == 403
    assert admin.post(where(name, row.pk, "change"), {"username": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["usage", "auditentry"])
def test_what_counts_is_not_deleted(admin: Client, alice: User, name: str) -> None:
    row = one_of_each(alice)[name]
    assert admin.post(where(name, row.pk, "delete"), {"post": "yes"}).status_code == 403


def test_audit_log_is_filtered_by_action_and_searched(admin: Client, alice: User) -> None:
    audit.record(audit.Action.LOGIN, audit.Source(alice, address="192.0.2.7"))
    audit.record(audit.Action.LOGOUT, audit.Source(alice, address="192.0.2.8"))
    page = admin.get(where("auditentry"), {"action": "login", "q": "alice"}).content.decode()
    assert "192.0.2.7" in page
    assert "192.0.2.8" not in page


@pytest.mark.parametrize("both", [True, False])
def test_a_quota_of_nobody_or_two_is_told_in_words(admin: Client, alice: User, both: bool) -> None:
    whose = {"role": "staff", "user": alice.pk} if both else {}
    page = admin.post(where("quota", "add"), whose | {"queued_jobs": "5"}).content.decode()
    assert "Choose a role or a user, one of the two." in page
    assert "quota_of_a_role_or_a_user" not in page
    assert not Quota.objects.exists()


def test_quota_is_changed_and_remembered(admin: Client, alice: User) -> None:
    admin.post(where("quota", "add"), {"role": "user", "queued_jobs": "5"})
    quota = Quota.objects.get(role="user")
    admin.post(where("quota", quota.pk, "change"), {"queued_jobs": "7", "images_per_day": "100"})
    quota.refresh_from_db()
    assert (quota.queued_jobs, quota.images_per_day) == (7, 100)
    told = AuditEntry.objects.filter(action="quota_changed").values_list("detail", flat=True)
    assert {"of": "quota of role user", "queued_jobs": 7, "images_per_day": 100} in list(told)


def test_quota_without_a_holder_is_refused(admin: Client, alice: User) -> None:
    reply = admin.post(where("quota", "add"), {"role": "user", "user": alice.pk})
    assert reply.status_code == 200
    assert not Quota.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_user_with_usage_and_quota_is_deleted(admin: Client, alice: User) -> None:
    one_of_each(alice)
    admin.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="alice").exists()

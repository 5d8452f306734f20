"""People over the API, and the list of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys, people
from accounts.local import local_user
from accounts.models import ApiKey, AuditEntry, Usage, User

pytestmark = pytest.mark.django_db
USERS = "/v1/auth/users"


@pytest.fixture
def carol(staff: User) -> Client:
    """Staff with a key of scope admin."""
    return Client(headers={"X-Api-Key": keys.mint(staff, "test", ["admin"])[1]})


def patch(client: Client, user: User, **body: Any) -> Any:
    return client.patch(f"{USERS}/{user.pk}", body, content_type="application/json")


def names(reply: Any) -> list[str]:
    return [user["username"] for user in reply.json()["data"]]


def test_the_list_tells_who_has_what(carol: Client, alice: User) -> None:
    Usage.objects.create(user=alice, stored_images=3, stored_bytes=4_000)
    live, _ = keys.mint(alice, "one", ["read"])
    revoked, _ = keys.mint(alice, "two", ["read"])
    keys.revoke(revoked)
    used = timezone.now() - timedelta(hours=1)
    ApiKey.objects.filter(pk=live.pk).update(last_used_at=used)
    (shown,) = carol.get(f"{USERS}?search=ALI").json()["data"]
    assert shown == {
        "id": alice.pk, "username": "alice", "email": "", "isActive": True, "isStaff": False,
        "createdAt": int(alice.date_joined.timestamp()), "lastSeen": int(used.timestamp()),
        "keys": 1, "storedImages": 3, "storedBytes": 4_000,
    }  # fmt: skip


def test_a_session_counts_as_being_seen(carol: Client, alice: User, client: Client) -> None:
    client.force_login(alice)
    User.objects.filter(pk=alice.pk).update(last_login=None)
    assert people.described(User.objects.filter(pk=alice.pk))[0].last_seen is not None


def test_the_built_in_user_is_not_listed(carol: Client) -> None:
    local = local_user()
    assert names(carol.get(USERS)) == ["carol"]
    assert patch(carol, local, isActive=False).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=staff", ["carol"]),
        ("role=user", ["alice"]),
        ("role=inactive", ["bob"]),
        ("search=OB", ["bob"]),
        ("search=%25", []),
        ("search=example.org", ["alice"]),
        ("limit=1&offset=1", ["bob"]),
    ],
)
def test_the_list_is_searched_and_paged(
    query: str, found: list[str], carol: Client, alice: User, bob: User
) -> None:
    User.objects.filter(pk=alice.pk).update(email="a@example.org")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert names(carol.get(f"{USERS}?{query}")) == found


def test_the_list_costs_the_same_however_long_it_is(carol: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            carol.get(USERS)
        return len(asked)

    carol.get(USERS)
    few = queries()
    for number in range(20):
        keys.mint(User.objects.create(username=f"user{number}"), "x", ["read"])
    assert queries() == few


def test_deactivating_acts_on_the_next_request(carol: Client, alice: User) -> None:
    hers = Client(headers={"X-Api-Key": keys.mint(alice, "x", ["read"])[1]})
    assert patch(carol, alice, isActive=False).json()["user"]["isActive"] is False
    assert hers.get("/v1/gallery").status_code == 401
    patch(carol, alice, isActive=True)
    assert hers.get("/v1/gallery").status_code == 200


def test_losing_the_role_acts_on_the_next_request(carol: Client, bob: User) -> None:
    patch(carol, bob, isStaff=True)
    bob.refresh_from_db()
    his = Client(headers={"X-Api-Key": keys.mint(bob, "x", ["admin"])[1]})
    assert his.get(USERS).status_code == 200
    patch(carol, bob, isStaff=False)
    assert his.get(USERS).status_code == 403


def test_both_changes_stand_or_fall_together(carol: Client, staff: User, alice: User) -> None:
    root = User.objects.create(username="boss", is_staff=True, is_superuser=True)
    assert patch(carol, root, isStaff=False, isActive=False).status_code == 403
    patch(carol, alice, isStaff=True, isActive=False)
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_active) == (True, False)


@pytest.mark.parametrize("body", [{"isActive": False}, {"isStaff": False}])
def test_nobody_takes_it_from_himself(
    carol: Client, staff: User, bob: User, body: dict[str, bool]
) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    reply = patch(carol, staff, **body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "own_account")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "isActive"),
        ({"isStaff": "perhaps"}, "isStaff"),
        ({"isActive": None}, "isActive"),
        ({"isSuperuser": True}, "isSuperuser"),
        ({"is_superuser": True}, "is_superuser"),
        ({"password": "x"}, "password"),
    ],
)
def test_a_bad_change_is_refused(
    carol: Client, alice: User, body: dict[str, Any], param: str
) -> None:
    reply = patch(carol, alice, **body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not AuditEntry.objects.filter(target_type="user").exists()


def test_a_session_that_is_not_fresh_makes_no_staff(staff: User, alice: User) -> None:
    browser = Client()
    browser.force_login(staff)
    session = browser.session
    session["alice_proved_at"] = 0
    session.save()
    reply = patch(browser, alice, isStaff=True)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "confirmation_required")
    assert patch(browser, alice, isActive=False).status_code == 200


@pytest.mark.parametrize("query", ["role=root", "limit=x", "ordering=password", "offset=99999"])
def test_the_list_takes_what_it_knows(carol: Client, query: str) -> None:
    assert carol.get(f"{USERS}?{query}").status_code == 400

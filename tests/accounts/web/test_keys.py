"""The pages of keys: a person's own and, for staff, everybody's."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import keys
from accounts.models import ApiKey, AuditEntry, User
from accounts.witness import PROVED_AT

ACCOUNT, STAFF = "/web/account", "/web/administration/keys"
FORM = {"name": "laptop", "scopes": ["generate"], "days": "90", "rate": ""}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def long_ago(client: Client) -> Client:
    """The same session an hour after its password."""
    session = client.session
    session[PROVED_AT] = time.time() - 3600
    session.save()
    return client


def test_a_new_key_is_shown_once_and_opens(alice: User) -> None:
    client = signed_in(alice)
    page = client.post(ACCOUNT, FORM)
    key = keys.verify(page.context["secret"])
    assert key is not None
    assert key.user == alice
    assert page.context["secret"] not in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize(("days", "rate"), [("30", "60"), ("365", ""), ("0", "1")])
def test_a_key_lives_and_asks_as_the_form_says(alice: User, days: str, rate: str) -> None:
    signed_in(alice).post(ACCOUNT, FORM | {"days": days, "rate": rate})
    key = ApiKey.objects.get()
    assert key.rate_limit == (int(rate) if rate else None)
    if days == "0":
        assert key.expires_at is None
    else:
        assert key.expires_at is not None
        assert (key.expires_at - timezone.now()).days in {int(days) - 1, int(days)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["admin"]},
        {"scopes": ["fly"]},
        {"scopes": []},
        {"name": " "},
        {"days": "7"},
        {"rate": "fast"},
        {"rate": "0"},
        {"rate": "100001"},
    ],
)
def test_a_wrong_form_is_refused_with_the_reason_and_kept(
    alice: User, wrong: dict[str, Any]
) -> None:
    page = signed_in(alice).post(ACCOUNT, FORM | wrong)
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()
    assert f'value="{(FORM | wrong)["name"]}"' in page.content.decode()
    assert not ApiKey.objects.exists()


def test_an_old_session_makes_and_rotates_no_key(alice: User) -> None:
    key, _ = keys.mint(alice, "laptop", ["generate"])
    client = long_ago(signed_in(alice))
    for path in (ACCOUNT, f"{ACCOUNT}/keys/{key.pk}/rotate"):
        reply = client.post(path, FORM, headers={"Referer": f"http://testserver{ACCOUNT}"})
        assert reply.headers["Location"].startswith("/web/confirm?")
    assert list(ApiKey.objects.all()) == [key]


def test_an_old_session_still_revokes(alice: User) -> None:
    key, secret = keys.mint(alice, "laptop", ["generate"])
    long_ago(signed_in(alice)).post(f"{ACCOUNT}/keys/{key.pk}/revoke")
    assert keys.verify(secret) is None


def test_rotating_shows_the_successor_once(alice: User) -> None:
    key, secret = keys.mint(alice, "laptop", ["generate"])
    client = signed_in(alice)
    page = client.post(f"{ACCOUNT}/keys/{key.pk}/rotate", {"hours": "0"})
    assert keys.verify(page.context["secret"]) is not None
    assert keys.verify(secret) is None
    assert client.post(f"{ACCOUNT}/keys/{key.pk}/rotate").status_code == 400
    assert page.context["secret"] not in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize("hours", ["2", "-1", "x"])
def test_a_wrong_overlap_rotates_nothing(alice: User, hours: str) -> None:
    key, _ = keys.mint(alice, "laptop", ["generate"])
    reply = signed_in(alice).post(f"{ACCOUNT}/keys/{key.pk}/rotate", {"hours": hours})
    assert reply.status_code == 400
    assert ApiKey.objects.count() == 1


def test_a_key_whose_successor_was_lost_can_be_rotated_once_more(alice: User) -> None:
    key = keys.mint(alice, "laptop", ["read"])[0]
    successor = keys.rotate(key)[0]
    client, again = signed_in(alice), f'action="{ACCOUNT}/keys/{key.pk}/rotate"'
    assert again not in client.get(ACCOUNT).content.decode()
    keys.revoke(successor)
    assert again in client.get(ACCOUNT).content.decode()


@pytest.mark.parametrize("deed", ["revoke", "rotate"])
def test_nobody_touches_the_key_of_another(alice: User, bob: User, deed: str) -> None:
    key, secret = keys.mint(alice, "laptop", ["generate"])
    assert signed_in(bob).post(f"{ACCOUNT}/keys/{key.pk}/{deed}").status_code == 404
    assert signed_in(bob).get(f"{ACCOUNT}/keys/{key.pk}/{deed}").status_code == 405
    assert keys.verify(secret) is not None
    assert ApiKey.objects.count() == 1


def test_what_pages_do_is_written_down(alice: User) -> None:
    client = signed_in(alice)
    client.post(ACCOUNT, FORM)
    client.post(f"{ACCOUNT}/keys/{ApiKey.objects.get().pk}/revoke")
    told = AuditEntry.objects.filter(target_type="apikey").order_by("pk")
    assert [(entry.action, entry.actor_name) for entry in told] == [
        ("key_created", "alice"),
        ("key_revoked", "alice"),
    ]


def names(client: Client, query: str = "") -> list[str]:
    page = client.get(f"{STAFF}{query}").content.decode()
    return re.findall(r"<td class=\"words\"><strong>([^<]+)</strong>", page)


@pytest.fixture
def several(alice: User, bob: User) -> list[ApiKey]:
    made = [keys.mint(user, f"of {user}", ["read"])[0] for user in (alice, bob)]
    revoked, _ = keys.mint(bob, "revoked", ["read"])
    keys.revoke(revoked)
    ended, _ = keys.mint(bob, "ended", ["read"])
    ApiKey.objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return [*made, revoked, ended]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["of bob", "of alice"]),
        ("?state=ended", ["ended"]),
        ("?state=revoked", ["revoked"]),
        ("?state=all", ["ended", "revoked", "of bob", "of alice"]),
        ("?q=ALICE", ["of alice"]),
        ("?q=nobody", []),
    ],
)
def test_staff_finds_keys_by_owner_and_state(
    several: list[ApiKey], staff: User, query: str, found: list[str]
) -> None:
    assert names(signed_in(staff), query) == found


def test_staff_finds_a_key_by_its_beginning(several: list[ApiKey], staff: User) -> None:
    assert names(signed_in(staff), f"?q=sk-alice-{several[0].prefix}") == ["of alice"]


def test_staff_revokes_the_key_of_anybody(several: list[ApiKey], staff: User) -> None:
    signed_in(staff).post(f"{STAFF}/{several[0].pk}/revoke")
    several[0].refresh_from_db()
    assert several[0].revoked_at is not None
    assert AuditEntry.objects.filter(action="key_revoked", actor_name="carol").count() == 1


def test_nobody_else_sees_or_revokes_them(several: list[ApiKey], bob: User) -> None:
    client = signed_in(bob)
    assert client.get(STAFF).status_code == 403
    assert client.post(f"{STAFF}/{several[0].pk}/revoke").status_code == 403
    several[0].refresh_from_db()
    assert several[0].revoked_at is None


def test_a_long_list_asks_no_more_often_than_a_short_one(
    staff: User, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(staff)
    for number in range(60):
        keys.mint(bob, str(number), ["read"])
    with django_assert_max_num_queries(8):
        assert len(names(client)) == 50
    assert len(names(client, "?page=2")) == 10


def test_an_account_holds_no_key_while_authentication_is_off(
    db: None, settings: Settings, client: Client
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert "need no key" in client.get(ACCOUNT).content.decode()
    assert client.post(ACCOUNT, FORM).status_code == 400
    assert not ApiKey.objects.exists()

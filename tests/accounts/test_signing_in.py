"""The door: who is let in, who is locked out, and who must prove once more that it is him."""

import threading
import time
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts import lockout, second_factor, witness
from accounts.models import AuditEntry, Session, User

LOGIN, PASSWORD = "/web/login", "/web/account/password"
RIGHT = "correct horse 1"


def attempt(
    name: str = "alice", password: str = "wrong", address: str = "10.0.0.1", **headers: str
) -> int:
    form = {"username": name, "password": password}
    reply = Client().post(LOGIN, form, headers=headers, REMOTE_ADDR=address)
    return reply.status_code


def guess(times: int, name: str = "alice", address: str = "10.0.0.1") -> list[int]:
    return [attempt(name, address=address) for _ in range(times)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def grow_old(client: Client) -> None:
    session: SessionBase = client.session
    session[witness.PROVED_AT] = time.time() - 16 * 60
    session.save()


@pytest.fixture
def strict(settings: Settings) -> Settings:
    settings.AXES_FAILURE_LIMIT = 3
    return settings


def test_the_limit_locks_even_the_right_password_out(alice: User, strict: Settings) -> None:
    assert guess(3) == [200, 200, 200]
    assert attempt(password=RIGHT) == 429


def test_the_locked_out_are_told_how_long(alice: User, strict: Settings) -> None:
    guess(3)
    form = {"username": "alice", "password": RIGHT}
    reply = Client().post(LOGIN, form, REMOTE_ADDR="10.0.0.1")
    assert 800 < int(reply.headers["Retry-After"]) <= 901


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
    ],
)
def test_a_locked_out_program_reads_what_it_asked_for(
    alice: User, strict: Settings, accept: str, media: str
) -> None:
    guess(3)
    form = {"username": "alice", "password": RIGHT}
    reply = Client().post(LOGIN, form, headers={"Accept": accept}, REMOTE_ADDR="10.0.0.1")
    assert (reply.status_code, reply.headers["Content-Type"]) == (429, media)
    assert int(reply.headers["Retry-After"]) > 800
    if media == "application/json":
        assert reply.json()["error"]["code"] == "login_locked"


def hashed_for(name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hasher, each time it works while somebody tries to sign in as `name`."""
    done: list[str] = []
    work = PBKDF2PasswordHasher.encode

    def counted(self: PBKDF2PasswordHasher, *given: Any, **named: Any) -> str:
        done.append(str(self.algorithm))
        return work(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "encode", counted)
        assert attempt(name) == 200
    return done


@pytest.mark.parametrize("kind", ["known", "unknown", "inactive", "without a password"])
def test_every_attempt_costs_one_hash(
    alice: User, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of a refusal would tell who has an account."""
    alice.is_active = kind != "inactive"
    if kind == "without a password":
        alice.set_unusable_password()
    alice.save()
    name = "nobody" if kind == "unknown" else "alice"
    assert hashed_for(name, monkeypatch) == ["pbkdf2_sha256"]


def test_many_names_from_one_address_are_one_guesser(alice: User, strict: Settings) -> None:
    for name in ("a", "b", "c"):
        attempt(name)
    assert attempt(password=RIGHT) == 429


def test_a_lock_holds_for_its_address_only(alice: User, strict: Settings) -> None:
    guess(4)
    assert attempt(password=RIGHT, address="10.0.0.2") == 302


def test_a_forged_forwarding_header_buys_nothing(alice: User, strict: Settings) -> None:
    for last in range(4):
        attempt(**{"X-Forwarded-For": f"203.0.113.{last}"})
    assert attempt(password=RIGHT) == 429


def test_a_network_of_ipv6_is_one_address(alice: User, strict: Settings) -> None:
    for last in range(3):
        attempt(address=f"2001:db8::{last}")
    assert attempt(password=RIGHT, address="2001:db8::ffff") == 429


def test_nobody_clears_an_address_by_an_account_of_his_own(
    alice: User, bob: User, strict: Settings
) -> None:
    guess(2)
    assert attempt("bob", "correct horse 2") == 302
    assert guess(2) == [200, 429]


def test_a_right_password_forgets_the_wrong_ones(alice: User, strict: Settings) -> None:
    guess(2)
    attempt(password=RIGHT)
    assert guess(2) == [200, 200]


@pytest.mark.parametrize("active", [True, False])
def test_a_lock_tells_not_whether_a_name_exists(
    alice: User, strict: Settings, active: bool
) -> None:
    User.objects.update(is_active=active)
    assert guess(4) == guess(4, "nobody", address="10.0.0.9")


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_get_no_more_guesses_than_one(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 10
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    User.objects.create_user("alice", password=RIGHT)
    answers: list[int] = []

    def one() -> None:
        try:
            answers.append(attempt())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers.count(200), answers.count(429)) == (10, 40)
    assert AuditEntry.objects.filter(action="login_failed").count() == 10
    assert AuditEntry.objects.filter(action="login_locked").count() == 1


def test_a_lock_whose_cause_is_forgiven_meanwhile_is_over_in_a_moment(
    alice: User, strict: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many sign in rightly at once: the one too many is refused, and the others' end is its lock's."""
    guess(3)
    refuse = lockout.Handler.is_allowed

    def overtaken(self: Any, request: Any, credentials: Any = None) -> bool:
        allowed = refuse(self, request, credentials)
        AccessAttempt.objects.all().delete()
        return allowed

    monkeypatch.setattr(lockout.Handler, "is_allowed", overtaken)
    form = {"username": "alice", "password": RIGHT}
    reply = Client().post(LOGIN, form, REMOTE_ADDR="10.0.0.1")
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")


def test_old_attempts_do_not_pile_up(alice: User) -> None:
    attempt("somebody")
    AccessAttempt.objects.update(attempt_time="2020-01-01T00:00Z")
    attempt()
    assert AccessAttempt.objects.count() == 1


def test_no_password_reaches_the_audit_log(alice: User) -> None:
    attempt(password="a secret nobody may read")
    assert "secret" not in str(AuditEntry.objects.values_list())


def kept() -> str:
    """All that is remembered of attempts."""
    return str([*AuditEntry.objects.values_list(), *AccessAttempt.objects.values_list()])


@pytest.mark.parametrize("name", ["hunter2 and more", "ALICE2", "алиса"])
def test_a_password_typed_as_the_name_is_not_kept(alice: User, name: str) -> None:
    attempt(name)
    assert AuditEntry.objects.get(action="login_failed").detail.keys() == {"wrong", "mark"}
    assert name not in kept()


@pytest.mark.parametrize("name", ["alice", "Alice", "\u0430lice"])
def test_a_name_that_looks_like_somebodys_is_told_as_his(alice: User, name: str) -> None:
    attempt(name)
    entry = AuditEntry.objects.get(action="login_failed")
    assert (entry.target_id, entry.detail["username"]) == (str(alice.pk), "alice")


def test_attempts_under_one_unknown_name_can_be_told_from_others(db: None) -> None:
    for name in ("one", "one", "two"):
        attempt(name)
    marks = [e.detail["mark"] for e in AuditEntry.objects.filter(action="login_failed")]
    assert len(set(marks)) == 2


def test_signing_in_changes_the_session(alice: User, client: Client) -> None:
    session = client.session
    session["fixed"] = True
    session.save()
    before = session.session_key
    client.cookies["alice-session"] = str(before)
    client.post(LOGIN, {"username": "alice", "password": RIGHT})
    assert client.cookies["alice-session"].value != before
    assert not Session.objects.filter(session_key=before).exists()


def change(client: Client, old: str = RIGHT, new: str = "staple battery 9") -> int:
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(PASSWORD, form).status_code


def test_a_new_password_ends_every_other_session(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    assert change(here) == 302
    assert here.get("/web/").status_code == 200
    assert there.get("/web/").status_code == 302


def test_a_password_is_not_changed_without_the_present_one(alice: User) -> None:
    assert change(signed_in(alice), old="wrong") == 400
    alice.refresh_from_db()
    assert alice.check_password(RIGHT)


def test_guessing_at_the_present_password_is_locked_too(alice: User, strict: Settings) -> None:
    client = signed_in(alice)
    assert [change(client, old="wrong") for _ in range(4)] == [400, 400, 400, 429]


def test_signing_out_everywhere_leaves_no_session(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    here.post("/web/account/sessions/end", {"here": "1"})
    assert {c.get("/web/").status_code for c in (here, there)} == {302}
    assert not alice.sessions.exists()


def test_nobody_ends_the_sessions_of_another(alice: User, bob: User) -> None:
    other = signed_in(bob)
    signed_in(alice).post("/web/account/sessions/end")
    assert other.get("/web/").status_code == 200


def test_an_old_session_is_asked_again_and_does_nothing_before(alice: User) -> None:
    client = signed_in(alice)
    grow_old(client)
    reply = client.post("/web/account/second-factor/begin")
    assert reply.headers["Location"].startswith("/web/confirm?")
    assert second_factor.pending_of(alice) is None


def test_the_password_makes_a_session_recent_again(alice: User) -> None:
    client = signed_in(alice)
    grow_old(client)
    page = "/web/account/second-factor"
    reply = client.post(f"/web/confirm?next={page}", {"password": RIGHT})
    assert reply.headers["Location"] == page
    assert client.get(page).status_code == 200


def test_a_wrong_password_makes_nothing_recent(alice: User) -> None:
    client = signed_in(alice)
    grow_old(client)
    assert client.post("/web/confirm", {"password": "wrong"}).status_code == 403
    assert client.get("/web/account/second-factor").status_code == 302


def test_confirming_leads_to_no_other_server(alice: User) -> None:
    reply = signed_in(alice).post("/web/confirm?next=//evil.example", {"password": RIGHT})
    assert reply.headers["Location"] == "/web/"

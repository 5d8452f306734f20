"""Strangers get in by the mode's way alone, once, and never as staff."""

import uuid
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import invites, registration
from accounts.audit import Action, Source
from accounts.members import Newcomer
from accounts.models import AuditEntry, Invite, OpenIdentity, Registration, User
from accounts.problems import Busy, Forbidden, Invalid, Missing, NotFound, RateLimited
from accounts.registration import Application
from tests.accounts.conftest import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]
PASSWORD = "a quiet lake at dawn"
HERE = Source(address="192.0.2.7")
Status = Registration.Status


def application(name: str = "dora", **more: str) -> Application:
    return Application(name, PASSWORD, **more)


@pytest.fixture
def mode(settings: Settings) -> Any:
    def set_mode(name: str) -> None:
        settings.ALICE_REGISTRATION = name

    return set_mode


@pytest.fixture
def waiting(mode: Any) -> Registration:
    mode("approval")
    return registration.register(application(email="d@example.org"), HERE)


def test_by_default_nobody_registers() -> None:
    with pytest.raises(Forbidden) as refused:
        registration.register(application(), HERE)
    assert refused.value.code == "registration_closed"


def test_closed_is_closed_to_invites_too(staff: User, mode: Any) -> None:
    invite, code = invites.make(Source(staff))
    mode("closed")
    with pytest.raises(Forbidden):
        registration.register(application(invite_code=code), HERE)
    invite.refresh_from_db()
    assert invite.used == 0


def test_open_makes_the_account_at_once(mode: Any) -> None:
    mode("open")
    row = registration.register(application(email="d@example.org"), HERE)
    user = User.objects.get(username="dora")
    assert (row.status, row.user, row.password) == (Status.APPROVED, user, "")
    assert user.check_password(PASSWORD)
    assert (user.email, user.is_staff, user.is_superuser) == ("d@example.org", False, False)


def test_open_says_that_a_name_is_taken(alice: User, mode: Any) -> None:
    mode("open")
    with pytest.raises(Invalid) as refused:
        registration.register(application("Alice"), HERE)
    assert (refused.value.code, refused.value.param) == ("already_exists", "username")


def test_invite_mode_wants_an_invite(mode: Any) -> None:
    mode("invite")
    with pytest.raises(Missing) as refused:
        registration.register(application(), HERE)
    assert refused.value.param == "inviteCode"
    with pytest.raises(Invalid) as refused_too:
        registration.register(application(invite_code="nonsense"), HERE)
    assert refused_too.value.code == "invalid_invite"
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["invite", "approval", "open"])
def test_an_invite_opens_an_account_in_every_mode_that_is_not_closed(
    name: str, staff: User, mode: Any
) -> None:
    invite, code = invites.make(Source(staff))
    mode(name)
    row = registration.register(application(invite_code=code), HERE)
    assert (row.status, row.invite) == (Status.APPROVED, invite)
    invite.refresh_from_db()
    assert invite.used == 1


def test_a_registration_that_fails_costs_no_use(staff: User, alice: User, mode: Any) -> None:
    invite, code = invites.make(Source(staff))
    mode("invite")
    with pytest.raises(Invalid):
        registration.register(application("alice", invite_code=code), HERE)
    invite.refresh_from_db()
    assert invite.used == 0


def test_a_name_is_looked_up_for_holders_of_a_good_invite_only(alice: User, mode: Any) -> None:
    mode("invite")
    said = set()
    for name in ("alice", "dora"):
        with pytest.raises(Invalid) as refused:
            registration.register(application(name, invite_code="nonsense"), HERE)
        said.add(refused.value.code)
    assert said == {"invalid_invite"}


def test_approval_makes_no_user_and_keeps_no_password_in_the_clear(waiting: Registration) -> None:
    assert waiting.status == Status.PENDING
    assert not User.objects.exists()
    row = Registration.objects.filter(pk=waiting.pk).values().get()
    assert PASSWORD not in str(row)
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


def test_approval_says_nothing_about_who_exists(alice: User, mode: Any) -> None:
    mode("approval")

    def asked(name: str) -> tuple[Any, ...]:
        with CaptureQueriesContext(connection) as queries:
            row = registration.register(application(name), HERE)
        told = [query["sql"] for query in queries]
        # A name that nobody looks up cannot be told by the time it takes either.
        assert not any("accounts_user" in sql for sql in told)
        return row.status, row.reason, row.user, len(told)

    assert asked("alice") == asked("dora")


def test_approving_makes_the_account_and_forgets_the_hash(
    waiting: Registration, staff: User
) -> None:
    user = registration.approve(waiting, Source(staff))
    assert user.check_password(PASSWORD)
    assert (user.email, user.is_staff) == ("d@example.org", False)
    assert (waiting.status, waiting.user, waiting.decided_by) == (Status.APPROVED, user, staff)
    assert waiting.password == ""
    assert waiting.decided_at is not None


def test_who_asked_by_a_provider_may_come_in_by_it(waiting: Registration, staff: User) -> None:
    identity = OpenIdentity.objects.create(issuer="https://i", subject="s", registration=waiting)
    user = registration.approve(waiting, Source(staff))
    identity.refresh_from_db()
    assert identity.user == user


def test_rejecting_makes_none_and_keeps_the_reason(waiting: Registration, staff: User) -> None:
    registration.reject(waiting, " We do not know you. ", Source(staff))
    assert (waiting.status, waiting.reason) == (Status.REJECTED, "We do not know you.")
    assert waiting.password == ""
    assert not User.objects.filter(username="dora").exists()


def test_a_reason_that_no_database_keeps_is_refused(waiting: Registration, staff: User) -> None:
    with pytest.raises(Invalid):
        registration.reject(waiting, "no\0", Source(staff))
    waiting.refresh_from_db()
    assert waiting.status == Status.PENDING


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
def test_deciding_twice_is_refused_and_changes_nothing(
    first: str, second: str, waiting: Registration, staff: User
) -> None:
    deeds: dict[str, Any] = {
        "approve": partial(registration.approve, waiting, Source(staff)),
        "reject": partial(registration.reject, waiting, "no", Source(staff)),
    }
    deeds[first]()
    before = Registration.objects.filter(pk=waiting.pk).values().get()
    with pytest.raises(Invalid) as refused:
        deeds[second]()
    assert refused.value.code == "already_decided"
    assert Registration.objects.filter(pk=waiting.pk).values().get() == before


def test_a_name_taken_meanwhile_leaves_the_request_waiting(
    waiting: Registration, staff: User
) -> None:
    User.objects.create(username="DORA")
    with pytest.raises(Invalid) as refused:
        registration.approve(waiting, Source(staff))
    assert refused.value.code == "already_exists"
    waiting.refresh_from_db()
    assert waiting.status == Status.PENDING
    assert waiting.password
    registration.reject(waiting, "The name is taken.", Source(staff))


def test_a_request_that_is_gone_cannot_be_decided(waiting: Registration, staff: User) -> None:
    Registration.objects.all().delete()
    with pytest.raises(NotFound):
        registration.approve(waiting, Source(staff))


def test_the_one_who_asked_sees_what_became_of_it(waiting: Registration, staff: User) -> None:
    assert registration.find(waiting.pk, HERE).status == Status.PENDING
    registration.reject(waiting, "no", Source(staff))
    assert registration.find(waiting.pk, HERE).reason == "no"
    with pytest.raises(NotFound):
        registration.find(uuid.uuid4(), HERE)


def test_an_address_may_try_so_often(mode: Any) -> None:
    mode("open")
    for number in range(registration.TRIES):
        registration.register(application(f"dora{number}"), HERE)
    with pytest.raises(RateLimited):
        registration.register(application("one-more"), HERE)
    elsewhere = Source(address="192.0.2.8")
    assert registration.register(application("one-more"), elsewhere).user is not None


def test_tries_that_fail_count_as_well(mode: Any) -> None:
    mode("invite")
    for _ in range(registration.TRIES):
        with pytest.raises(Invalid):
            registration.register(application(invite_code="guess"), HERE)
    with pytest.raises(RateLimited):
        registration.register(application(invite_code="guess"), HERE)


def test_strangers_cannot_fill_the_list(mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "MOST_WAITING", 2)
    mode("approval")
    for number in range(2):
        registration.register(application(f"dora{number}"), HERE)
    with pytest.raises(Busy) as refused:
        registration.register(application("dora"), HERE)
    assert refused.value.code == "registrations_full"


def test_every_step_is_on_record(waiting: Registration, staff: User, mode: Any) -> None:
    registration.approve(waiting, Source(staff))
    mode("open")
    registration.register(application("erin"), HERE)
    entries = AuditEntry.objects.order_by("pk")
    assert [(entry.action, entry.actor_name) for entry in entries] == [
        (Action.REGISTERED, ""),
        (Action.REGISTRATION_APPROVED, "carol"),
        (Action.REGISTERED, "erin"),
    ]
    assert entries[0].address == HERE.address


@pytest.mark.django_db(transaction=True)
def test_the_last_use_of_an_invite_makes_one_account(staff: User, mode: Any) -> None:
    invite, code = invites.make(Source(staff))
    mode("invite")
    asks = [application(f"dora{number}", invite_code=code) for number in range(6)]
    made, refused = at_once(*(partial(registration.register, ask, HERE) for ask in asks))
    assert (len(made), refused) == (1, ["invalid_invite"] * 5)
    assert User.objects.exclude(pk=staff.pk).count() == 1
    assert Invite.objects.get(pk=invite.pk).used == 1


@pytest.mark.django_db(transaction=True)
def test_of_decisions_made_at_once_one_counts(staff: User) -> None:
    for number in range(4):
        row = registration.wait(Newcomer(f"dora{number}", "", "!"), HERE)
        copies = [Registration.objects.get(pk=row.pk) for _ in range(4)]
        deeds: list[Any] = [
            partial(registration.approve, copies[0], Source(staff)),
            partial(registration.approve, copies[1], Source(staff)),
            partial(registration.reject, copies[2], "no", Source(staff)),
            partial(registration.reject, copies[3], "no", Source(staff)),
        ]
        done, refused = at_once(*deeds)
        assert (len(done), refused) == (1, ["already_decided"] * 3)
        row.refresh_from_db()
        made = User.objects.filter(username=row.username).exists()
        assert (row.status == Status.APPROVED) == made


@pytest.mark.django_db(transaction=True)
def test_two_requests_for_one_name_make_one_account(staff: User) -> None:
    rows = [registration.wait(Newcomer(name, "", "!"), HERE) for name in ("dora", "Dora", "DORA")]
    done, refused = at_once(*(partial(registration.approve, row, Source(staff)) for row in rows))
    assert (len(done), refused) == (1, ["already_exists"] * 2)
    assert Registration.objects.filter(status=Status.PENDING).count() == 2

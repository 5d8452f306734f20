"""The two commands an operator looks after people with."""

import getpass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.local import local_user
from accounts.models import AuditEntry, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_printed_password_opens_the_account() -> None:
    password = run("create_user", "dora", "--email", "d@example.org", "--quiet").strip()
    user = User.objects.get(username="dora")
    assert user.check_password(password)
    assert (user.email, user.is_staff, user.is_superuser) == ("d@example.org", False, False)
    assert AuditEntry.objects.get().target_id == str(user.pk)


def test_staff_is_made_on_demand_alone() -> None:
    assert "as staff" in run("create_user", "dora", "--staff")
    assert User.objects.get(username="dora").is_staff


def test_a_password_that_is_asked_for_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda _: "a quiet lake at dawn")
    assert "lake" not in run("create_user", "dora", "--ask")
    assert User.objects.get(username="dora").check_password("a quiet lake at dawn")


@pytest.mark.parametrize(
    "wrong", [["Alice"], ["two words"], ["local"], ["x", "--email", "nowhere"]]
)
def test_what_nobody_may_register_is_refused(alice: User, wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        run("create_user", *wrong)
    assert User.objects.count() == 1


def test_a_new_password_ends_the_old_one_and_its_sessions(alice: User, client: Client) -> None:
    client.force_login(alice)
    password = run("reset_password", "alice", "--quiet").strip()
    alice.refresh_from_db()
    assert alice.check_password(password)
    assert client.get("/v1/auth/me").status_code == 401


def test_the_sessions_that_a_new_password_ends_are_told(alice: User, client: Client) -> None:
    client.force_login(alice)
    run("reset_password", "alice")
    ended = AuditEntry.objects.get(action="sessions_ended")
    assert (ended.target_id, ended.detail) == (str(alice.pk), {"sessions": 1})


@pytest.mark.parametrize("name", ["nobody", "local"])
def test_who_has_no_password_gets_none(name: str) -> None:
    local_user()
    with pytest.raises(CommandError):
        run("reset_password", name)


def test_a_deactivated_account_is_told(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "deactivated" in run("reset_password", "alice")

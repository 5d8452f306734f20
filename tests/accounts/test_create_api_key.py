from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import keys
from accounts.local import local_user
from accounts.models import ApiKey, User


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_key", *arguments, stdout=out)
    return out.getvalue()


def test_quiet_prints_the_key_alone(alice: User) -> None:
    printed = run("alice", "--name", "ci", "--quiet")
    key = keys.verify(printed.removesuffix("\n"))
    assert key is not None
    assert (key.user, key.name, key.scopes) == (alice, "ci", ["generate", "read"])


def test_loud_says_whose_key_it_is(alice: User) -> None:
    printed = run("alice", "--name", "ci", "--scopes", "read")
    assert "alice (read)" in printed
    assert sum(keys.verify(word) is not None for word in printed.split()) == 1


def test_key_ends_after_the_days_asked_for(alice: User) -> None:
    run("alice", "--name", "ci", "--expires-days", "3", "--quiet")
    left = (ApiKey.objects.get().expires_at or timezone.now()) - timezone.now()
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)


def test_key_asks_as_often_as_asked_for(alice: User) -> None:
    run("alice", "--name", "ci", "--rate-limit", "60", "--quiet")
    assert ApiKey.objects.get().rate_limit == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody", "--name", "x"], "No user is called 'nobody'"),
        (["alice", "--name", " "], "needs a name"),
        (["alice", "--name", "x", "--scopes", "fly"], "Unknown scope fly"),
        (["alice", "--name", "x", "--scopes", ","], "at least one scope"),
        (["alice", "--name", "x", "--scopes", "admin"], "needs a staff account"),
        (["alice", "--name", "x", "--expires-days", "0"], "from 1 to"),
        (["alice", "--name", "x", "--expires-days", "99999999999"], "from 1 to"),
        (["alice", "--name", "x", "--expires-days", "soon"], "invalid int value"),
        (["alice", "--name", "x", "--rate-limit", "0"], "rateLimit"),
        (["alice"], "--name"),
        (["local", "--name", "x"], "cannot hold a key"),
    ],
)
def test_mistakes_are_named_and_make_nothing(
    alice: User, arguments: list[str], message: str
) -> None:
    local_user()
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert not ApiKey.objects.exists()

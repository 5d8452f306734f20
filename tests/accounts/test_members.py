"""Accounts come to be once, end at once, and somebody is always left to look after them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts import invites, keys, members, signals
from accounts.audit import SYSTEM, Action, Source
from accounts.local import local_user
from accounts.members import Newcomer
from accounts.models import AuditEntry, Invite, User
from accounts.problems import Forbidden, Invalid, Missing, NotFound, Problem
from tests.accounts.conftest import at_once
from tests.conftest import person

pytestmark = pytest.mark.django_db
GOOD = ("dora", "dora@example.org", "a quiet lake at dawn")


def code_of(problem: type[Problem], deed: Any) -> str:
    with pytest.raises(problem) as refused:
        deed()
    return refused.value.code


def newcomer(name: str) -> Newcomer:
    return Newcomer(name, "", "!")


@pytest.mark.parametrize(
    ("index", "value", "kind"),
    [
        (0, "", Missing),
        (0, "x" * 151, Invalid),
        (0, "two words", Invalid),
        (0, "a/b", Invalid),
        (0, "<b>", Invalid),
        (0, "new\nline", Invalid),
        (0, "admin", Invalid),
        (0, "LOCAL", Invalid),
        (1, "no address", Invalid),
        (1, "a@b", Invalid),
        (2, "", Missing),
        (2, "short", Invalid),
        (2, "password123", Invalid),
        (2, "8236451092", Invalid),
        (2, "dora@example", Invalid),
        (2, "x" * 1001, Invalid),
    ],
)
def test_what_may_not_be_is_refused_by_its_name(
    index: int, value: str, kind: type[Problem]
) -> None:
    given = [*GOOD]
    given[index] = value
    with pytest.raises(kind) as refused:
        members.check(*given)
    assert refused.value.param == ("username", "email", "password")[index]


def test_a_good_name_passes_with_or_without_an_address() -> None:
    members.check(*GOOD)
    members.check("jörg", "", GOOD[2])


def test_a_newcomer_is_no_staff() -> None:
    user = members.create(newcomer("dora"))
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)


@pytest.mark.parametrize("twin", ["alice", "Alice", "\N{CYRILLIC SMALL LETTER A}lice"])
def test_a_name_is_taken_with_everything_that_looks_like_it(alice: User, twin: str) -> None:
    assert code_of(Invalid, lambda: members.create(newcomer(twin))) == "already_exists"
    assert User.objects.count() == 1


def test_a_renamed_user_frees_the_name(alice: User) -> None:
    alice.username = "alicia"
    alice.save(update_fields=["username"])
    assert members.create(newcomer("ALICE")).pk != alice.pk
    assert code_of(Invalid, lambda: members.create(newcomer("Alicia"))) == "already_exists"


@pytest.mark.django_db(transaction=True)
def test_of_twins_that_come_at_once_one_gets_in() -> None:
    names = ["dora", "Dora", "DORA", "d\N{CYRILLIC SMALL LETTER O}ra"]
    made, refused = at_once(*(partial(_created, name) for name in names))
    assert (len(made), refused) == (1, ["already_exists"] * 3)
    assert User.objects.count() == 1


def _created(name: str) -> User:
    from django.db import transaction

    with transaction.atomic():
        return members.create(newcomer(name))


def test_deactivation_ends_keys_and_sessions(alice: User, staff: User, client: Any) -> None:
    _, secret = keys.mint(alice, "laptop", ["read"])
    client.force_login(alice)
    members.deactivate(alice, Source(staff))
    assert keys.verify(secret) is None
    assert client.get("/v1/auth/me").status_code == 401
    assert not alice.is_active


@pytest.mark.parametrize(
    "fall", [members.deactivate, partial(members.set_role, staff=False)], ids=["away", "plain"]
)
def test_who_is_staff_no_more_lets_nobody_in(
    alice: User, staff: User, fall: Callable[[User, Source], None]
) -> None:
    members.set_role(alice, Source(staff), staff=True)
    hers, code = invites.make(Source(alice))
    _, other = invites.make(Source(staff))
    fall(alice, Source(staff))
    assert (invites.is_live(code), invites.is_live(other)) == (False, True)
    entry = AuditEntry.objects.get(action=Action.INVITE_REVOKED)
    assert (entry.actor_id, entry.target_id) == (staff.pk, str(hers.pk))


@pytest.mark.parametrize(
    "fall", [members.deactivate, partial(members.set_role, staff=False)], ids=["away", "plain"]
)
def test_a_request_of_somebody_who_was_staff_makes_no_invite(
    alice: User, staff: User, fall: Callable[[User, Source], None]
) -> None:
    """It was let in just before; what it made would outlive the role."""
    members.set_role(alice, Source(staff), staff=True)
    before = User.objects.get(pk=alice.pk)
    fall(alice, Source(staff))
    with pytest.raises(Forbidden):
        invites.make(Source(before))
    assert not Invite.objects.exists()


def test_reactivation_opens_keys_again_and_no_session(
    alice: User, staff: User, client: Any
) -> None:
    _, secret = keys.mint(alice, "laptop", ["read"])
    client.force_login(alice)
    members.deactivate(alice, Source(staff))
    members.reactivate(alice, Source(staff))
    assert keys.verify(secret) is not None
    assert client.get("/v1/auth/me").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_the_layers_above_hear_of_a_deactivation_after_it_stands(alice: User, staff: User) -> None:
    heard: list[bool] = []

    def hear(user: User, **_: Any) -> None:
        heard.append(User.objects.get(pk=user.pk).is_active)

    signals.deactivated.connect(hear)
    members.deactivate(alice, Source(staff))
    members.deactivate(alice, Source(staff))
    assert heard == [False]


def test_every_change_is_on_record(alice: User, staff: User) -> None:
    by = Source(staff)
    members.set_role(alice, by, staff=True)
    members.set_role(alice, by, staff=False)
    members.deactivate(alice, by)
    members.reactivate(alice, by)
    entries = AuditEntry.objects.order_by("pk")
    assert [entry.action for entry in entries] == [
        Action.USER_ROLE_CHANGED,
        Action.USER_ROLE_CHANGED,
        Action.USER_DEACTIVATED,
        Action.USER_REACTIVATED,
    ]
    assert {(entry.actor_name, entry.target_id) for entry in entries} == {("carol", str(alice.pk))}


def test_what_is_so_already_is_no_deed(alice: User, staff: User) -> None:
    members.reactivate(alice, Source(staff))
    members.set_role(alice, Source(staff), staff=False)
    assert not AuditEntry.objects.exists()


def test_nobody_shuts_himself_out(staff: User) -> None:
    person("erin", "x", is_staff=True)
    by = Source(staff)
    assert code_of(Invalid, lambda: members.deactivate(staff, by)) == "own_account"
    assert code_of(Invalid, lambda: members.set_role(staff, by, staff=False)) == "own_account"


def test_the_last_staff_account_stays(staff: User) -> None:
    person("gone", "x", is_staff=True)
    User.objects.filter(username="gone").update(is_active=False)
    assert code_of(Invalid, lambda: members.deactivate(staff, SYSTEM)) == "last_staff"
    demote = partial(members.set_role, staff, SYSTEM, staff=False)
    assert code_of(Invalid, demote) == "last_staff"


@pytest.mark.parametrize("name", ["bob", "gone"])
def test_who_is_no_active_staff_changes_nobody(
    name: str, alice: User, bob: User, staff: User
) -> None:
    gone = person("gone", "x", is_staff=True)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    by = Source({"bob": bob, "gone": gone}[name])
    assert code_of(Forbidden, lambda: members.deactivate(alice, by)) == "permission_denied"
    promote = partial(members.set_role, alice, by, staff=True)
    assert code_of(Forbidden, promote) == "permission_denied"


def test_a_superuser_is_changed_by_superusers_only(staff: User) -> None:
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    other = User.objects.create(username="other", is_staff=True, is_superuser=True)
    assert code_of(Forbidden, lambda: members.deactivate(root, Source(staff)))
    members.set_role(root, Source(other), staff=False)
    assert not root.is_superuser


def test_the_built_in_user_is_nobody_s_to_change(staff: User) -> None:
    assert code_of(NotFound, lambda: members.deactivate(local_user(), Source(staff)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", [members.deactivate, partial(members.set_role, staff=False)])
def test_two_who_end_one_another_do_not_both_succeed(deed: Any) -> None:
    for _ in range(5):
        User.objects.all().delete()
        one, two = (person(name, "x", is_staff=True) for name in ("one", "two"))
        _, refused = at_once(partial(deed, one, Source(two)), partial(deed, two, Source(one)))
        assert len(refused) == 1
        assert User.objects.filter(is_active=True, is_staff=True).count() == 1

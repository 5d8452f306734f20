from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import invites
from accounts.audit import Action, Source
from accounts.models import AuditEntry, Invite, User
from accounts.problems import Invalid
from tests.accounts.conftest import at_once

pytestmark = pytest.mark.django_db


def use(code: str) -> Invite:
    with transaction.atomic():
        return invites.consume(code)


def test_the_code_is_nowhere_kept(staff: User) -> None:
    invite, code = invites.make(Source(staff), note="the choir")
    row = str(Invite.objects.filter(pk=invite.pk).values().get())
    assert code not in row
    assert code[4:] not in row + str(list(AuditEntry.objects.values()))


def test_an_invite_lets_in_as_often_as_it_says(staff: User) -> None:
    _, code = invites.make(Source(staff), uses=2)
    assert [use(code).used, use(code).used] == [1, 2]
    assert not invites.is_live(code)
    with pytest.raises(Invalid, match="used up"):
        use(code)


def test_every_dead_invite_is_the_same_refusal(staff: User) -> None:
    by = Source(staff)
    revoked, first = invites.make(by)
    invites.revoke(revoked, by)
    expired, second = invites.make(by)
    Invite.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    _, third = invites.make(by)
    use(third)
    said = set()
    for code in (first, second, third, "unknown", "", "x" * 10_000, "\udfff"):
        with pytest.raises(Invalid) as refused:
            use(code)
        said.add((refused.value.code, refused.value.message))
    assert len(said) == 1


def test_state_tells_why(staff: User) -> None:
    by, past = Source(staff), timezone.now() - timedelta(days=1)
    invite, code = invites.make(by)
    assert invites.state(invite) == "live"
    assert invites.state(use(code)) == "used"
    assert invites.state(Invite(uses=1, expires_at=past)) == "expired"
    invites.revoke(invite, by)
    assert invites.state(invite) == "revoked"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"uses": 0}, "uses"),
        ({"uses": 1001}, "uses"),
        ({"note": "x" * 201}, "note"),
        ({"note": "a\nb"}, "note"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expiresAt"),
    ],
)
def test_an_invite_that_makes_no_sense_is_refused(
    staff: User, wrong: dict[str, object], param: str
) -> None:
    with pytest.raises(Invalid) as refused:
        invites.make(Source(staff), **wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.param == param
    assert not Invite.objects.exists()


def test_revoking_twice_keeps_the_first_time_and_is_one_deed(staff: User) -> None:
    invite, _ = invites.make(Source(staff))
    invites.revoke(invite, Source(staff))
    first = invite.revoked_at
    invites.revoke(invite, Source(staff))
    assert invite.revoked_at == first
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == [Action.INVITE_CREATED, Action.INVITE_REVOKED]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("uses", [1, 3])
def test_the_last_use_goes_to_one_of_those_who_come_at_once(staff: User, uses: int) -> None:
    invite, code = invites.make(Source(staff), uses=uses)
    let_in, refused = at_once(*[partial(use, code)] * 8)
    assert (len(let_in), set(refused)) == (uses, {"invalid_invite"})
    invite.refresh_from_db()
    assert invite.used == uses

import re
from typing import Any

import pytest
from django.test import Client

from accounts import invites
from accounts.audit import Source
from accounts.models import Invite, User

pytestmark = pytest.mark.django_db
INVITES = "/web/administration/invites"


@pytest.fixture
def carol(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def make(client: Client, **changes: str) -> Any:
    return client.post(INVITES, {"note": "the choir", "uses": "3", "days": "7"} | changes)


def test_a_link_is_shown_once_and_lets_in(carol: Client) -> None:
    page = make(carol)
    found = re.search(r"/web/register\?invite=([\w-]+)", page.content.decode())
    assert found is not None
    assert invites.is_live(found[1])
    assert found[1] not in carol.get(INVITES).content.decode()
    assert (Invite.objects.get().uses, Invite.objects.get().note) == (3, "the choir")


@pytest.mark.parametrize(("days", "ends"), [("1", True), ("30", True), ("0", False)])
def test_an_invite_lives_as_long_as_was_chosen(days: str, ends: bool, carol: Client) -> None:
    make(carol, days=days)
    expiry = Invite.objects.get().expires_at
    assert (expiry is not None) == ends


@pytest.mark.parametrize(
    "wrong", [{"uses": "0"}, {"uses": "many"}, {"uses": "²"}, {"days": "-1"}, {"note": "x" * 201}]
)
def test_a_refusal_keeps_what_was_typed(wrong: dict[str, str], carol: Client) -> None:
    page = make(carol, **wrong)
    assert page.status_code == 400
    assert page.context["given"] == {"note": "the choir", "uses": "3", "days": "7"} | wrong
    assert not Invite.objects.exists()


def test_revoking_ends_it(carol: Client, staff: User) -> None:
    invite, code = invites.make(Source(staff))
    page = carol.post(f"{INVITES}/{invite.pk}/revoke", follow=True)
    assert "lets nobody in any more" in page.content.decode()
    assert not invites.is_live(code)


def test_plain_users_invite_nobody(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert make(client).status_code == 403
    assert not Invite.objects.exists()

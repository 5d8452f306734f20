"""Writes say what they mean: a word for a number, or a number for a word, changes nothing."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import keys
from accounts.models import ApiKey, Invite, Quota, Registration, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def carol(staff: User) -> Client:
    return Client(headers={"X-Api-Key": keys.mint(staff, "test", ["admin", "read"])[1]})


def refused(reply: Any) -> str:
    assert reply.status_code == 400, reply.content
    return str(reply.json()["error"]["param"])


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("keys", {"name": 5, "scopes": ["read"]}, "name"),
        ("keys", {"name": "x", "scopes": ["read"], "rateLimit": "7"}, "rateLimit"),
        ("keys", {"name": "x", "scopes": ["read"], "expiresAt": 4e9}, "expiresAt"),
        ("keys/{key}/rotate", {"overlapHours": "1"}, "overlapHours"),
        ("invites", {"uses": "3"}, "uses"),
        ("invites", {"note": 3}, "note"),
        ("register", {"username": 12345, "password": PASSWORD}, "username"),
        ("register", {"username": "eve", "password": 12345678901}, "password"),
        ("register", {"username": "eve", "password": PASSWORD, "message": 1}, "message"),
    ],
)
def test_a_type_is_not_guessed(
    carol: Client, settings: Settings, path: str, body: dict[str, Any], param: str
) -> None:
    settings.ALICE_REGISTRATION = "open"
    before = (ApiKey.objects.count(), Invite.objects.count(), Registration.objects.count())
    where = f"/v1/auth/{path.format(key=ApiKey.objects.get().pk)}"
    assert refused(carol.post(where, body, content_type="application/json")) == param
    assert before == (ApiKey.objects.count(), Invite.objects.count(), Registration.objects.count())


@pytest.mark.parametrize("name", ["isStaff", "isActive"])
@pytest.mark.parametrize("value", [1, "true", "yes", 0, None])
def test_no_word_makes_staff(carol: Client, alice: User, name: str, value: Any) -> None:
    path = f"/v1/auth/users/{alice.pk}"
    assert refused(carol.patch(path, {name: value}, content_type="application/json")) == name
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_active) == (False, True)


@pytest.mark.parametrize("value", ["1.5", True, 10**400])
@pytest.mark.parametrize("name", ["imagesPerDay", "megapixelStepsPerDay"])
def test_a_limit_is_a_number(carol: Client, name: str, value: Any) -> None:
    body = json.dumps({name: value})
    reply = carol.put("/v1/auth/quotas/user", body, content_type="application/json")
    assert refused(reply) == name
    assert not Quota.objects.exists()

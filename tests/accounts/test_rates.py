from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from pytest_django import Settings

from accounts import keys, throttle
from accounts.models import User

ME, WRONG = "/v1/auth/me", "sk-alice-wrong"
DIALECTS = [
    ("GET", ME),
    ("GET", "/v1/models"),
    ("GET", "/v1/gallery"),
    ("POST", "/v1/images/generations"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/jobs"),
]


@pytest.fixture(autouse=True)
def middle_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "clock", lambda: 1_800_000_030.0)


def by(secret: str, **more: Any) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"}, **more)


def statuses(client: Client, times: int) -> list[int]:
    return [client.get(ME).status_code for _ in range(times)]


def test_a_key_may_ask_as_often_as_its_limit(alice: User) -> None:
    client = by(keys.mint(alice, "x", ["read"], rate_limit=2)[1])
    first, _, refused = (client.get(ME) for _ in range(3))
    assert [first.status_code, refused.status_code] == [200, 429]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused["Retry-After"] == refused["x-ratelimit-reset"] == "30"
    assert [first[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == [
        "2", "1", "30",
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), DIALECTS)
def test_every_dialect_counts_the_same_key(alice: User, method: str, path: str) -> None:
    client = by(keys.mint(alice, "x", ["generate", "read"], rate_limit=1)[1])
    assert client.get(ME).status_code == 200
    reply = client.generic(method, path, b"{}", content_type="application/json")
    assert (reply.status_code, reply.json()["error"]["type"]) == (429, "rate_limit_error")


@pytest.mark.django_db(transaction=True)
async def test_an_endpoint_that_waits_counts_without_blocking(alice: User) -> None:
    _, secret = await sync_to_async(keys.mint)(alice, "x", ["generate"], rate_limit=1)
    client, headers = AsyncClient(), {"X-Api-Key": secret}
    replies = [
        await client.post(
            "/v1/images/generations", {}, content_type="application/json", headers=headers
        )
        for _ in range(2)
    ]
    assert [reply.status_code for reply in replies] == [400, 429]
    assert replies[0]["x-ratelimit-remaining"] == "0"


def test_keys_of_one_person_are_counted_apart(alice: User) -> None:
    for _ in range(2):
        assert statuses(by(keys.mint(alice, "x", ["read"], rate_limit=1)[1]), 2) == [200, 429]


def test_a_key_without_a_limit_is_not_counted(alice: User) -> None:
    key, secret = keys.mint(alice, "x", ["read"])
    reply = by(secret).get(ME)
    assert "x-ratelimit-limit" not in reply
    assert throttle.count(f"key:{key.pk}") == 0


def test_the_usual_limit_holds_for_keys_that_name_none(alice: User, settings: Settings) -> None:
    settings.ALICE_KEY_RATE_LIMIT = 1
    assert statuses(by(keys.mint(alice, "x", ["read"])[1]), 2) == [200, 429]


@pytest.mark.django_db
@pytest.mark.parametrize("secret", [WRONG, "x", keys._new_secret()], ids=["wrong", "x", "unknown"])
def test_wrong_keys_are_answered_429_past_the_limit(secret: str, settings: Settings) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 3
    assert statuses(by(secret), 5) == [401, 401, 401, 429, 429]


def test_a_right_key_works_beside_a_bad_neighbour(alice: User, settings: Settings) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 1
    assert statuses(by(WRONG), 2) == [401, 429]
    assert statuses(by(keys.mint(alice, "x", ["read"])[1]), 2) == [200, 200]


@pytest.mark.django_db
def test_addresses_are_counted_apart_and_ipv6_by_network(settings: Settings) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 1
    asked = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    told = [statuses(by(WRONG, REMOTE_ADDR=address), 1)[0] for address in asked]
    assert told == [401, 401, 401, 429, 401]


def test_revoked_and_expired_keys_count_as_wrong(alice: User, settings: Settings) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 1
    key, secret = keys.mint(alice, "x", ["read"])
    keys.revoke(key)
    assert statuses(by(secret), 2) == [401, 429]


@pytest.mark.django_db
def test_who_brings_nothing_is_not_counted(settings: Settings) -> None:
    settings.ALICE_BAD_KEY_LIMIT = 1
    assert statuses(Client(), 3) == [401, 401, 401]

import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import keys
from accounts.models import ApiKey, User

KEYS = "/v1/auth/keys"


def with_key(user: User, *scopes: str) -> Client:
    return Client(headers={"X-Api-Key": keys.mint(user, "test", scopes)[1]})


def in_session(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def make(client: Client, **body: Any) -> Any:
    usual = {"name": "laptop", "scopes": ["read"]}
    return client.post(KEYS, usual | body, content_type="application/json")


def refusal(reply: Any) -> tuple[int, str, str | None]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["param"]


def test_me_says_who_and_what_one_may(alice: User) -> None:
    body = with_key(alice, "generate").get("/v1/auth/me").json()
    assert (body["username"], body["isStaff"], body["scopes"]) == ("alice", False, ["generate"])
    assert body["key"]["name"] == "test"


def test_me_of_a_session_has_no_key(staff: User) -> None:
    body = in_session(staff).get("/v1/auth/me/").json()
    assert (body["key"], body["scopes"]) == (None, ["generate", "read", "models", "admin"])


def test_me_without_authentication_is_local(db: None, settings: Settings) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert Client().get("/v1/auth/me").json()["username"] == "local"


@pytest.mark.parametrize("path", ["/v1/auth/me", KEYS])
def test_strangers_are_told_to_bring_a_key(db: None, path: str) -> None:
    reply = Client().get(path)
    assert refusal(reply)[:2] == (401, "invalid_api_key")
    assert reply["WWW-Authenticate"] == "Bearer"


def test_made_key_works_and_is_shown_once(alice: User) -> None:
    session = in_session(alice)
    reply = make(session, scopes=["generate", "read"])
    secret = reply.json()["key"]
    assert reply.status_code == 201
    assert Client(headers={"X-Api-Key": secret}).get("/v1/gallery").status_code == 200
    assert secret[17:] not in session.get(KEYS).content.decode()


def test_list_shows_own_keys_alone(alice: User, bob: User) -> None:
    keys.mint(bob, "his", ["read"])
    keys.mint(alice, "hers", ["read"])
    listed = in_session(alice).get(KEYS).json()
    assert listed["object"] == "list"
    assert [key["name"] for key in listed["data"]] == ["hers"]
    assert set(listed["data"][0]) == {
        "id", "name", "prefix", "createdAt", "lastUsed", "scopes", "expiresAt", "rateLimit",
        "enabled", "isAdmin",
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["delete", "post"])
def test_revoked_key_opens_nothing(alice: User, verb: str) -> None:
    key, secret = keys.mint(alice, "lost", ["read"])
    path = f"{KEYS}/{key.pk}" + ("/revoke" if verb == "post" else "")
    assert getattr(in_session(alice), verb)(path).json()["info"]["enabled"] is False
    assert keys.verify(secret) is None


def test_key_of_another_is_as_unknown_as_none(alice: User, bob: User) -> None:
    key, secret = keys.mint(alice, "hers", ["read"])
    client = in_session(bob)
    replies = [client.delete(f"{KEYS}/{pk}") for pk in (key.pk, 10**17)]
    assert replies[0].content == replies[1].content
    assert replies[0].status_code == 404
    assert keys.verify(secret) is not None


@pytest.mark.parametrize("method", ["get", "post"])
def test_everyday_key_manages_no_keys(alice: User, method: str) -> None:
    client = with_key(alice, "generate", "read")
    reply = client.get(KEYS) if method == "get" else make(client)
    assert refusal(reply)[:2] == (403, "permission_denied")
    assert ApiKey.objects.count() == 1


def test_admin_key_makes_no_more_than_it_holds(staff: User) -> None:
    client = with_key(staff, "admin")
    assert refusal(make(client, scopes=["models"])) == (403, "permission_denied", "scopes")
    assert make(client, scopes=["admin"]).status_code == 201


def test_plain_user_makes_no_staff_key(alice: User) -> None:
    assert refusal(make(in_session(alice), scopes=["admin"]))[0] == 403
    assert not ApiKey.objects.exists()


def test_session_without_its_token_makes_nothing(alice: User) -> None:
    reply = make(in_session(alice, enforce_csrf_checks=True))
    assert refusal(reply)[:2] == (403, "csrf_failed")


def test_expiry_is_kept(alice: User) -> None:
    later = int(time.time()) + 3600
    assert make(in_session(alice), expiresAt=later).json()["info"]["expiresAt"] == later


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"name": ""}, "invalid_value", "name"),
        ({"name": "x" * 101}, "invalid_value", "name"),
        ({"name": None}, "invalid_value", "name"),
        ({"scopes": []}, "missing_required_parameter", "scopes"),
        ({"scopes": "read"}, "invalid_value", "scopes"),
        ({"scopes": ["fly"]}, "invalid_value", "scopes"),
        ({"expiresAt": 1}, "invalid_value", "expiresAt"),
        ({"expiresAt": -1}, "invalid_value", "expiresAt"),
        ({"expiresAt": 10**30}, "invalid_value", "expiresAt"),
        ({"expiresAt": "soon"}, "invalid_value", "expiresAt"),
        ({"is_staff": True}, "invalid_value", "is_staff"),
        ({"user": 1}, "invalid_value", "user"),
        ({"rateLimit": 9}, "invalid_value", "rateLimit"),
    ],
)
def test_bad_body_names_its_parameter(
    alice: User, body: dict[str, Any], code: str, param: str
) -> None:
    status, said, named = refusal(make(in_session(alice), **body))
    assert (status, said) == (400, code)
    assert named is not None
    assert named.startswith(param)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "{"])
def test_body_that_is_no_object_is_refused(alice: User, body: str) -> None:
    reply = in_session(alice).post(KEYS, body, content_type="application/json")
    assert reply.status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_simple_form_is_the_wrong_type(alice: User, kind: str) -> None:
    reply = in_session(alice).post(KEYS, '{"name":"x","scopes":["read"]}', content_type=kind)
    assert reply.status_code == 415
    assert not ApiKey.objects.exists()

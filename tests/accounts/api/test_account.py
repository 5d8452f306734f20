import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import keys
from accounts.models import ApiKey, AuditEntry, Ticket, User
from accounts.witness import PROVED_AT

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
        "id", "name", "user", "prefix", "createdAt", "lastUsed", "scopes", "expiresAt", "revokedAt",
        "rateLimit", "successor", "enabled", "isAdmin",
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
        ({"rateLimit": 0}, "invalid_value", "rateLimit"),
        ({"rateLimit": 100_001}, "invalid_value", "rateLimit"),
        ({"rateLimit": "fast"}, "invalid_value", "rateLimit"),
        ({"rate_limit": 9}, "invalid_value", "rate_limit"),
        ({"successor": 1}, "invalid_value", "successor"),
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


def test_the_older_name_makes_keys_too(alice: User) -> None:
    body = {"name": "laptop", "scopes": ["read"], "rateLimit": 60}
    client = in_session(alice)
    reply = client.post(f"{KEYS}/generate", body, content_type="application/json")
    assert (reply.status_code, reply.json()["info"]["rateLimit"]) == (201, 60)
    assert client.get(f"{KEYS}/generate").status_code == 405


def test_a_key_that_names_no_limit_shows_the_usual_one(alice: User, settings: Settings) -> None:
    assert make(in_session(alice)).json()["info"]["rateLimit"] is None
    settings.ALICE_KEY_RATE_LIMIT = 30
    assert make(in_session(alice)).json()["info"]["rateLimit"] == 30


def test_me_says_what_the_quotas_leave(alice: User) -> None:
    quotas = in_session(alice).get("/v1/auth/me").json()["quotas"]
    assert {"limit", "used", "left", "resetsAt"} == set(quotas["imagesPerDay"])


def rotate(client: Client, key: ApiKey, **body: Any) -> Any:
    return client.post(f"{KEYS}/{key.pk}/rotate", body, content_type="application/json")


def test_rotating_gives_a_second_key_and_both_open(alice: User) -> None:
    key, secret = keys.mint(alice, "robot", ["read"], rate_limit=7)
    reply = rotate(in_session(alice), key)
    body, now = reply.json(), int(time.time())
    assert (reply.status_code, body["info"]["name"], body["info"]["rateLimit"]) == (201, "robot", 7)
    assert body["predecessor"]["successor"] == body["info"]["id"]
    assert abs(body["predecessor"]["expiresAt"] - now - 24 * 3600) < 60
    assert keys.verify(secret) is not None
    assert keys.verify(body["key"]) is not None


def test_without_an_overlap_the_former_key_ends_at_once(alice: User) -> None:
    key, secret = keys.mint(alice, "robot", ["read"])
    reply = rotate(in_session(alice), key, overlapHours=0)
    assert reply.json()["predecessor"]["enabled"] is False
    assert keys.verify(secret) is None


@pytest.mark.parametrize("hours", [-1, 169, 1.5, "long", None])
def test_an_overlap_beyond_a_week_is_refused(alice: User, hours: Any) -> None:
    key, _ = keys.mint(alice, "robot", ["read"])
    assert refusal(rotate(in_session(alice), key, overlapHours=hours))[2] == "overlapHours"
    assert ApiKey.objects.count() == 1


def test_a_key_cannot_be_rotated_into_more_than_the_caller_holds(staff: User) -> None:
    key, _ = keys.mint(staff, "models", ["models"])
    assert refusal(rotate(with_key(staff, "admin"), key))[:2] == (403, "permission_denied")


def test_not_even_staff_rotates_the_key_of_another(alice: User, staff: User) -> None:
    key, _ = keys.mint(alice, "hers", ["read"])
    assert rotate(in_session(staff), key).status_code == 404


def test_staff_sees_the_keys_of_one_and_of_all(alice: User, bob: User, staff: User) -> None:
    for user in (alice, bob):
        keys.mint(user, "test", ["read"])
    client = in_session(staff)
    assert client.get(KEYS).json()["data"] == []
    assert [key["user"] for key in client.get(f"{KEYS}?user=bob").json()["data"]] == ["bob"]
    listed = client.get(f"{KEYS}?all=true").json()
    assert [key["user"] for key in listed["data"]] == ["bob", "alice"]
    assert listed["hasMore"] is False


@pytest.mark.parametrize("query", ["all=true", "user=bob"])
def test_nobody_else_sees_the_keys_of_others(alice: User, bob: User, query: str) -> None:
    assert refusal(in_session(alice).get(f"{KEYS}?{query}"))[:2] == (403, "permission_denied")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "after=-1", "ordering=user__password", "all=2"]
)
def test_a_bad_query_is_refused(alice: User, query: str) -> None:
    assert in_session(alice).get(f"{KEYS}?{query}").status_code == 400


def test_a_long_list_comes_in_pages(alice: User) -> None:
    for number in range(3):
        keys.mint(alice, str(number), ["read"])
    client = in_session(alice)
    first = client.get(f"{KEYS}?limit=2").json()
    rest = client.get(f"{KEYS}?limit=2&after={first['data'][-1]['id']}").json()
    assert [key["name"] for key in first["data"] + rest["data"]] == ["2", "1", "0"]
    assert (first["hasMore"], rest["hasMore"]) == (True, False)


def test_staff_revokes_the_key_of_anybody(alice: User, staff: User) -> None:
    key, secret = keys.mint(alice, "lost", ["read"])
    assert with_key(staff, "admin").delete(f"{KEYS}/{key.pk}").status_code == 200
    assert keys.verify(secret) is None


def test_what_happens_to_keys_is_written_down_with_who_did_it(alice: User, staff: User) -> None:
    made = make(in_session(alice)).json()["info"]["id"]
    key = ApiKey.objects.get(pk=made)
    rotate(in_session(alice), key)
    in_session(staff).delete(f"{KEYS}/{made}")
    told = AuditEntry.objects.filter(target_type="apikey").order_by("pk")
    assert list(told.values_list("action", "actor_name")) == [
        ("key_created", "alice"),
        ("key_rotated", "alice"),
        ("key_revoked", "carol"),
    ]
    assert {entry.detail["owner"] for entry in told} == {"alice"}


def test_a_refused_key_leaves_no_entry(alice: User) -> None:
    make(in_session(alice), scopes=["admin"])
    assert not AuditEntry.objects.filter(action="key_created").exists()


@pytest.mark.parametrize("body", [{}, {"seconds": 9}])
def test_a_ticket_is_made_of_nothing(alice: User, body: dict[str, Any]) -> None:
    reply = with_key(alice, "generate").post(
        "/v1/auth/tickets", body, content_type="application/json"
    )
    assert reply.status_code == (400 if body else 201)
    assert Ticket.objects.count() == (0 if body else 1)


def test_a_ticket_is_said_to_last_half_a_minute(alice: User) -> None:
    told = in_session(alice).post("/v1/auth/tickets", content_type="application/json").json()
    assert 28 <= told["expiresAt"] - time.time() <= 30
    assert Ticket.objects.get().expires_at <= timezone.now() + timedelta(seconds=30)


def test_an_old_session_learns_no_new_secret(alice: User) -> None:
    key, _ = keys.mint(alice, "robot", ["read"])
    client = in_session(alice)
    session = client.session
    session[PROVED_AT] = time.time() - 3600
    session.save()
    for reply in (make(client), rotate(client, key)):
        assert refusal(reply)[:2] == (403, "confirmation_required")
    assert list(ApiKey.objects.all()) == [key]

"""What no honest provider or browser sends: each is refused, and nobody comes in."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.test import Client

from accounts.models import AuditEntry, OpenIdentity, User
from accounts.openid import provider
from accounts.openid.provider import MOST_BYTES
from tests.accounts.openid.forger import CURVE, OTHER, PUBLIC_PEM, RSA, Answer, Forger, jwk

SUBJECT = "248289761001"
CALLBACK = "/web/login/openid/callback"


@pytest.fixture
def dora(alice: User, forger: Forger) -> User:
    OpenIdentity.objects.create(issuer=forger.issuer, subject=SUBJECT, user=alice)
    return alice


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def signed(key: Any, algorithm: str, **headers: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def by_hmac(claims: dict[str, Any]) -> str:
    """As HS256 with the public key for a secret, which libraries refuse to sign with."""
    import base64
    import hashlib
    import hmac
    import json

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode())
    said = head + b"." + part(json.dumps(claims).encode())
    return (said + b"." + part(hmac.digest(PUBLIC_PEM, said, hashlib.sha256))).decode()


def test_an_honest_token_signs_in(dora: User, forger: Forger, client: Client) -> None:
    reply = forger.round_trip(client)
    assert reply.headers["Location"] == "/web/"
    assert client.session["_auth_user_id"] == str(dora.pk)


def test_an_elliptic_key_is_as_good(dora: User, forger: Forger, client: Client) -> None:
    forger.keys = [jwk(CURVE, "curve"), *forger.keys]
    forger.sign = signed(CURVE, "ES256", kid="curve")
    forger.round_trip(client)
    assert signed_in(client)


def test_a_new_key_is_fetched_when_it_is_met(dora: User, forger: Forger, client: Client) -> None:
    forger.round_trip(client)
    forger.keys = [jwk(OTHER, "two")]
    forger.sign = signed(OTHER, "RS256", kid="two")
    another = Client()
    forger.round_trip(another)
    assert signed_in(another)


def test_unknown_keys_do_not_make_us_ask_each_time(
    dora: User, forger: Forger, client: Client
) -> None:
    forger.sign = signed(OTHER, "RS256", kid="never heard of")
    for _ in range(5):
        assert forger.round_trip(client).status_code == 403
    assert [path for path, _ in forger.asked].count("/keys") == 2


FORGED: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://id.example"},
    "for another audience": {"aud": "somebody-else"},
    "for nobody": {"aud": None},
    "for two, without a party": {"aud": ["alice-server", "somebody-else"]},
    "for two, by the other's wish": {"aud": ["alice-server", "other"], "azp": "other"},
    "by another party's wish": {"azp": "somebody-else"},
    "that has ended": {"exp": 1_700_000_000},
    "without an end": {"exp": None},
    "from the future": {"iat": 4_000_000_000},
    "not yet good": {"nbf": 4_000_000_000},
    "of another sign-in": {"nonce": "another"},
    "of no sign-in": {"nonce": None},
    "of nobody": {"sub": None},
    "of an empty subject": {"sub": ""},
    "of a number": {"sub": 248289761001},
    "of a long subject": {"sub": "x" * 256},
    "of a subject with a null": {"sub": "x\0"},
}


@pytest.mark.parametrize("claims", FORGED.values(), ids=FORGED)
def test_a_token_is_refused(
    claims: dict[str, Any], dora: User, forger: Forger, client: Client
) -> None:
    forger.claims = claims
    assert forger.round_trip(client).status_code == 403
    assert not signed_in(client)
    assert User.objects.count() == 1


SIGNED: dict[str, Callable[[dict[str, Any]], str]] = {
    "by nobody": signed(None, "none", kid="one"),
    "with the public key as a secret": by_hmac,
    "with the client's secret": signed("between two servers" * 2, "HS256", kid="one"),
    "with another key": signed(OTHER, "RS256", kid="one"),
    "with a key it brings along": lambda claims: jwt.encode(
        claims, OTHER, algorithm="RS256", headers={"jwk": jwk(OTHER, "one"), "kid": "one"}
    ),
    "in another way": signed(RSA, "PS256", kid="one"),
    "under another key's name": signed(RSA, "RS256", kid="two"),
    "not at all": lambda _: "no.token.this",
    "as nothing": lambda _: "",
}


@pytest.mark.parametrize("sign", SIGNED.values(), ids=SIGNED)
def test_a_signature_is_refused(
    sign: Callable[[dict[str, Any]], str], dora: User, forger: Forger, client: Client
) -> None:
    forger.sign = sign
    assert forger.round_trip(client).status_code == 403
    assert not signed_in(client)


def test_a_secret_among_the_keys_is_no_key(dora: User, forger: Forger, client: Client) -> None:
    secret = b"a symmetric key, published by mistake"
    forger.keys = [jwt.algorithms.HMACAlgorithm.to_jwk(secret, as_dict=True) | {"kid": "one"}]
    forger.sign = signed(secret, "HS256", kid="one")
    assert forger.round_trip(client).status_code == 403


def test_a_wrong_state_is_refused(dora: User, forger: Forger, client: Client) -> None:
    forger.depart(client)
    reply = forger.arrive(client, "another state")
    assert reply.status_code == 400
    assert b"Begin anew" in reply.content
    assert not signed_in(client)


def test_a_state_is_good_for_one_return(dora: User, forger: Forger, client: Client) -> None:
    state = forger.depart(client)["state"]
    forger.arrive(client, state)
    client.post("/web/logout")
    assert forger.arrive(client, state).status_code == 400
    assert not signed_in(client)


def test_a_state_of_another_browser_is_refused(dora: User, forger: Forger) -> None:
    """Else a link could sign somebody in as the one who made it."""
    state = forger.depart(Client())["state"]
    victim = Client()
    assert forger.arrive(victim, state).status_code == 400
    assert not signed_in(victim)


def test_a_state_ends(
    dora: User, forger: Forger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = forger.depart(client)["state"]
    later = time.time() + 601
    monkeypatch.setattr("accounts.openid.journey.time.time", lambda: later)
    assert forger.arrive(client, state).status_code == 400


def test_an_answer_of_another_issuer_is_refused(dora: User, forger: Forger, client: Client) -> None:
    state = forger.depart(client)["state"]
    assert forger.arrive(client, state, iss="https://id.example").status_code == 400
    assert not [path for path, _ in forger.asked if path == "/token"]


def test_an_error_of_the_provider_s_signs_nobody_out(
    dora: User, forger: Forger, client: Client
) -> None:
    client.force_login(dora)
    assert client.get(CALLBACK, {"error": "access_denied", "state": "x"}).status_code == 400
    assert signed_in(client)


def test_who_says_no_there_is_told_so(dora: User, forger: Forger, client: Client) -> None:
    state = forger.depart(client)["state"]
    reply = client.get(CALLBACK, {"error": "access_denied", "state": state})
    assert reply.status_code == 403
    assert forger.arrive(client, state).status_code == 400


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_way_leads_to_no_other_server(
    wanted: str, dora: User, forger: Forger, client: Client
) -> None:
    reply = forger.round_trip(client, next=wanted)
    assert reply.headers["Location"] == "/web/"


def test_the_verifier_belongs_to_the_challenge(dora: User, forger: Forger, client: Client) -> None:
    from mozilla_django_oidc.utils import generate_code_challenge

    sent = forger.depart(client)
    forger.arrive(client, sent["state"])
    form = next(form for path, form in forger.asked if path == "/token")
    assert generate_code_challenge(form["code_verifier"], "S256") == sent["code_challenge"]
    assert form["redirect_uri"] == sent["redirect_uri"] == f"http://testserver{CALLBACK}"


def test_a_client_can_prove_itself_by_a_header(dora: User, forger: Forger, client: Client) -> None:
    forger.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    forger.round_trip(client)
    form = next(form for path, form in forger.asked if path == "/token")
    held = next(h["Authorization"] for h in forger.headers if "Authorization" in h)
    assert "client_secret" not in form
    assert held.startswith("Basic ")
    assert signed_in(client)


BROKEN: dict[str, Answer] = {
    "an error": Answer(b'{"error": "server_error"}', 500),
    "a page": Answer(b"<html>Welcome</html>", 200, {"Content-Type": "text/html"}),
    "a list": Answer(b"[]"),
    "a redirect": Answer(b"{}", 302, {"Location": "http://127.0.0.1:9/"}),
    "too much": Answer(b" " * (MOST_BYTES + 1) + b"{}"),
    "something folded": Answer(b"{}", 200, {"Content-Encoding": "gzip"}),
    "deep nesting": Answer(b"[" * 100_000),
    "another name": Answer(b'{"issuer": "https://id.example"}'),
    "nothing": Answer(b""),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_answers_wrongly_is_down(
    answer: Answer, forger: Forger, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    forger.answers["/.well-known/openid-configuration"] = answer
    reply = client.get("/web/login/openid")
    assert reply.status_code == 503
    assert reply.headers["Retry-After"] == "30"
    assert b"House does not answer" in reply.content
    assert [r.exc_info for r in caplog.records if "cannot be used" in r.message] == [None]


@pytest.mark.parametrize("path", ["/keys", "/token"])
@pytest.mark.parametrize("name", ["an error", "a page", "a redirect", "too much", "nothing"])
def test_a_provider_that_fails_on_the_way_is_down(
    path: str, name: str, dora: User, forger: Forger, client: Client
) -> None:
    forger.answers[path] = BROKEN[name]
    assert forger.round_trip(client).status_code == 503
    assert not signed_in(client)


def test_a_slow_provider_is_not_waited_for(
    forger: Forger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "STALL_SECONDS", 0.2)
    forger.answers["/.well-known/openid-configuration"] = Answer(b"{}", wait=20)
    began = time.monotonic()
    assert client.get("/web/login/openid").status_code == 503
    # The next one is told at once.
    assert client.get("/web/login/openid").status_code == 503
    assert time.monotonic() - began < 15
    assert len(forger.asked) <= 1


def test_a_provider_that_is_up_again_is_believed(
    dora: User, forger: Forger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "PAUSE_SECONDS", 0.05)
    forger.answers["/.well-known/openid-configuration"] = BROKEN["an error"]
    assert client.get("/web/login/openid").status_code == 503
    forger.answers.clear()
    time.sleep(0.1)
    forger.round_trip(client)
    assert signed_in(client)


def test_an_endpoint_without_tls_elsewhere_is_refused(forger: Forger, client: Client) -> None:
    forger.discovery = {"token_endpoint": "http://id.example/token"}
    assert client.get("/web/login/openid").status_code == 503


def test_one_address_goes_there_thirty_times_a_minute(forger: Forger, client: Client) -> None:
    statuses = [client.get("/web/login/openid").status_code for _ in range(31)]
    assert statuses == [302] * 30 + [429]


def test_forgeries_leave_no_entry_that_a_stranger_could_write(
    forger: Forger, client: Client
) -> None:
    """The audit log is kept for ever: nobody unknown to the provider may fill it."""
    forger.arrive(client, "x")
    client.get(CALLBACK, {"error": "x", "state": forger.depart(client)["state"]})
    forger.answers["/token"] = Answer(b'{"error": "invalid_grant"}', 400)
    assert forger.round_trip(client).status_code == 403
    assert AuditEntry.objects.count() == 0

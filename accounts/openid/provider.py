"""The operator's identity provider: what it says of itself, its keys, and the one way to ask it."""

import hashlib
import ipaddress
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from django.core.cache import cache

from accounts.problems import Problem

logger = logging.getLogger(__name__)

WELL_KNOWN = "/.well-known/openid-configuration"
KEPT_SECONDS = 60 * 60
# After a failure nobody asks for a moment: everybody who did would hold a thread as long.
PAUSE_SECONDS = 5
# A key that is not known yet may be a new one; a forged token must not make us ask each time.
RENEW_SECONDS = 60
QUIET_SECONDS = 10 * 60
CONNECT_SECONDS, STALL_SECONDS, WHOLE_SECONDS = 5.0, 5.0, 10.0
MOST_BYTES, PIECE_BYTES = 2**18, 2**14
DOWN = "openid-down"

Facts = dict[str, Any]


class ProviderDown(Problem):
    """The provider does not answer, or says what cannot be used; passwords work all the same."""

    status, type, code = 503, "server_error", "provider_down"

    def __init__(self, message: str = "") -> None:
        words = message or "The sign-in provider does not answer right now. Try again in a moment."
        super().__init__(words, headers={"Retry-After": "30"})


class Unusable(Exception):
    """What is wrong with an answer, for the log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What discovery told. `userinfo` may be empty; `basic`: how the client proves who it is."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    basic: bool


def described() -> Provider:
    """The provider as its discovery document has it, for an hour. Raises ProviderDown."""
    issuer = settings.ALICE_OIDC_ISSUER
    facts = _document(issuer.rstrip("/") + WELL_KNOWN, lambda found: _judge(found, issuer))
    methods = facts.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(
        authorization=facts["authorization_endpoint"],
        token=facts["token_endpoint"],
        keys=facts["jwks_uri"],
        userinfo=facts.get("userinfo_endpoint") or "",
        basic="client_secret_post" not in methods,
    )


def signing_keys(provider: Provider, *, renew: bool = False) -> list[Facts]:
    """The public keys of the provider, for an hour; `renew`: anew, once a minute at most."""
    if renew:
        if not cache.add("openid-renewed", value="yes", timeout=RENEW_SECONDS):
            return []
        cache.delete(_key(provider.keys))
    found = _document(provider.keys, _judge_keys)["keys"]
    return [key for key in found if isinstance(key, dict)]


def ask(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Facts]:
    """Status and JSON object of one answer: GET, or POST where there is a form.

    No redirect is followed and nothing of the environment (proxies, .netrc) has a say. Raises
    ProviderDown.
    """
    try:
        status, body = _asked(url, form, headers or {})
        return status, _object(body)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _down(url, type(error).__name__) from None
    except Unusable as error:
        raise _down(url, str(error)) from None


def trustworthy(url: str) -> bool:
    """Whether tokens and secrets may travel there: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _document(url: str, judge: Callable[[Facts], None]) -> Facts:
    """The JSON at `url`, kept once it was judged to be fine."""
    known: Facts | None = cache.get(_key(url))
    if known is not None:
        return known
    pause = f"{_key(url)}-failed"
    if cache.get(pause):
        raise ProviderDown
    try:
        status, facts = ask(url)
        if status != requests.codes.ok:
            raise _down(url, f"it answered {status}")
        try:
            judge(facts)
        except Unusable as wrong:
            raise _down(url, str(wrong)) from None
    except ProviderDown:
        cache.set(pause, value="yes", timeout=PAUSE_SECONDS)
        raise
    cache.set(_key(url), facts, KEPT_SECONDS)
    if cache.delete(DOWN):
        logger.info("The identity provider answers again")
    return facts


def _judge(facts: Facts, issuer: str) -> None:
    if facts.get("issuer") != issuer:
        raise Unusable(f"it calls itself {str(facts.get('issuer'))[:255]!r}, not {issuer!r}")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not _reachable(facts.get(name), issuer):
            raise Unusable(f"its {name} is missing or not safe")
    if facts.get("userinfo_endpoint") and not _reachable(facts["userinfo_endpoint"], issuer):
        raise Unusable("its userinfo_endpoint is not safe")


def _reachable(url: Any, issuer: str) -> bool:
    """Never from https down to http, not even on this machine."""
    safe = isinstance(url, str) and trustworthy(url)
    return safe and (url.startswith("https:") or issuer.startswith("http:"))


def _judge_keys(facts: Facts) -> None:
    if not isinstance(facts.get("keys"), list):
        raise Unusable("it holds no keys")


def _asked(
    url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    end = time.monotonic() + WHOLE_SECONDS
    # What unfolds here would unfold without limit.
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
    with requests.Session() as session:
        session.trust_env = False
        with session.request(
            "GET" if form is None else "POST",
            url,
            data=form,
            headers=sent,
            timeout=(CONNECT_SECONDS, STALL_SECONDS),
            allow_redirects=False,
            stream=True,
            verify=_authorities(),
        ) as reply:
            return reply.status_code, _body(reply, end)


def _body(reply: requests.Response, end: float) -> bytes:
    if reply.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Unusable("it is compressed")
    body = b""
    while piece := reply.raw.read1(PIECE_BYTES):
        body += piece
        if len(body) > MOST_BYTES:
            raise Unusable(f"it has more than {MOST_BYTES} bytes")
        if time.monotonic() > end:
            raise Unusable(f"it takes more than {WHOLE_SECONDS:g} s")
    return body


def _object(body: bytes) -> Facts:
    try:
        facts = json.loads(body)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise Unusable("it answers no JSON object")
    return facts


def _authorities() -> str | bool:
    """The certificates this machine trusts, a company's own among them."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


def _down(url: str, why: str) -> ProviderDown:
    """Said once an outage, not once for everybody who meets it."""
    level = (
        logging.WARNING if cache.add(DOWN, value="yes", timeout=QUIET_SECONDS) else logging.DEBUG
    )
    logger.log(level, "The identity provider cannot be used: %s: %s", url, why)
    return ProviderDown()


def _key(url: str) -> str:
    return f"openid-{hashlib.sha256(url.encode()).hexdigest()}"

"""Every reply carries the headers, whoever wrote it."""

import socket

import pytest
from django.conf import settings
from pytest_django import Settings

from aliceproject.asgi_body import Receive, Scope, Send
from aliceproject.security_headers import SecurityHeaders, headers
from tests.aliceproject.asgi_wire import Echo, Wire, pieces, scope
from tests.live import Live

EVERYWHERE = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "x-frame-options",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
}
# Pages, JSON, files, refusals of each layer, and what does not exist.
REPLIES = [
    "GET /health", "GET /web/login", "GET /admin/login/", "GET /v1/jobs", "GET /nothing",
    "GET /static/css/alice.css", "GET /static/none", "GET /docs", "GET /openapi.json",
    "POST /web/login", "GET /images/x.png", "OPTIONS /v1/jobs", "TRACE /v1/jobs", "GET /web/none",
]  # fmt: skip


def said(live: Live, request: bytes) -> dict[str, str]:
    with socket.create_connection(("127.0.0.1", live.port), 10) as wire:
        wire.sendall(request)
        lines = iter(wire.makefile("rb").readline, b"\r\n")
        pairs = [line.decode("latin1").strip().partition(": ") for line in lines]
    return {name.lower(): value for name, _, value in pairs}


@pytest.mark.parametrize("line", REPLIES)
def test_every_kind_of_reply_carries_them(live_web: Live, line: str) -> None:
    told = said(
        live_web, f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert EVERYWHERE - set(told) == set()
    assert "access-control-allow-origin" not in told
    assert "server" not in told or told["server"] == "daphne"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
    ],
)
def test_so_does_every_refusal_in_front_of_django(live_web: Live, request_: bytes) -> None:
    assert EVERYWHERE - set(said(live_web, request_)) == set()


def test_the_policy_is_the_decided_one() -> None:
    assert set(headers()["content-security-policy"].split("; ")) == {
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'",
        "img-src 'self' blob: data:", "connect-src 'self'", "frame-ancestors 'none'",
        "form-action 'self'", "base-uri 'none'",
    }  # fmt: skip


async def test_what_a_reply_says_itself_stays() -> None:
    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        name = (b"cross-origin-resource-policy", b"cross-origin")
        await send({"type": "http.response.start", "status": 200, "headers": [name]})
        await send({"type": "http.response.body", "body": b""})

    wire = Wire(pieces(b""))
    await wire.play(SecurityHeaders(own), scope("GET", "/"))
    assert wire.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_https_is_insisted_on_where_it_is_served(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    wire = Wire(pieces(b""))
    await wire.play(SecurityHeaders(Echo()), scope("GET", "/"))
    assert wire.headers["strict-transport-security"].startswith("max-age=60")


def test_cookies_are_for_this_site_and_not_for_scripts() -> None:
    for kind in ("SESSION", "CSRF"):
        assert getattr(settings, f"{kind}_COOKIE_HTTPONLY") is True
        assert getattr(settings, f"{kind}_COOKIE_SAMESITE") == "Lax"

"""Whose page may open a websocket: ours, one of ALICE_CORS_ORIGINS, and programs without one."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.urls import URLPattern, re_path

from aliceproject.asgi_body import Asgi, Headers, Receive, Scope, Send
from aliceproject.middleware import host_allowed


class OriginCheck:
    """Browsers send cookies with cross-site handshakes and no CORS stops them: Origin must be ours.

    A page of ALICE_CORS_ORIGINS may connect with a ticket and a program that sends no Origin with
    a key or a ticket, neither ever with a cookie.
    """

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        host = headers.get(b"host", b"").decode("latin1")
        if host_allowed(host) and self._ours(headers, host):
            return await self.app(scope, receive, send)
        if host_allowed(host) and self._named(headers):
            bare = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
            return await self.app(scope | {"headers": bare}, receive, send)
        await WebsocketDenier()(scope, receive, send)
        return None

    @staticmethod
    def _ours(headers: Headers, host: str) -> bool:
        origin = headers.get(b"origin", b"").decode("latin1")
        if not origin:
            return b"cookie" not in headers
        if settings.ALICE_PUBLIC_URL and origin == _origin_of(settings.ALICE_PUBLIC_URL):
            return True
        return _netloc(origin).lower() == host.lower() != ""

    @staticmethod
    def _named(headers: Headers) -> bool:
        return headers.get(b"origin", b"").decode("latin1") in settings.ALICE_CORS_ORIGINS


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        # Such as `http://[`: whoever sent it is no browser.
        return ""


def websockets(patterns: Sequence[URLPattern]) -> Asgi:
    """Origin, then session, then the consumer; an unknown path is refused like a forbidden one."""
    routes = [*patterns, re_path(r"", WebsocketDenier.as_asgi())]
    stack: Asgi = OriginCheck(SessionMiddlewareStack(URLRouter(routes)))
    return stack

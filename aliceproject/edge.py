"""What holds before any application looks: whom a proxy speaks for, and the request's name."""

import ipaddress
from collections.abc import Sequence

from aliceproject.asgi_body import Asgi, Headers, Message, Receive, Scope, Send
from aliceproject.middleware import request_id

FORWARDED = frozenset(
    {
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"forwarded",
        b"x-real-ip",
    }
)
SCHEMES = {"http": ("http", "https"), "websocket": ("ws", "wss")}


class TrustedProxies:
    """Believes X-Forwarded-* from the named addresses (or networks) and hides it from all others.

    The client is the rightmost address of X-Forwarded-For that is no trusted proxy: everything to
    its left was written by somebody we do not know.
    """

    def __init__(self, app: Asgi, trusted: Sequence[str]) -> None:
        self.app = app
        self.trusted = [ipaddress.ip_network(name, strict=False) for name in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in SCHEMES:
            scope = self._seen(scope)
        await self.app(scope, receive, send)

    def _seen(self, scope: Scope) -> Scope:
        headers = Headers(scope["headers"])
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in FORWARDED]
        client = scope.get("client")
        if not client or not self._trusts(client[0]) or not FORWARDED & headers.keys():
            return scope | {"headers": kept}
        plain, secure = SCHEMES[scope["type"]]
        https = headers.get(b"x-forwarded-proto", b"").strip().lower() in {b"https", b"wss"}
        if b"x-forwarded-host" in headers:
            kept = [(n, v) for n, v in kept if n.lower() != b"host"]
            kept.append((b"host", headers[b"x-forwarded-host"].split(b",")[-1].strip()))
        return scope | {
            "headers": kept,
            "client": [self._origin(headers.get(b"x-forwarded-for", b""), client[0]), 0],
            "scheme": secure if https else plain,
        }

    def _origin(self, forwarded: bytes, proxy: str) -> str:
        for raw in reversed(forwarded.decode("latin1").split(",")):
            address = raw.strip()
            if not _is_address(address):
                return proxy
            if not self._trusts(address):
                return address
            proxy = address
        return proxy

    def _trusts(self, address: str) -> bool:
        if not _is_address(address):
            return False
        known = ipaddress.ip_address(address)
        return any(known in network for network in self.trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class RequestIds:
    """Every HTTP reply carries x-request-id, also those that never reach Django."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        given = Headers(scope["headers"]).get(b"x-request-id", b"").decode("latin1")
        name = request_id(given)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [h for h in message.get("headers", []) if h[0].lower() != b"x-request-id"]
                message = dict(message) | {"headers": [*others, (b"x-request-id", name.encode())]}
            await send(message)

        return await self.app(scope | {"request_id": name}, receive, named)

"""Whom a proxy may speak for, and what every reply is called."""

import pytest

from aliceproject.edge import RequestIds, TrustedProxies
from tests.aliceproject.asgi_wire import Echo, Wire, scope


async def seen(client: str, trusted: list[str], kind: str = "http", **headers: str) -> Echo:
    echo = Echo()
    asked = scope(**headers) | {"client": [client, 1], "scheme": "http", "type": kind}
    wire = Wire([{"type": "http.request", "body": b"", "more_body": False}])
    await wire.play(TrustedProxies(echo, trusted), asked)
    return echo


async def test_a_trusted_proxy_speaks_for_its_client() -> None:
    said = {"x_forwarded_for": "203.0.113.7", "x_forwarded_proto": "https"}
    echo = await seen("10.0.0.1", ["10.0.0.0/8"], **said)
    assert (echo.scope["client"][0], echo.scope["scheme"]) == ("203.0.113.7", "https")


async def test_a_trusted_proxy_names_the_host() -> None:
    said = {"host": "backend", "x_forwarded_host": "evil.example, alice.example"}
    assert (await seen("::1", ["::1"], **said)).header("host") == "alice.example"


async def test_a_stranger_speaks_for_nobody() -> None:
    said = {"x_forwarded_for": "127.0.0.1", "x_forwarded_proto": "https", "x_real_ip": "::1"}
    echo = await seen("203.0.113.9", ["10.0.0.1"], **said)
    assert (echo.scope["client"][0], echo.scope["scheme"]) == ("203.0.113.9", "http")
    assert echo.scope["headers"] == []


async def test_what_stands_left_of_an_unknown_address_is_not_believed() -> None:
    said = {"x_forwarded_for": "127.0.0.1, 198.51.100.2, 10.0.0.2"}
    echo = await seen("10.0.0.1", ["10.0.0.0/8"], **said)
    assert echo.scope["client"][0] == "198.51.100.2"


@pytest.mark.parametrize("said", ["unknown", "", "1.2.3.4, <script>"])
async def test_what_is_no_address_ends_the_chain(said: str) -> None:
    echo = await seen("10.0.0.1", ["10.0.0.1"], x_forwarded_for=said)
    assert echo.scope["client"][0] == "10.0.0.1"


async def test_a_websocket_behind_tls_is_secure() -> None:
    echo = await seen("10.0.0.1", ["10.0.0.1"], kind="websocket", x_forwarded_proto="https")
    assert echo.scope["scheme"] == "wss"


async def named(given: str) -> Wire:
    wire = Wire([{"type": "http.request", "body": b"", "more_body": False}])
    await wire.play(RequestIds(Echo()), scope(x_request_id=given))
    return wire


async def test_a_sane_request_id_is_kept() -> None:
    assert (await named("a.b_c-1")).headers["x-request-id"] == "a.b_c-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\r\nb", "é"])
async def test_another_is_replaced(given: str) -> None:
    assert (await named(given)).headers["x-request-id"] not in {given, ""}

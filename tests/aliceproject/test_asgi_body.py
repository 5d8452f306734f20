"""Bodies are whole, bounded and measured; only a client can leave."""

import asyncio
import json
from io import BytesIO

import pytest

from aliceproject.asgi_body import Receive, Scope, Send, SpooledBodies
from tests.aliceproject.asgi_wire import Echo, Wire, pieces, scope

LIMIT = 3 * 2**20


def code(wire: Wire) -> str:
    return str(json.loads(wire.body)["error"]["code"])


async def test_a_chunked_body_gets_a_length() -> None:
    echo, wire = Echo(), Wire(pieces(b"ab", b"", b"cde"))
    await wire.play(SpooledBodies(echo, LIMIT), scope(transfer_encoding="chunked"))
    assert (echo.body, echo.header("content-length")) == (b"abcde", "5")
    assert echo.header("transfer-encoding") is None


async def test_a_large_body_arrives_whole() -> None:
    sent = [bytes([number]) * 2**20 for number in range(3)]
    echo, wire = Echo(), Wire(pieces(*sent))
    await wire.play(SpooledBodies(echo, LIMIT), scope())
    assert echo.body == b"".join(sent)


async def test_a_request_without_a_body_gets_no_length() -> None:
    echo, wire = Echo(), Wire(pieces(b""))
    await wire.play(SpooledBodies(echo, LIMIT), scope("GET"))
    assert echo.header("content-length") is None


async def test_the_length_is_what_arrived_not_what_was_said() -> None:
    echo, wire = Echo(), Wire(pieces(b"abc"))
    await wire.play(SpooledBodies(echo, LIMIT), scope(content_length="1"))
    assert (echo.body, echo.header("content-length")) == (b"abc", "3")


async def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    wire = Wire(pieces(b"a"))
    await wire.play(SpooledBodies(Echo(), LIMIT), scope(content_length=str(LIMIT + 1)))
    assert (wire.status, code(wire), len(wire.incoming)) == (413, "too_large", 1)


async def test_a_body_that_grows_over_the_limit_is_refused() -> None:
    wire = Wire(pieces(*[b"a" * 2**20] * 4))
    await wire.play(SpooledBodies(Echo(), LIMIT), scope())
    assert (wire.status, wire.headers["content-type"]) == (413, "application/json")


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, identity"])
async def test_a_compressed_body_is_refused(encoding: str) -> None:
    wire = Wire(pieces(b"a"))
    await wire.play(SpooledBodies(Echo(), LIMIT), scope(content_encoding=encoding))
    assert (wire.status, code(wire)) == (415, "unsupported_media_type")


async def test_a_body_that_stalls_is_refused() -> None:
    wire = Wire([{"type": "http.request", "body": b"a", "more_body": True}])
    await wire.play(SpooledBodies(Echo(), LIMIT, stall_seconds=0.05), scope())
    assert (wire.status, code(wire)) == (400, "body_stalled")


async def test_a_client_that_leaves_in_the_middle_is_not_answered() -> None:
    wire = Wire([*pieces(b"a", b"b")[:1], {"type": "http.disconnect"}])
    await wire.play(SpooledBodies(Echo(), LIMIT), scope())
    assert wire.sent == []


async def test_a_body_handed_over_as_a_file_is_taken_as_it_is() -> None:
    echo, wire = Echo(), Wire(pieces(b""))
    await wire.play(SpooledBodies(echo, LIMIT), scope() | {"alice.body": BytesIO(b"abc")})
    assert (echo.body, echo.header("content-length")) == (b"abc", "3")


async def leave(after_reply: bool) -> asyncio.Event:
    """An exchange whose server says `disconnect`, before or after the reply is complete."""
    seen: list[asyncio.Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client_left"])
        await receive()
        if after_reply:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        await receive()

    wire = Wire([*pieces(b""), {"type": "http.disconnect"}])
    await wire.play(SpooledBodies(app, LIMIT), scope())
    return seen[0]


async def test_a_client_that_leaves_is_noticed() -> None:
    assert (await leave(after_reply=False)).is_set()


async def test_the_end_of_a_reply_is_nobody_leaving() -> None:
    assert not (await leave(after_reply=True)).is_set()


async def test_a_stopping_server_is_nobody_leaving() -> None:
    seen: list[asyncio.Event] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client_left"])
        await receive()
        await receive()

    task = asyncio.create_task(Wire(pieces(b"")).play(SpooledBodies(app, LIMIT), scope()))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not seen[0].is_set()


async def test_websockets_pass_untouched() -> None:
    echo, asked = Echo(), {"type": "websocket"}
    await Wire().play(SpooledBodies(echo, LIMIT), asked)
    assert echo.scope is asked

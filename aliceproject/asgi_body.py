"""The outermost application: whole bodies within a limit, and who really went away."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import IO, Any, Protocol

from accounts.problems import Invalid, Problem, TooLarge, WrongType
from aliceproject.errors import problem_bytes, problem_headers

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MEMORY_BYTES = 2**20
REPLAY_BYTES = 2**18
STALL_SECONDS = 15.0


class Asgi(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Headers(dict[bytes, bytes]):
    """Lower-cased request headers; of a repeated one the last."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        super().__init__((name.lower(), value) for name, value in raw)


class ClientGone(Exception):
    """The client went away before its request was complete."""


class SpooledBodies:
    """Reads each body into a spooled file before the application sees the request.

    The application always gets a content-length (clients of chunked bodies send none, and Django
    then parses an empty form) and `scope["client_left"]`, an asyncio.Event that is set when the
    client closes the connection before its reply is complete; a server that stops never sets it.
    """

    def __init__(self, app: Asgi, limit: int, stall_seconds: float = STALL_SECONDS) -> None:
        self.app = app
        self.limit = limit
        self.stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        with scope.get("alice.body") or tempfile.SpooledTemporaryFile(MEMORY_BYTES) as body:
            try:
                self._check_headers(Headers(scope["headers"]))
                size = await self._fill(body, receive)
            except ClientGone:
                return None
            except Problem as problem:
                return await refuse(problem, send)
            exchange = Exchange(body, receive, send)
            seen = _with_length(scope, size) | {"client_left": exchange.client_left}
            return await self.app(seen, exchange.receive, exchange.send)

    def _check_headers(self, headers: Headers) -> None:
        # Never unpacked: a small gzip body can unfold into gigabytes.
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise WrongType("Compressed request bodies are not accepted.")
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.limit:
            raise too_large(self.limit)

    async def _fill(self, body: IO[bytes], receive: Receive) -> int:
        # Our own server hands the body over as a file; from others it comes in messages.
        size = body.seek(0, os.SEEK_END)
        async for piece in self._pieces(receive):
            size += len(piece)
            if size > self.limit:
                raise too_large(self.limit)
            body.write(piece)
        body.seek(0)
        return size

    async def _pieces(self, receive: Receive) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self.stall_seconds):
                    message = await receive()
            except TimeoutError:
                raise Invalid("The request body stopped arriving.", code="body_stalled") from None
            if message["type"] != "http.request":
                raise ClientGone
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return


class Exchange:
    """One request's replay towards the application, and the watch on its client."""

    def __init__(
        self,
        body: IO[bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        self.client_left = asyncio.Event()
        self._body = body
        self._receive = receive
        self._send = send
        self._replayed = False
        self._answered = False

    async def receive(self) -> Message:
        if not self._replayed:
            piece = self._body.read(REPLAY_BYTES)
            self._replayed = len(piece) < REPLAY_BYTES
            return {"type": "http.request", "body": piece, "more_body": not self._replayed}
        message = await self._receive()
        # Servers also say `disconnect` when a reply is complete; that is nobody leaving.
        if message["type"] == "http.disconnect" and not self._answered:
            self.client_left.set()
        return message

    async def send(self, message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        # Before sending: the server's `disconnect` may be read before `send` returns.
        self._answered = self._answered or last
        await self._send(message)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit // 2**20} MB (ALICE_MAX_BODY_MB).")


def _with_length(scope: Scope, size: int) -> Scope:
    """The scope with a content-length wherever there is a body, and no transfer-encoding."""
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name.lower() not in {b"content-length", b"transfer-encoding"}
    ]
    had_length = b"content-length" in Headers(scope["headers"])
    length = [(b"content-length", str(size).encode())] if size or had_length else []
    return scope | {"headers": kept + length}


async def refuse(problem: Problem, send: Send) -> None:
    """Answer a request that Django never sees."""
    body = problem_bytes(problem)
    headers = problem_headers(problem) | {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})

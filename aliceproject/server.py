"""Daphne with limits where bytes arrive: body size, patience with slow senders, JSON refusals."""

# daphne.server installs the asyncio reactor and must be imported before anything of Twisted.
from daphne.server import Server as DaphneServer  # isort: skip

import asyncio
import logging
from http import HTTPStatus
from io import BytesIO
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import defer, reactor
from twisted.web.http import RESPONSES, HTTPChannel

from accounts.problems import Invalid, Problem
from aliceproject import security_headers
from aliceproject.asgi_body import Asgi, too_large
from aliceproject.errors import InternalError, problem_bytes, problem_headers
from aliceproject.middleware import request_id

logger = logging.getLogger(__name__)

# Head and each further stretch of a body must arrive within this time, in seconds.
PATIENCE = 10.0
# A body slower than this many bytes in PATIENCE seconds is an attack, not a bad line.
LEAST_BYTES = 1024
# How long a refused client may go on sending: closing at once would destroy our answer.
DRAIN = 15.0
# A thousand clients may connect at once; daphne's own 50 makes them retry for half a minute.
BACKLOG = 4096
WEBSOCKET_BYTES = 65536
# Views get this long to notice a stop, in seconds; threads cannot be ended at all.
FAREWELL = 5.0

# Twisted has no words for some statuses, 429 among them, and would say "Unknown Status".
RESPONSES.update({s.value: s.phrase.encode() for s in HTTPStatus if s.value not in RESPONSES})


class Channel(HTTPChannel):  # type: ignore[misc] # Twisted is not typed
    """One connection: refuses what is too large or too slow before it takes memory."""

    limit = 0
    refused = False
    _watch: Any = None
    _received = 0

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        super().connectionMade()
        self._watch_from_now()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._received += len(data)
        if self._watch is None:
            self._watch_from_now()
        super().dataReceived(data)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if not self.refused:
            super().rawDataReceived(data)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        if not self.refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        self._respondToBadRequestAndDisconnect()

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        self._watch_from_now()
        super().allHeadersReceived()

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        if not self.refused:
            super().allContentReceived()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        self._stop_watch()
        super().connectionLost(reason)

    def refuse(self, problem: Problem) -> None:
        """Answer now, whatever of the request is still to come, and let go soon after."""
        if self.refused:
            return
        self.refused = True
        self.transport.write(_raw_response(problem))
        self._stop_watch()
        self._watch = reactor.callLater(DRAIN, self._abort)

    def _send100Continue(self) -> None:  # noqa: N802 - Twisted's name
        if not self.refused:
            super()._send100Continue()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        self.refuse(Invalid("This is not a valid HTTP request.", code="invalid_http"))

    def _watch_from_now(self) -> None:
        if self.refused:
            return
        self._stop_watch()
        self._received = 0
        self._watch = reactor.callLater(PATIENCE, self._inspect)

    def _stop_watch(self) -> None:
        if self._watch is not None and self._watch.active():
            self._watch.cancel()
        self._watch = None

    def _inspect(self) -> None:
        self._watch = None
        if self._handlingRequest:
            return
        in_body = bool(self.requests) and not self.line_mode
        if in_body and self._received >= LEAST_BYTES:
            self._watch_from_now()
        elif self.requests or self._buffer or not self._received:
            self._abort()

    def _abort(self) -> None:
        self._watch = None
        self.transport.abortConnection()


class Request(WebRequest):  # type: ignore[misc] # Daphne is not typed
    """One request: counts its body and says what Daphne would say in HTML in JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._size = 0
        # Django parses forms; Twisted would do it first, on the event loop, and throw it away.
        self._parsePOSTFormSubmission = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        super().gotLength(length)
        if length is not None and length > self.channel.limit:
            self.channel.refuse(too_large(self.channel.limit))

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._size += len(data)
        if self._size > self.channel.limit:
            self.channel.refuse(too_large(self.channel.limit))
        elif not self.channel.refused:
            super().handleContentChunk(data)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        problem = InternalError() if failed else Invalid(body, code="invalid_http")
        head, _, text = _raw_response(problem).partition(b"\r\n\r\n")
        fields = [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:]]
        self.handle_reply(
            {"type": "http.response.start", "status": problem.status, "headers": fields}
        )
        self.handle_reply({"type": "http.response.body", "body": text})


class Factory(HTTPFactory):  # type: ignore[misc] # Daphne is not typed
    def __init__(self, server: DaphneServer, limit: int) -> None:
        super().__init__(server)
        self.limit = limit

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        channel = Channel()
        channel.limit = self.limit
        channel.factory = self
        channel.timeOut, channel.callLater = protocol.timeOut, protocol.callLater
        channel.requestFactory = Request
        protocol._channel = channel  # noqa: SLF001 - Twisted has no other door for a channel class
        return protocol


class Sockets(WebSocketProtocol):  # type: ignore[misc] # Daphne is not typed
    """A websocket that may be closed with each of the codes of RFC 6455, such as 1008."""

    def onConnect(self, request: Any) -> Any:  # noqa: N802 - Autobahn's name
        told = request.headers.get("sec-websocket-protocol", "")
        if not all(text.isascii() for text in (request.path, told, *request.headers)):
            # Daphne reads these as ASCII, and would fail.
            raise ConnectionDeny(400, "Not in ASCII.")  # type: ignore[no-untyped-call]
        return super().onConnect(request)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803, FBT001 - Autobahn's
        # A handshake that Autobahn refuses by itself never came to Daphne: nothing is to be ended.
        if hasattr(self, "server"):
            super().onClose(wasClean, code, reason)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802, FBT001, FBT002 - Daphne's
        # Whoever is being hung up on hears no more; that is no failure of the sender.
        if self.state == self.STATE_OPEN:
            super().serverSend(content, binary)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        # Its own raises for them, and the client would hear that we broke.
        self.sendCloseFrame(code=code or 1000)


class Server(DaphneServer):  # type: ignore[misc] # Daphne is not typed
    """`failure` says after run() why the server could not listen; "" after an orderly stop."""

    def __init__(self, application: Asgi, host: str, port: int, body_limit: int) -> None:
        endpoints = [
            f"{endpoint}:backlog={BACKLOG}"
            for endpoint in build_endpoint_description_strings(host=host, port=port)
        ]
        super().__init__(
            application,
            endpoints=endpoints,
            websocket_max_message_size=WEBSOCKET_BYTES,
            websocket_max_frame_size=WEBSOCKET_BYTES,
            server_name="",
            # Twisted's own failures go to our log; below this they vanish.
            verbosity=2,
        )
        self.failure = ""
        self._factory = Factory(self, body_limit)

    @property
    def http_factory(self) -> Factory:
        return self._factory

    @http_factory.setter
    def http_factory(self, stock: HTTPFactory) -> None:
        """run() makes Daphne's own; ours stays."""

    @property
    def ws_factory(self) -> WebSocketFactory:
        return self._sockets

    @ws_factory.setter
    def ws_factory(self, stock: WebSocketFactory) -> None:
        # A client that sends too much is told why (1009) instead of finding the line dead.
        stock.setProtocolOptions(failByDrop=False)
        stock.protocol = Sockets
        self._sockets = stock

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "http":
            # The body already lies in a file: hand that over instead of queueing it in memory.
            scope["alice.body"], protocol.content = protocol.content, BytesIO()
        return super().create_application(protocol, scope)

    def listen_error(self, failure: Any) -> None:
        self.failure = f"Cannot listen: {failure.getErrorMessage()}"
        super().listen_error(failure)

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """Cancels every application, also while requests are half received, and waits briefly.

        Daphne's own fails on a half-received request; the others then saw their clients "leave".
        """
        running = [
            details["application_instance"]
            for details in self.connections.values()
            if "application_instance" in details and not details["application_instance"].done()
        ]
        for application in running:
            application.cancel()
        if not running:
            return defer.succeed(None)
        return defer.Deferred.fromFuture(
            asyncio.ensure_future(asyncio.wait(running, timeout=FAREWELL))
        )


def _raw_response(problem: Problem) -> bytes:
    body = problem_bytes(problem)
    headers = (
        problem_headers(problem, request_id(""))
        | security_headers.headers()
        | {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
    )
    status = HTTPStatus(problem.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin1") + body

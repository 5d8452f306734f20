"""One ASGI exchange played by hand: what the server says, what the application answers."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aliceproject.asgi_body import Asgi, Message, Receive, Scope, Send


def scope(method: str = "POST", path: str = "/", **headers: str) -> Scope:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw}


def pieces(*bodies: bytes) -> list[Message]:
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": index < last}
        for index, body in enumerate(bodies)
    ]


@dataclass
class Wire:
    """`incoming` is what the server delivers; then it is silent. `sent` is the reply."""

    incoming: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        if self.incoming:
            return self.incoming.pop(0)
        return await asyncio.Future()

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def play(self, app: Asgi, asked: Scope) -> None:
        async with asyncio.timeout(5):
            await app(asked, self.receive, self.send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@dataclass
class Echo:
    """An application that keeps what it was given and answers 200."""

    scope: Scope = field(default_factory=dict)
    body: bytes = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        more = scope["type"] == "http"
        while more:
            message = await receive()
            self.body += message["body"]
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def header(self, name: str) -> str | None:
        found: dict[bytes, bytes] = dict(self.scope["headers"])
        value: Any = found.get(name.encode())
        return value.decode() if value is not None else None

"""A websocket as a program on the other end of the wire holds it."""

import base64
import os
import socket
import struct
from types import TracebackType
from typing import Any, Self

TEXT, CLOSE = 0x1, 0x8
PATIENCE = 10.0


class WebSocket:
    """`status` is the HTTP status of the handshake; 101 where the socket opened."""

    def __init__(self, port: int, path: str, *, source: str = "", **headers: str) -> None:
        self.wire = socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0) if source else None
        )
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.wire.sendall("\r\n".join([*lines, "", ""]).encode())
        self.reader = self.wire.makefile("rb")
        self.status = int(self.reader.readline().split()[1])
        while self.reader.readline().strip():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self.reader.close()
        self.wire.close()

    def frame(self) -> tuple[int, bytes]:
        """The next frame's kind and content; ours are never split."""
        kind, length = self.reader.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self.reader.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.reader.read(8))
        return kind & 0x0F, self.reader.read(length)

    def hear(self) -> bytes:
        """The next message."""
        kind, content = self.frame()
        assert kind == TEXT, (kind, content)
        return content

    def closed(self) -> int:
        """The code it is closed with, whatever is said before."""
        while (frame := self.frame())[0] != CLOSE:
            pass
        return int.from_bytes(frame[1][:2], "big")

    def say(self, text: str) -> None:
        """Sends a message of less than 126 bytes, masked as a client must."""
        content = text.encode()
        self.wire.sendall(bytes([0x80 | TEXT, 0x80 | len(content)]) + bytes(4) + content)


def opened(port: int, path: str = "/ws/dashboard", **headers: str) -> Any:
    """One that was let in: its first message has been heard."""
    line = WebSocket(port, path, **headers)
    assert line.status == 101
    line.hear()
    return line

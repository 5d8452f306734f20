"""Attacks below requests: raw bytes, drips, and websockets made by hand."""

import base64
import os
import select
import socket
import statistics
import struct
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

from tests.attacks.stage import Stage, named
from tests.attacks.table import Attack

KEY = base64.b64encode(os.urandom(16)).decode()
TEXT, CLOSE = 1, 8
PATIENCE = 20.0


def connect(stage: Stage, number: int) -> socket.socket:
    here = ("127.0.0.1", stage.live.port)
    return socket.create_connection(here, PATIENCE, (stage.source(number), 0))


def raw(row: Attack, stage: Stage) -> None:
    """`bytes` as they are (escapes meant), `repeat`: [piece, times] after them; `expect`: the
    status, or `closed`. `grows`: how many MB the web process may grow by at most."""
    before, kept = resident(stage), stage.kept()
    for variant in row.variants():
        given = named(variant.given, stage.names)
        with closing(connect(stage, row.number)) as wire:
            answer = _said(wire, given)
        stage.counts["requests"] += 1
        assert answer in row.expected, f"{given['bytes'][:200]!r}: {answer}"
        assert not answer.startswith("5")
    assert stage.kept() == kept
    assert resident(stage) - before < row.given.get("grows", 50)


def _said(wire: socket.socket, given: Mapping[str, Any]) -> str:
    piece, times = given.get("repeat", ["", 0])
    try:
        wire.sendall(_unescaped(given["bytes"]))
        for _ in range(times):
            wire.sendall(_unescaped(piece))
    except OSError:
        # Refused before all was sent; the answer may still lie there.
        pass
    try:
        line = wire.makefile("rb").readline()
    except OSError:
        return "closed"
    return line.split(b" ")[1].decode() if line.startswith(b"HTTP/") else "closed"


def _unescaped(text: str) -> bytes:
    return text.encode("latin1").decode("unicode_escape").encode("latin1")


def slowloris(row: Attack, stage: Stage) -> None:
    """`many` connections of each of `heads`, which they send and then a byte a second: all are
    closed within 15 s, and others are served meanwhile."""
    given = row.given
    with ExitStack() as stack:
        wires = [
            stack.enter_context(closing(connect(stage, row.number)))
            for _ in range(given["many"] * len(given["heads"]))
        ]
        for wire, head in zip(wires, given["heads"] * given["many"], strict=True):
            wire.sendall(_unescaped(head))
        begun, waits = time.monotonic(), []
        while wires and time.monotonic() - begun < 25:
            asked = time.monotonic()
            assert stage.ask("GET /livez").status == 200
            waits.append(time.monotonic() - asked)
            wires = _dripped(wires)
            time.sleep(1)
        assert wires == []
        assert statistics.median(waits) < 1


def _dripped(wires: list[socket.socket]) -> list[socket.socket]:
    """One more byte to each; those that are still open."""
    ended, _, _ = select.select(wires, [], [], 0)
    for wire in set(wires) - set(ended):
        try:
            wire.send(b"x")
        except OSError:
            ended.append(wire)
    return [wire for wire in wires if wire not in ended]


def websocket(row: Attack, stage: Stage) -> None:
    """`connect: /ws/...` with `as`, `origin` (null: none), `host`, `headers`, then `frames`, each
    with `text`, or `size` in bytes, and `times`. `expect`: `refused`, `open`, or close codes."""
    for variant in row.variants():
        given = named(variant.given, stage.names)
        with closing(connect(stage, row.number)) as wire:
            outcome = conversation(wire, given, stage)
        stage.counts["requests"] += 1
        assert outcome in row.expected, f"{given}: {outcome}"
    assert stage.ask("GET /livez").status == 200


def crowd(row: Attack, stage: Stage) -> None:
    """`many` sockets of `as` at once, `room` of which may stay; another person's opens all the
    same."""
    given = row.given
    with ExitStack() as stack:
        wires = [
            stack.enter_context(closing(connect(stage, row.number))) for _ in range(given["many"])
        ]
        with ThreadPoolExecutor(given["many"]) as threads:
            outcomes = list(threads.map(lambda w: conversation(w, given, stage), wires))
        stage.counts["requests"] += len(wires)
        assert outcomes.count("open") <= given["room"]
        assert set(outcomes) <= {"open", *row.expected}
        other = stack.enter_context(closing(connect(stage, row.number)))
        assert conversation(other, {**given, "as": "other"}, stage) == "open"


def conversation(wire: socket.socket, given: Mapping[str, Any], stage: Stage) -> str:
    host = f"127.0.0.1:{stage.live.port}"
    origin = given.get("origin", f"http://{host}")
    headers = stage.credentials(given.get("as", "anonymous"), csrf=False)
    headers |= {"Host": given.get("host", host), "Upgrade": "websocket", "Connection": "Upgrade"}
    headers |= {"Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}
    headers |= {"Origin": origin} if origin else {}
    headers |= given.get("headers", {})
    lines = [f"GET {given['connect']} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    wire.sendall("\r\n".join([*lines, "", ""]).encode())
    if b" 101 " not in _head(wire):
        return "refused"
    frames = given.get("frames", [])
    try:
        for frame in frames:
            data = b"x" * frame["size"] if "size" in frame else frame["text"].encode()
            for _ in range(frame.get("times", 1)):
                wire.sendall(masked(data))
    except OSError:
        pass
    return _closed(wire, wait=PATIENCE if frames else 2.0)


def _head(wire: socket.socket) -> bytes:
    """Byte by byte: what follows the empty line are frames already."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)
        if not byte:
            break
        head += byte
    return head


def _closed(wire: socket.socket, wait: float) -> str:
    """The code of the server's closing frame; `open` if none comes."""
    wire.settimeout(wait)
    try:
        for kind, data in frames_from(wire):
            if kind == CLOSE:
                return str(struct.unpack(">H", data[:2])[0]) if data else "1005"
    except TimeoutError:
        return "open"
    except OSError:
        return "closed"
    return "closed"


def frames_from(wire: socket.socket) -> Iterator[tuple[int, bytes]]:
    source = wire.makefile("rb")
    while head := source.read(2):
        size = head[1] & 0x7F
        if size >= 126:
            wide = 2 if size == 126 else 8
            size = int.from_bytes(source.read(wide), "big")
        yield head[0] & 0x0F, source.read(size)


def masked(data: bytes, kind: int = TEXT) -> bytes:
    """A frame of a client, whose mask changes nothing."""
    size = len(data)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack(">Q", size)
    return bytes([0x80 | kind]) + length + bytes(4) + data


def resident(stage: Stage) -> float:
    """Megabytes of the web process."""
    pid = stage.live.processes["web"].pid
    with open(f"/proc/{pid}/statm") as figures:  # noqa: PTH123 a line of the kernel's
        return int(figures.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

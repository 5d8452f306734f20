"""Clients that wait, that leave, and a server that stops: on a real web process without a worker."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from aliceproject.asgi import application
from tests.aliceproject.asgi_wire import Wire
from tests.live import Live, service
from tests.sockets import opened

MODEL = (
    "from modelhub.models import CatalogModel;"
    "CatalogModel.objects.create("
    "public_id='sd/x', path='x', layout='diffusers', family='sd1', native_resolution=512)"
)
PROMPT = json.dumps({"prompt": "a boat on a lake"}).encode()


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False, ALICE_REQUIRE_AUTH="false") as running:
        running.manage("shell", "-v0", "-c", MODEL)
        yield running


@dataclass
class Stand:
    """The server, and the jobs that one test has made on it."""

    live: Live
    earlier: set[str]

    def statuses(self) -> list[str]:
        return [job["status"] for job in jobs(self.live) if job["id"] not in self.earlier]

    def wait_for(self, expected: list[str]) -> None:
        deadline = time.monotonic() + 60
        while self.statuses() != expected:
            assert time.monotonic() < deadline, (self.statuses(), self.live.log)
            time.sleep(0.1)


@pytest.fixture
def stand(live: Live) -> Stand:
    return Stand(live, {job["id"] for job in jobs(live)})


def jobs(live: Live) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx2.get(f"{live.url}/v1/jobs?limit=200", timeout=30).json()[
        "data"
    ]
    return found


def blocking_call(live: Live, *headers: str, chunked: bool = False) -> socket.socket:
    """A client that has sent its whole request and reads nothing yet."""
    length = f"Content-Length: {len(PROMPT)}"
    lines = [
        "POST /v1/images/generations HTTP/1.1",
        f"Host: 192.168.1.100:{live.port}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked" if chunked else length,
        *headers,
    ]
    body = f"{len(PROMPT):x}\r\n".encode() + PROMPT + b"\r\n0\r\n\r\n" if chunked else PROMPT
    wire = socket.create_connection(("127.0.0.1", live.port), timeout=30)
    wire.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return wire


def threads(live: Live) -> int:
    return len(list(Path(f"/proc/{live.processes['web'].pid}/task").iterdir()))


def test_200_waiting_clients_cost_no_threads_and_health_answers(stand: Stand) -> None:
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(blocking_call(stand.live))
        stand.wait_for(["queued"] * 200)
        assert threads(stand.live) < 40
        assert httpx2.get(f"{stand.live.url}/health", timeout=30).json()["queueDepth"] >= 200


def test_a_client_that_leaves_takes_its_job_along(stand: Stand) -> None:
    wire = blocking_call(stand.live)
    stand.wait_for(["queued"])
    wire.close()
    stand.wait_for(["cancelled"])


def test_an_idempotency_key_keeps_the_job(stand: Stand) -> None:
    wire = blocking_call(stand.live, "Idempotency-Key: k")
    stand.wait_for(["queued"])
    wire.close()
    time.sleep(1)
    assert stand.statuses() == ["queued"]


def test_a_chunked_body_is_understood(stand: Stand) -> None:
    with blocking_call(stand.live, chunked=True):
        stand.wait_for(["queued"])


def test_a_stopping_server_takes_no_job_along(stand: Stand) -> None:
    live = stand.live
    half = socket.create_connection(("127.0.0.1", live.port))
    half.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
    with half, blocking_call(live), blocking_call(live):
        stand.wait_for(["queued"] * 2)
        assert live.stop("web") == 0
    live.start("web", "web")
    live.wait("/livez")
    assert stand.statuses() == ["queued"] * 2
    assert "Traceback" not in live.log


def test_a_taken_port_is_said_in_a_sentence(live: Live) -> None:
    live.start("second", "web")
    assert live.processes["second"].wait(60) == 1
    del live.processes["second"]
    assert "Cannot listen: " in live.log


@pytest.mark.parametrize("path", ["/v1/models/sd%2Fx", "/v1/models/sd/x", "/v1/models/x/"])
def test_a_model_is_found_by_every_spelling(live: Live, path: str) -> None:
    assert httpx2.get(live.url + path).json()["id"] == "sd/x"


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/"])
def test_both_slashes_take_a_post(live: Live, path: str) -> None:
    response = httpx2.post(live.url + path, json={"prompt": "a boat"}, follow_redirects=False)
    assert response.status_code == 202


def test_a_3_mb_json_body_is_read(live: Live) -> None:
    body = {"prompt": "a boat", "padding": "x" * 3_000_000}
    assert httpx2.post(f"{live.url}/v1/jobs", json=body, timeout=30).status_code == 202


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[1]", b"null", b"NaN", b'{"prompt": NaN}'])
def test_garbage_json_gets_a_400_in_json(live: Live, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx2.post(f"{live.url}/v1/jobs", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def handshake(live: Live, *headers: str, path: str = "/ws/dashboard") -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", live.port), timeout=20)
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 192.168.1.100:{live.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    wire.sendall("\r\n".join([*lines, "", ""]).encode())
    return wire


def test_our_own_page_opens_a_websocket(live: Live) -> None:
    with handshake(live, f"Origin: http://192.168.1.100:{live.port}") as wire:
        assert wire.recv(65536).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "header", ["Origin: http://evil.example", "Origin: null", "Cookie: alice-session=x"]
)
def test_a_foreign_page_opens_none(live: Live, header: str) -> None:
    with handshake(live, header) as wire:
        assert wire.recv(65536).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "header",
    [
        "Origin: http://[",
        "Origin: http://[x]",
        "Sec-WebSocket-Version: 99",
        "Sec-WebSocket-Key: x",
        "Sec-WebSocket-Protocol: bücher",
        "Bücher: x",
    ],
)
def test_a_handshake_that_cannot_be_read_is_refused_without_a_defect(
    live: Live, header: str
) -> None:
    before = len(live.log)
    with handshake(live, header) as wire, suppress(ConnectionResetError):
        while wire.recv(65536):
            pass
    assert httpx2.get(f"{live.url}/livez").status_code == 200
    assert "Traceback" not in live.log[before:]


def test_an_unknown_websocket_path_is_refused(live: Live) -> None:
    with handshake(live, path="/ws/nix") as wire:
        assert wire.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_a_huge_frame_closes_the_websocket_with_1009(live: Live) -> None:
    with handshake(live, f"Origin: http://192.168.1.100:{live.port}") as wire:
        wire.recv(65536)
        # A masked text frame that claims 8 MiB: its head alone must be enough.
        wire.sendall(b"\x81\xff" + (8 * 2**20).to_bytes(8, "big") + b"\0\0\0\0")
        received = bytearray()
        # The server cuts a line whose other end does not close it too.
        with suppress(ConnectionResetError):
            while piece := wire.recv(65536):
                received += piece
    assert (1009).to_bytes(2, "big") in received


async def test_other_servers_are_told_that_all_is_ready() -> None:
    wire = Wire([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    await wire.play(application, {"type": "lifespan"})
    assert [message["type"] for message in wire.sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


@pytest.mark.parametrize(
    ("messages", "code"), [(["[]"], 1008), (['{"type": "cancel"}'] * 1000, 1008)]
)
def test_a_websocket_is_told_why_it_is_closed(live: Live, messages: list[str], code: int) -> None:
    with opened(live.port, Origin=f"http://127.0.0.1:{live.port}") as line:
        # The line may be cut while we still write.
        with suppress(OSError):
            for message in messages:
                line.say(message)
        assert line.closed() == code

"""The transport's traps, against a real server process."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.live import ROOT, Live, free_port

MEBIBYTE = 2**20
BROKEN = """
import sys
import django
django.setup()
from aliceproject.server import Server

async def broken(scope, receive, send):
    raise RuntimeError("secret")

Server(broken, "127.0.0.1", int(sys.argv[1]), 1000).run()
"""


def exchange(live: Live, request: bytes, patience: float = 20.0) -> bytes:
    """Everything the server says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=patience) as wire:
        wire.sendall(request)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def pieces(total: int) -> Iterator[bytes]:
    for _ in range(total // MEBIBYTE):
        yield bytes(MEBIBYTE)


def code(response: httpx2.Response) -> str:
    return str(response.json()["error"]["code"])


def test_65_mb_with_a_length_are_refused_in_json(live_web: Live) -> None:
    response = httpx2.post(f"{live_web.url}/livez", content=bytes(65 * MEBIBYTE), timeout=60)
    assert (response.status_code, code(response)) == (413, "too_large")


def test_65_mb_in_chunks_are_refused_in_json(live_web: Live) -> None:
    response = httpx2.post(f"{live_web.url}/livez", content=pieces(65 * MEBIBYTE), timeout=60)
    assert (response.status_code, code(response)) == (413, "too_large")


def test_an_expecting_client_is_refused_before_it_sends(live_web: Live) -> None:
    head = b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n"
    with socket.create_connection(("127.0.0.1", live_web.port), timeout=20) as wire:
        wire.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_compressed_body_is_refused(live_web: Live) -> None:
    headers = {"Content-Encoding": "gzip"}
    response = httpx2.post(f"{live_web.url}/livez", content=b"\x1f\x8b", headers=headers)
    assert (response.status_code, code(response)) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"GET /livez\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
    ids=["line", "header", "large header", "chunk", "two lengths", "path"],
)
def test_bad_http_is_answered_in_json(live_web: Live, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", live_web.port), timeout=20) as wire:
        wire.sendall(request_bytes)
        head, _, body = wire.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["code"] == "invalid_http"


def test_slow_senders_are_cut_within_15_seconds(live_web: Live) -> None:
    head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "
    body = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
    with ThreadPoolExecutor(3) as senders:
        lasted = list(senders.map(lambda start: trickle(live_web, start), (head, body, b"")))
    assert max(lasted) < 15


def trickle(live: Live, start: bytes) -> float:
    """Sends `start` and then a byte every second; the time until the server cuts the line."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", live.port), timeout=1) as wire:
        wire.sendall(start)
        while time.monotonic() - begun < 20:
            try:
                wire.sendall(b"a")
                if not wire.recv(1):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return time.monotonic() - begun


def test_a_defect_in_front_of_django_is_a_json_500() -> None:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", BROKEN, str(port)], cwd=ROOT)
    try:
        response = first_answer(f"http://127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait()
    assert (response.status_code, code(response)) == (500, "internal_error")
    assert "secret" not in response.text


def first_answer(url: str) -> httpx2.Response:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            return httpx2.get(url, timeout=10)
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def test_a_second_request_on_the_same_connection_is_served(live_web: Live) -> None:
    with httpx2.Client(base_url=live_web.url) as client:
        statuses = [client.post("/livez", content=b"x" * 9).status_code, client.get("/livez")]
    assert statuses[0] == 405
    assert isinstance(statuses[1], httpx2.Response)
    assert statuses[1].status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.100:7860", "[fe80::1]:80", "localhost:1"])
def test_addresses_of_a_local_network_are_answered(live_web: Live, host: str) -> None:
    assert httpx2.get(f"{live_web.url}/health", headers={"Host": host}).status_code == 200


def test_a_foreign_host_name_gets_a_json_400(live_web: Live) -> None:
    response = httpx2.get(f"{live_web.url}/health", headers={"Host": "evil.example"})
    assert (response.status_code, code(response)) == (400, "unknown_host")


@pytest.mark.parametrize("path", ["/nix", "/v1/nix/", "/v1/%2e%2e/x", "/%00", "/v1/%ff"])
def test_an_unknown_url_gets_a_json_404(live_web: Live, path: str) -> None:
    response = httpx2.post(live_web.url + path, json={})
    assert (response.status_code, code(response)) == (404, "unknown_url")


def test_an_unknown_page_gets_a_page(live_web: Live) -> None:
    response = httpx2.get(f"{live_web.url}/web/nix")
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_a_wrong_method_gets_a_json_405_naming_the_right_ones(live_web: Live) -> None:
    response = httpx2.delete(f"{live_web.url}/health")
    assert (response.status_code, code(response)) == (405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD"


def test_head_answers_without_a_body(live_web: Live) -> None:
    response = httpx2.head(f"{live_web.url}/health")
    assert (response.status_code, response.content) == (200, b"")


def test_options_answers_in_json(live_web: Live) -> None:
    assert httpx2.options(f"{live_web.url}/health").status_code == 405


def test_every_reply_names_its_request(live_web: Live) -> None:
    headers = {"x-request-id": "mine-1"}
    paths = ["/health", "/nix", "/static/nix.css", "/web/nix"]
    seen = {httpx2.get(live_web.url + p, headers=headers).headers["x-request-id"] for p in paths}
    assert seen == {"mine-1"}


def test_an_insane_request_id_is_replaced(live_web: Live) -> None:
    response = httpx2.get(f"{live_web.url}/livez", headers={"x-request-id": "<script>"})
    assert "<" not in response.headers["x-request-id"]


def test_a_guesser_reads_what_his_status_means(live_web: Live) -> None:
    # An address of its own, and more than two of the clock's minutes allow: limits count by both.
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address="127.0.4.29")) as guesser:
        wrong = {"X-Api-Key": "sk-alice-wrong"}
        replies = [guesser.get(f"{live_web.url}/v1/models", headers=wrong) for _ in range(41)]
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.reason_phrase for reply in refused} == {"Too Many Requests"}

"""The first picture goes the way of any client, and says what answered when none comes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from aliceproject import first_light
from tests.live import Live, free_port


class Desk(BaseHTTPRequestHandler):
    """A server that answers everything with one status and body."""

    answer: ClassVar[tuple[int, bytes]] = (200, b"{}")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def desk() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("[fe80::1]", "http://[fe80::1]:80"),
        ("alice.lan", "http://alice.lan:80"),
    ],
)
def test_the_local_address_of_a_bound_host(host: str, url: str) -> None:
    assert first_light.local_url(host, 80) == url


def test_waiting_ends_when_the_web_answers_anything(
    desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "answer", (503, b""))
    assert first_light.wait_for_web(desk, 10)


def test_waiting_gives_up() -> None:
    assert not first_light.wait_for_web(f"http://127.0.0.1:{free_port()}", 0.3)


def test_a_proxy_of_the_environment_is_not_asked(
    desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert first_light.wait_for_web(desk, 10)


def test_a_picture_is_drawn(desk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "answer", (200, b'{"data": [{"url": "x"}]}'))
    light = first_light.draw(desk, "key")
    assert light.answer == {"data": [{"url": "x"}]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, json.dumps({"error": {"message": "No model."}}).encode()), "HTTP 503: No model."),
        ((500, b"<html>"), "HTTP 500: <html>"),
        ((500, b'{"error": "x"}'), "HTTP 500"),
        ((200, b"not json"), "JSONDecodeError"),
    ],
)
def test_no_picture_says_why(
    answer: tuple[int, bytes], reason: str, desk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "answer", answer)
    with pytest.raises(first_light.NoLight, match=reason):
        first_light.draw(desk, "key")


def test_a_wrong_key_is_told_in_the_servers_words(live_web: Live) -> None:
    with pytest.raises(first_light.NoLight, match=r"HTTP 401: .*key"):
        first_light.draw(live_web.url, "sk-alice-wrong")

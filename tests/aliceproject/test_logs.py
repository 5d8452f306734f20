"""A log line can be neither forged nor hidden."""

import json
import logging
from collections.abc import Iterator

import pytest

from aliceproject.logs import REQUEST_ID, JsonFormatter, TextFormatter, Unexpected, configuration


@pytest.fixture(autouse=True)
def outside_requests() -> Iterator[None]:
    token = REQUEST_ID.set("")
    yield
    REQUEST_ID.reset(token)


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("alice.test", logging.INFO, "f", 1, message, None, None)
    made.__dict__.update(extra)
    return made


def test_json_is_one_ascii_line() -> None:
    line = JsonFormatter().format(record("a\nb\x1b[2J\u2028é"))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["message"] == "a\nb\x1b[2J\u2028é"


def test_json_carries_extra_data_and_the_request() -> None:
    token = REQUEST_ID.set("r-1")
    line = json.loads(JsonFormatter().format(record("x", data={"job": "j"})))
    REQUEST_ID.reset(token)
    assert (line["job"], line["request_id"]) == ("j", "r-1")


def test_json_carries_the_traceback() -> None:
    error = ValueError("because")
    made = record("x", exc_info=(ValueError, error, None))
    assert "ValueError: because" in json.loads(JsonFormatter().format(made))["exception"]


def test_text_escapes_what_moves_a_cursor() -> None:
    assert TextFormatter("%(message)s").format(record("a\r\nb\x1b[2J")) == r"a\r\nb\x1b[2J"


def test_no_line_of_a_traceback_can_pass_for_an_event() -> None:
    error = ValueError("a\x1b[2J\n2026-11-28 23:00:00,000 INFO    accounts: carol signed in\u2028b")
    made = record("x", exc_info=(ValueError, error, None))
    first, *rest = TextFormatter("%(message)s").format(made).split("\n")
    assert first == "x"
    assert [line for line in rest if not line.startswith("  ") or not line.isprintable()] == []


def test_text_ends_with_the_request() -> None:
    token = REQUEST_ID.set("r-1")
    line = TextFormatter("%(message)s").format(record("x"))
    REQUEST_ID.reset(token)
    assert line == "x [r-1]"


def test_a_file_is_written_beside_standard_error() -> None:
    made = configuration("info", "json", "/tmp/alice.log")
    assert made["root"]["handlers"] == ["standard_error", "file"]
    assert made["handlers"]["file"]["formatter"] == "json"


def test_back_pressure_is_no_error_but_a_crash_is() -> None:
    crash = record("x", status_code=503, exc_info=(ValueError, ValueError(), None))
    passed = [Unexpected().filter(r) for r in (record("x", status_code=503), crash)]
    assert passed == [False, True]
    assert Unexpected().filter(record("x", status_code=500))

"""Places as words in URLs: ours lead back, and all others are refused before a database sees them."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from accounts import cursors
from accounts.problems import Invalid

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def word(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_gives_its_place_back() -> None:
    key = uuid4()
    assert cursors.read(cursors.write(NOON, key.hex), UUID) == (NOON, key)


def test_a_moment_comes_back_in_utc() -> None:
    east = NOON.astimezone(timezone(timedelta(hours=5, seconds=1.5)))
    at, _ = cursors.read(cursors.write(east, "7"), int)
    assert (at, at.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-28",
        "2026-11-28T12:00:00~7",
        "2026-11-28T12:00:00+00:00~",
        "2026-11-28T12:00:00+00:00~x",
        "0001-01-01T00:00:00+14:00~7",
        "9999-12-31T23:59:59-14:00~7",
    ],
)
def test_what_nobody_was_given_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        cursors.read(word(text), int)
    assert refused.value.param == "cursor"

"""Opaque words for URLs: a place in a list that goes by time, and by a key where times are equal."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from accounts.problems import Invalid

Key = TypeVar("Key")


def write(at: datetime, key: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}~{key}".encode()).decode().rstrip("=")


def read(cursor: str, key_of: Callable[[str], Key]) -> tuple[datetime, Key]:
    """What `write` was given, the moment in UTC. Raises Invalid for what it never made.

    `key_of` raises ValueError for what is no key.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, _, key = base64.urlsafe_b64decode(padded).decode("ascii").partition("~")
        return _utc(moment), key_of(key)
    except (ValueError, OverflowError):
        raise Invalid("This cursor is not one of ours.", param="cursor") from None


def _utc(moment: str) -> datetime:
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError(moment)
    # As databases keep it: not all of them put every offset and every year right themselves.
    return at.astimezone(UTC)

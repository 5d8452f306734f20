"""Reading JSON as RFC 8259 has it: UTF-8, finite numbers, one value a key, an object at the top."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from accounts.problems import Invalid, WrongType

MAX_QUOTED = 80
# Lists, objects and their members in one body, however small: each takes two bytes there, and thirty
# times as many in memory. A picture in base64 is one of them.
MOST_PIECES = 200_000
# Deeper than anybody nests, and shallower than what copies, compares or tells of it can follow.
MOST_DEPTH = 100


def read(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object; raises WrongType (415) or Invalid (invalid_json)."""
    kind = request.content_type or ""
    if kind != "application/json" and not kind.endswith("+json"):
        raise WrongType("Send JSON, with the header Content-Type: application/json.")
    return parse(request.body)


def parse(raw: bytes) -> dict[str, Any]:
    if sum(raw.count(mark) for mark in (b"[", b"{", b",")) > MOST_PIECES:
        raise _unreadable("it has too many values")
    try:
        value = json.loads(
            raw.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as error:
        raise _unreadable(f"not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise _unreadable("nested too deeply") from error
    except ValueError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(value, dict):
        raise _unreadable("an object was expected at the top")
    if _deep(value):
        raise _unreadable("nested too deeply")
    return value


class StrictJSONParser(BaseParser):
    """The same reading for every view of REST framework."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return parse(stream.read())


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return False
    return True


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:MAX_QUOTED]} is too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None: the key is new
        raise ValueError(f"the key {twice[:MAX_QUOTED]!r} appears twice")
    return result


def _unreadable(reason: str) -> Invalid:
    return Invalid(f"The body is not valid JSON: {reason}.", code="invalid_json")

"""Reading what strangers send: whatever is not as expected becomes nothing, text becomes plain."""

import html
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.problems import Invalid
from modelhub import addresses

MOST_HTML = 65536
MOST_PREVIEW = 2000
LARGEST = 2**63 - 1
# Lists and objects in one answer, however small: each takes two bytes there, and thirty times as
# many in memory. The largest that catalogues send have some fifty thousand.
MOST_NESTED = 200_000
BREAKS = frozenset(
    {"p", "br", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote"}
)  # fmt: skip
# Their content is no text at all.
SILENT = frozenset({"script", "style", "template", "iframe", "noscript"})
# How a tag begins behind its bracket; declarations have no name.
TAG = re.compile(r"(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,20})|[!?]")


class Swollen(ValueError):
    """JSON that would take far more memory than its length tells."""


def json_of(told: bytes) -> Any:
    """What an answer holds. Raises ValueError, Swollen too, or RecursionError."""
    if told.count(b"[") + told.count(b"{") > MOST_NESTED:
        raise Swollen
    return json.loads(told)


def line(value: Any, most: int) -> str:
    """Text in one line of at most `most` characters; numbers are told as text, the rest is ""."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) <= LARGEST else ""
    if not isinstance(value, str):
        return ""
    return " ".join(printable(value[: 8 * most]).split())[:most].strip()


def printable(text: str) -> str:
    """Without control characters, those that turn the direction of writing, and half characters."""
    kept = (c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)
    return unicodedata.normalize("NFC", "".join(kept))


def prose(value: Any, most: int) -> str:
    """HTML as text with its paragraphs; at most `most` characters."""
    if not isinstance(value, str):
        return ""
    told = printable("".join(_texts(_without_comments(value[:MOST_HTML]))))
    lines = (" ".join(each.split()) for each in told.split("\n"))
    return "\n".join(each for each in lines if each)[:most].strip()


def _without_comments(markup: str) -> str:
    first, *rest = markup.split("<!--")
    return first + "".join(each.partition("-->")[2] for each in rest)


def _texts(markup: str) -> Iterator[str]:
    """What stands between tags, which are told by their brackets alone: each character is looked at
    once, whatever is not closed. What is left of odd ones is text, and shown as such.
    """
    first, *rest = markup.split("<")
    yield html.unescape(first)
    silent = ""
    for each in rest:
        tag, closed, text = each.partition(">")
        found = TAG.match(tag) if closed else None
        name = (found["name"] or "").lower() if found else ""
        if not found:
            text = f"<{each}"
        elif silent:
            silent = "" if found["end"] and name == silent else silent
        elif name in SILENT and not found["end"]:
            silent = "" if tag.endswith("/") else name
        elif name in BREAKS:
            yield "\n"
        if not silent:
            yield html.unescape(text)


def whole(value: Any) -> int:
    """A count; 0 for what is none."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    return value if fits else 0


def number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: Any, most: int) -> Iterator[Mapping[str, Any]]:
    """The first `most` objects of a list."""
    if isinstance(value, list):
        yield from (each for each in value[:most] if isinstance(each, dict))


def names(value: Any, most: int, longest: int) -> tuple[str, ...]:
    """The first `most` texts of a list, each once."""
    found = (line(each, longest) for each in (value if isinstance(value, list) else [])[:most])
    return tuple(dict.fromkeys(filter(None, found)))


def sha256(value: Any) -> str:
    """A digest as we write it; "" for what is none."""
    digest = value.lower() if isinstance(value, str) and len(value) == 64 else ""
    return digest if set(digest) <= set("0123456789abcdef") else ""


def address(value: Any) -> str:
    """An http or https URL that our server may be asked to open later; "" for anything else."""
    if not isinstance(value, str) or len(value) > MOST_PREVIEW:
        return ""
    try:
        addresses.parse(value)
    except Invalid:
        return ""
    return value

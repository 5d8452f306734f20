"""The query of a list of pictures, read word by word."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.http import QueryDict

from accounts.bodies import YEAR_9999
from accounts.problems import Invalid
from gallery.curating import MOST_TAGS, clean_tag
from gallery.queries import Filter

LONGEST_SEARCH = 200
LONGEST_MODEL = 255
# As ISO 8601 has it with microseconds and a zone, and to spare: what follows is not for long texts.
LONGEST_MOMENT = 64
# In Unix seconds, as YEAR_9999: farther ones are no dates to databases.
YEAR_1 = -62_135_596_800
FLAGS = {"true": True, "1": True, "false": False, "0": False}
PAGING = frozenset({"cursor", "limit", "offset"})


def text(given: QueryDict, name: str, longest: int) -> str:
    """A word without NUL, which no database keeps."""
    value = given.get(name, "")
    if len(value) > longest or "\x00" in value:
        raise Invalid(f"{name}: at most {longest} characters.", param=name)
    return value


def flag(given: QueryDict, name: str) -> bool:
    word = given.get(name, "").lower()
    if word not in FLAGS:
        raise Invalid(f"{name} must be true or false.", param=name)
    return FLAGS[word]


def whole(given: QueryDict, name: str, default: int, most: int) -> int:
    """A whole number from 0 to `most`."""
    word = given.get(name, str(default))
    # Digits of other scripts are numbers to int(); a long run of digits costs time to read.
    if not (word.isascii() and word.isdigit() and len(word) <= len(str(most))) or int(word) > most:
        raise Invalid(f"{name} must be a whole number from 0 to {most}.", param=name)
    return int(word)


def moment(given: QueryDict, name: str) -> datetime:
    """Unix seconds or ISO 8601, in UTC where it names no zone."""
    word = given.get(name, "").strip()
    wrong = Invalid(f"{name} must be a time in Unix seconds or ISO 8601.", param=name)
    if len(word) > LONGEST_MOMENT:
        raise wrong
    try:
        # A plus sign arrives as a space in a query that was not encoded.
        iso = re.sub(r"(T.*) (\d\d:?\d\d)$", r"\1+\2", word)
        found = _by_seconds(word) or datetime.fromisoformat(iso)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def _by_seconds(word: str) -> datetime | None:
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,9})?", word, re.ASCII):
        return None
    seconds = float(word)
    if not YEAR_1 <= seconds <= YEAR_9999 or math.isnan(seconds):
        raise ValueError(word)
    return datetime.fromtimestamp(seconds, UTC)


def _tags(given: QueryDict, name: str) -> tuple[str, ...]:
    words = [word for word in given.get(name, "").split(",") if word.strip()]
    if len(words) > MOST_TAGS:
        raise Invalid(f"tags: at most {MOST_TAGS}.", param=name)
    return tuple(dict.fromkeys(clean_tag(word) for word in words))


def _album(given: QueryDict, name: str) -> UUID:
    try:
        return UUID(given.get(name, ""))
    except ValueError:
        raise Invalid("album must be the id of an album.", param=name) from None


def _size(given: QueryDict, name: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", given.get(name, ""), re.ASCII)
    if found is None:
        raise Invalid("size must be WIDTHxHEIGHT in pixels.", param=name)
    return int(found[1]), int(found[2])


def _search(given: QueryDict, name: str) -> str:
    words = {text(given, key, LONGEST_SEARCH) for key in ("q", "search") if key in given}
    if len(words) > 1:
        raise Invalid("q and search say different things.", param="q")
    return words.pop()


READERS: Mapping[str, tuple[str, Callable[[QueryDict, str], Any]]] = MappingProxyType(
    {
        "include_public": ("public", flag),
        "include_private": ("private", flag),
        "search": ("search", _search),
        "q": ("search", _search),
        "tags": ("tags", _tags),
        "model": ("model", lambda given, name: text(given, name, LONGEST_MODEL)),
        "since": ("since", moment),
        "until": ("until", moment),
        "favourite": ("favourite", flag),
        "album": ("album", _album),
        "mine": ("mine", flag),
        "size": ("size", _size),
    }
)
KNOWN = frozenset(READERS) | PAGING


def read(given: QueryDict) -> Filter:
    """What a query asks for; raises Invalid naming the word that makes no sense."""
    return Filter(
        **{field: read(given, name) for name, (field, read) in READERS.items() if name in given}
    )


def ignored(given: QueryDict) -> str:
    """The words of a query that mean nothing here, as one line for a header."""
    line = ", ".join(sorted(set(given) - KNOWN))
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in line)[:1000]

"""A wall of prints as its address asks for it: which pictures, and from where on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.http import QueryDict

from accounts.models import User
from accounts.problems import Invalid
from gallery import curating, queries
from gallery.models import SHOWN, Album, Image, Tag
from gallery.queries import Filter

PAGE_SIZE = 48
LONGEST_TEXT = 200
CHIPS = 14
# Models, sizes and tags are offered from so many newest pictures alone.
RECENT = 500
WORDS = ("q", "tag", "model", "since", "until", "size", "favourite", "whose")

# What a person may ask for: the word in the address, its label, and what it means to a Filter.
WHOSE: Mapping[str, tuple[str, dict[str, Any]]] = {
    "": ("All of mine", {"mine": True}),
    "private": ("Private", {"mine": True, "public": False}),
    "shared": ("Shared by me", {"mine": True, "private": False}),
    "others": ("Shared by others", {"others": True}),
}


@dataclass(frozen=True, slots=True)
class Newest:
    """`tags` with how many of these pictures carry each; `whole`: there are no other pictures."""

    whole: bool
    models: set[str]
    sizes: set[tuple[int, int]]
    tags: dict[str, int]


@dataclass(frozen=True, slots=True)
class Chip:
    """A tag to narrow the wall by, or to let go of."""

    name: str
    count: int | None
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, read."""

    given: QueryDict
    search: str
    tags: tuple[str, ...]
    model: str
    since: date | None
    until: date | None
    size: tuple[int, int] | None
    favourite: bool
    whose: str

    @property
    def narrowed(self) -> int:
        """By how many conditions."""
        single = (self.search, self.model, self.since or self.until, self.size, self.favourite)
        return len(self.tags) + sum(map(bool, (*single, self.whose)))

    @property
    def folded(self) -> int:
        """How many of them stand in the folded part of the form."""
        return sum(map(bool, (self.model, self.size, self.since, self.until)))

    def filter(self, album: Album | None = None) -> Filter:
        """What it asks of the gallery; an album holds its owner's choice, whoever made it."""
        whose = {} if album and not self.whose else WHOSE[self.whose][1]
        return Filter(
            search=self.search,
            tags=self.tags,
            model=self.model,
            since=_midnight(self.since),
            until=_midnight(self.until and self.until + timedelta(days=1)),
            size=self.size,
            favourite=True if self.favourite else None,
            album=album.pk if album else None,
            **whose,
        )

    def address(self, **changes: str | list[str] | None) -> str:
        """The same question with `changes`, from its first page on; None takes a word away."""
        words = self.given.copy()
        words.pop("cursor", None)
        for name, value in changes.items():
            words.pop(name, None)
            if value is not None:
                words.setlist(name, [value] if isinstance(value, str) else value)
        return f"?{words.urlencode()}"


@dataclass(frozen=True, slots=True)
class Wall:
    """A page of prints and everything its filter bar offers."""

    asked: Asked
    images: list[Image]
    older: str | None
    later_page: bool
    chips: list[Chip]
    models: list[str]
    sizes: list[tuple[int, int]]
    whose: list[tuple[str, str]]


def wall(given: QueryDict, user: User, album: Album | None = None) -> Wall:
    """The page that `given` asks for. Raises Invalid for what no form of ours sends."""
    asked = read(given)
    cursor = given.get("cursor") or None
    page = queries.page_of(user, cursor, PAGE_SIZE, wanted=asked.filter(album))
    found = newest(user)
    return Wall(
        asked=asked,
        images=page.images,
        older=asked.address(cursor=page.cursor) if page.cursor else None,
        later_page=cursor is not None,
        chips=_chips(found, asked, counting=album is None),
        models=sorted(found.models | ({asked.model} - {""})),
        sizes=sorted(found.sizes | ({asked.size} if asked.size else set())),
        whose=[(word, label) for word, (label, _) in WHOSE.items()],
    )


def read(given: QueryDict) -> Asked:
    """Raises Invalid, naming the word it cannot read."""
    whose = given.get("whose", "")
    if whose not in WHOSE:
        raise Invalid("There is no such part of the gallery.", param="whose")
    return Asked(
        given=_known(given),
        search=_text(given, "q"),
        tags=_tags(given),
        model=_text(given, "model"),
        since=_day(given, "since"),
        until=_day(given, "until"),
        size=_size(given),
        favourite=bool(given.get("favourite")),
        whose=whose,
    )


def _known(given: QueryDict) -> QueryDict:
    """Only our words, and no empty ones: an address stays short enough to send to a friend."""
    kept = QueryDict(mutable=True)
    for name in WORDS:
        kept.setlist(name, [value for value in given.getlist(name) if value])
        if not kept.getlist(name):
            del kept[name]
    return kept


def _text(given: QueryDict, name: str) -> str:
    return _checked(given.get(name, "").strip(), name)


def _checked(text: str, name: str) -> str:
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise Invalid(f"{name}: at most {LONGEST_TEXT} characters.", param=name)
    return text


def _tags(given: QueryDict) -> tuple[str, ...]:
    """As the API reads them: in the spelling that tags are kept in, and no more than one may have."""
    return curating.clean_tags([name for name in given.getlist("tag") if name.strip()]).names


def _day(given: QueryDict, name: str) -> date | None:
    text = given.get(name, "")
    try:
        # Tomorrow must exist too, for the end of the day.
        return date.fromisoformat(text) + timedelta(days=1) - timedelta(days=1) if text else None
    except (ValueError, OverflowError):
        raise Invalid(f"{name} must be a date such as 2026-01-31.", param=name) from None


def _size(given: QueryDict) -> tuple[int, int] | None:
    text = given.get("size", "")
    width, _, height = text.partition("x")
    if not text:
        return None
    if not all(side.isascii() and side.isdigit() and len(side) <= 5 for side in (width, height)):
        raise Invalid("size must be such as 512x768.", param="size")
    return int(width), int(height)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=UTC) if day else None


def newest(user: User) -> Newest:
    """What there is among the newest pictures: no page reads through a whole gallery."""
    mine = Image.objects.filter(SHOWN, owner=user)
    rows = mine.values_list("pk", "model", "width", "height")[:RECENT]
    tags = Tag.objects.filter(image__in=[row[0] for row in rows]).order_by()
    return Newest(
        whole=len(rows) < RECENT,
        models={row[1] for row in rows},
        sizes={(row[2], row[3]) for row in rows},
        tags=dict(tags.values_list("name").annotate(count=Count("pk"))),
    )


def _chips(found: Newest, asked: Asked, *, counting: bool) -> list[Chip]:
    """The chosen tags first, then the most frequent ones; a count is of the whole gallery."""
    counts = found.tags
    frequent = sorted(counts, key=lambda name: (-counts[name], name))
    names = [*asked.tags, *(name for name in frequent if name not in asked.tags)]
    told = counts if counting and found.whole else {}
    return [_chip(name, told.get(name), asked) for name in names[: CHIPS + len(asked.tags)]]


def _chip(name: str, count: int | None, asked: Asked) -> Chip:
    chosen = name in asked.tags
    others = [tag for tag in asked.tags if tag != name]
    address = asked.address(tag=others if chosen else [*others, name])
    return Chip(name, count, chosen, address)

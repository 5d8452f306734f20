"""Reading the audit log: which entries, newest first, a page at a time or all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Self

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from accounts import cursors
from accounts.audit import Action
from accounts.models import AuditEntry, User
from accounts.problems import Invalid

NEWEST_FIRST = ("-at", "-pk")
# How many entries one page reads through where no single index knows what is asked for.
FAR, BATCH = 20_000, 2_000
KNOWN = frozenset(action.value for action in Action)
LONGEST = {"actor": 150, "target": 300, "address": 64}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; what is empty asks for nothing.

    `actor`: the name the one who acted had; `target`: what was acted on, such as ("user", "5");
    `since` <= the moment < `until`.
    """

    action: str = ""
    actor: str = ""
    target: tuple[str, str] | None = None
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Place:
    """An entry's position."""

    at: datetime
    pk: int

    def cursor(self) -> str:
        """An opaque word for URLs."""
        return cursors.write(self.at, str(self.pk))

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises Invalid for anything that cursor() did not make."""
        return cls(*cursors.read(cursor, _key))


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `cursor` opens the next page, None on the last."""

    entries: list[AuditEntry]
    cursor: str | None


def wanted(
    action: str = "",
    actor: str = "",
    target: str = "",
    address: str = "",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Wanted:
    """What was asked for in words. `target` is `type:id`, or the name of a user.

    Raises Invalid with its `param`.
    """
    for name, text in (("actor", actor), ("target", target), ("address", address)):
        if len(text) > LONGEST[name] or not text.isprintable():
            raise Invalid(f"{name}: at most {LONGEST[name]} printable characters.", param=name)
    if action and action not in KNOWN:
        raise Invalid(f"Unknown action {action!r}.", param="action")
    return Wanted(action, actor, _target(target) if target else None, address, since, until)


def page_of(wanted: Wanted = EVERYTHING, cursor: str | None = None, limit: int = 50) -> Page:
    """`limit` entries at most; it costs the same at any depth.

    Where several things are asked for at once and little was found among many entries, a page ends
    early, for the next one to go on.
    """
    before = Place.parse(cursor) if cursor else None
    first, others = _conditions(wanted)
    rows = AuditEntry.objects.filter(first).order_by(*NEWEST_FIRST)
    if others is None:
        found = list(_before(rows, before)[: limit + 1])
        return Page(found[:limit], _place(found[limit - 1]).cursor() if found[limit:] else None)
    return _sifted(rows, others, before, limit)


def walk(wanted: Wanted = EVERYTHING, batch: int = BATCH) -> Iterator[list[AuditEntry]]:
    """Every entry that was there when it began, some at a time: the memory of one batch."""
    cursor: str | None = None
    while True:
        page = page_of(wanted, cursor, batch)
        if page.entries:
            yield page.entries
        if page.cursor is None:
            return
        cursor = page.cursor


def _target(text: str) -> tuple[str, str]:
    kind, colon, key = text.partition(":")
    if colon and kind and key:
        return kind, key
    user = User.objects.filter(username=text).first()
    if user is None:
        raise Invalid("target: the name of a user, or type:id such as image:…", param="target")
    return "user", str(user.pk)


def _conditions(wanted: Wanted) -> tuple[Q, Q | None]:
    """What an index is asked for, and what is left to look at in each entry it finds.

    The rarest comes first: there are fewer entries of one target than of one action.
    """
    asked = [
        Q(target_type=wanted.target[0], target_id=wanted.target[1]) if wanted.target else None,
        Q(address=wanted.address) if wanted.address else None,
        Q(actor_name=wanted.actor) if wanted.actor else None,
        Q(action=wanted.action) if wanted.action else None,
    ]
    first, *others = [q for q in asked if q is not None] or [Q()]
    if wanted.since:
        first &= Q(at__gte=wanted.since)
    if wanted.until:
        first &= Q(at__lt=wanted.until)
    return first, reduce(and_, others) if others else None


def _sifted(rows: QuerySet[AuditEntry], others: Q, before: Place | None, limit: int) -> Page:
    fits = ExpressionWrapper(others, output_field=BooleanField())
    marked = rows.annotate(fits=fits).values_list("at", "pk", "fits")
    found: list[Place] = []
    last: Place | None = before
    for _ in range(FAR // BATCH):
        batch = [(Place(at, pk), fit) for at, pk, fit in _before(marked, last)[:BATCH]]
        found += [place for place, fit in batch if fit]
        if len(found) > limit or len(batch) < BATCH:
            last = found[limit - 1] if len(found) > limit else None
            break
        last = batch[-1][0]
    entries = AuditEntry.objects.in_bulk([place.pk for place in found[:limit]])
    shown = [entries[place.pk] for place in found[:limit]]
    return Page(shown, last.cursor() if last else None)


def _before(rows: QuerySet, place: Place | None) -> QuerySet:  # type: ignore[type-arg] # of entries or of values
    if place is None:
        return rows
    # In this shape the first part alone bounds what is read of an index.
    return rows.filter(Q(at__lt=place.at) | Q(pk__lt=place.pk), at__lte=place.at)


def _key(text: str) -> int:
    key = int(text)
    if not 0 <= key < 2**63:
        raise ValueError(text)
    return key


def _place(entry: AuditEntry) -> Place:
    return Place(entry.at, entry.pk)

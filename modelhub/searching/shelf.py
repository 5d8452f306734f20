"""What catalogues answered, kept as rows: used again while fresh, and searched without them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from modelhub.models import Found, Search
from modelhub.searching.finds import Question, Reply, folded

KEPT = timedelta(days=90)
MOST_FOUND = 20_000
MOST_SEARCHES = 5000
# What is looked for in words; more of them only cost time.
MOST_WORDS = 12
BATCH = 100
KEY = ("source", "external_id")
COLUMNS = (
    "name", "kind", "base_model", "author", "description", "downloads", "rating", "tags", "words",
    "nsfw", "versions", "preview", "fetched_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of finds. `offline`: the catalogue was not asked; `note`: what is to be said of it."""

    finds: Sequence[Found]
    has_more: bool
    fetched_at: datetime
    offline: bool = False
    note: str = ""


def kept(question: Question, within: timedelta = KEPT) -> Search | None:
    """The answer this very question got, if it is no older than that."""
    return Search.objects.filter(
        source=question.source,
        digest=digest(question),
        fetched_at__gt=timezone.now() - within,
    ).first()


def fresh() -> timedelta:
    """How old an answer may be that is used again."""
    return timedelta(hours=settings.ALICE_SEARCH_CACHE_HOURS)


def digest(question: Question) -> str:
    asked = asdict(question) | {"query": question.query.casefold(), "types": sorted(question.types)}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def keep(question: Question, reply: Reply) -> Search:
    """Rows for what was found, and the question with its answer."""
    now = timezone.now()
    rows = [
        Found(source=question.source, fetched_at=now, **find.row())
        # In one order everywhere: two searches at once must not wait for each other.
        for find in sorted(reply.finds, key=lambda find: find.external_id)
    ]
    Found.objects.bulk_create(
        rows, BATCH, update_conflicts=True, unique_fields=KEY, update_fields=COLUMNS
    )
    search, _ = Search.objects.update_or_create(
        source=question.source,
        digest=digest(question),
        defaults={
            "found": [find.external_id for find in reply.finds],
            "has_more": bool(reply.onward),
            "onward": reply.onward,
            "fetched_at": now,
        },
    )
    return search


def shown(question: Question, search: Search, note: str = "") -> Shown:
    """The finds of an answer in its order, without those that were not asked for."""
    rows = Found.objects.filter(source=search.source, external_id__in=search.found)
    known = {row.external_id: row for row in rows if question.nsfw or not row.nsfw}
    finds = [known[name] for name in search.found if name in known]
    return Shown(finds, search.has_more, search.fetched_at, offline=bool(note), note=note)


def offline(question: Question, note: str = "") -> Shown:
    """What earlier searches found: every word in name, author, base model or tags."""
    rows = Found.objects.filter(source=question.source)
    if not question.nsfw:
        rows = rows.filter(nsfw=False)
    if question.types:
        rows = rows.filter(kind__in=question.types)
    for word in folded(question.query).split()[:MOST_WORDS]:
        rows = rows.filter(words__contains=word)
    start = (question.page - 1) * question.limit
    found = list(rows.order_by("-downloads", "pk")[start : start + question.limit + 1])
    oldest = min((row.fetched_at for row in found), default=timezone.now())
    more = len(found) > question.limit
    return Shown(found[: question.limit], more, oldest, offline=True, note=note)


def tidy() -> None:
    """Forget what is old or too much; a search asks for it again."""
    Search.objects.filter(fetched_at__lt=timezone.now() - KEPT).delete()
    for model, most in ((Search, MOST_SEARCHES), (Found, MOST_FOUND)):
        newest = model.objects.order_by("-fetched_at", "-pk")
        if limit := newest[most : most + 1].first():
            model.objects.filter(fetched_at__lte=limit.fetched_at).delete()

"""Rows of models, brought in line with what was seen: the only code that adds or moves them.

A row keeps what staff decided for as long as the model can be recognised: at its path, at another
path by its files' sizes and times or later by their digest, or by its name when another file takes
the place of one that is gone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from modelhub import naming, walking
from modelhub.detection import Detected, detect
from modelhub.fingerprints import weights_of
from modelhub.kinds import Kind
from modelhub.models import CatalogModel
from modelhub.naming import Place

State = CatalogModel.State
FACTS = (
    "layout", "kind", "family", "variant", "prediction_type", "native_resolution", "size_bytes",
    "precision", "trigger_words", "metadata", "sidecar", "sidecar_problem", "state", "detail",
)  # fmt: skip
KEPT = (*FACTS, "path", "public_id", "fingerprint", "changed_at", "seen_at")
# What a damaged file does not say any more, and its row still knows.
IDENTITY = ("kind", "family", "variant", "prediction_type", "native_resolution", "precision")
# What was made from the files as they were.
STALE: dict[str, Any] = {
    "sha256": "", "duplicate_of": None, "converted_path": "", "converted_bytes": 0,
    "conversion_problem": "", "memory_bytes": None,
}  # fmt: skip
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """A model in the folder; `found` is None where its fingerprint is that of its row."""

    path: str
    is_folder: bool
    fingerprint: str
    found: Detected | None


class _Book:
    """One reading of the table, and what becomes of its rows."""

    def __init__(self, root: Path, seen: Iterable[Seen]) -> None:
        self.root = root
        self.seen = {one.path: one for one in seen}
        # Locked: whoever wants a model deleted meanwhile comes before or after.
        self.rows = {row.path: row for row in CatalogModel.objects.select_for_update()}
        self.news: dict[str, list[CatalogModel]] = {}
        self.digests: set[str] = set()
        self.stale: set[str] = set()

    def gone(self, row: CatalogModel) -> bool:
        """Not seen, and not there either: another process may have brought it since the walk."""
        away = row.path not in self.seen and row.state != State.DELETING
        return away and not walking.holds(self.root, self.root / row.path)

    def tell(self, group: str, row: CatalogModel) -> None:
        self.news.setdefault(group, []).append(row)


def bring_in_line(
    root: Path, seen: Iterable[Seen], *, whole: bool
) -> dict[str, list[CatalogModel]]:
    """Group -> rows: added, changed, moved, missing, unchanged. In a transaction, alone.

    `whole`: `seen` is all there is, and rows of anything else are missing.
    """
    book = _Book(root, seen)
    moved = _move(book)
    for one in book.seen.values():
        _keep(book, one, moved)
    if whole:
        _mark_missing(book)
    _name(book)
    _save(book)
    for digest in book.digests - {""}:
        relate(digest)
    return book.news


def keep_digest(row: CatalogModel, digest: str) -> CatalogModel:
    """The row with its SHA-256; the row it was before, where the same file had one elsewhere."""
    root = Path(settings.ALICE_MODELS_DIR)
    before = (
        CatalogModel.objects.filter(sha256=digest, kind=row.kind, state=State.MISSING)
        .exclude(pk=row.pk)
        .first()
    )
    if before and not walking.holds(root, root / before.path):
        row = _follow(before, row)
    CatalogModel.objects.filter(pk=row.pk).update(sha256=digest)
    row.sha256 = digest
    relate(digest)
    return row


def relate(digest: str) -> None:
    """Of models with the same content the oldest is the original, the others are duplicates."""
    every = CatalogModel.objects.filter(sha256=digest)
    first = every.exclude(state=State.MISSING).order_by("created_at", "pk").first()
    others = every.exclude(state=State.MISSING).exclude(pk=first.pk) if first else every.none()
    every.exclude(pk__in=others.values("pk")).update(duplicate_of=None)
    others.update(duplicate_of=first)


def _follow(before: CatalogModel, now: CatalogModel) -> CatalogModel:
    """The old row goes where the new one is, with all that hangs on either."""
    for name in KEPT:
        setattr(before, name, getattr(now, name))
    now.aliases.update(model=before)
    now.downloads.update(model=before)
    before.source = now.source or before.source
    now.delete()
    before.save()
    return before


def _move(book: _Book) -> set[str]:
    """Rows whose files lie elsewhere now; the paths they have come to."""
    by_mark: dict[str, list[CatalogModel]] = {}
    by_name: dict[str, CatalogModel] = {}
    for row in book.rows.values():
        by_mark.setdefault(weights_of(row.fingerprint), []).append(row)
        by_name[row.public_id] = row
    moved = set()
    for one in [one for one in book.seen.values() if one.path not in book.rows]:
        same = [row for row in by_mark.get(weights_of(one.fingerprint), ()) if book.gone(row)]
        named = by_name.get(naming.first_choice(_place(one)))
        if len(same) == 1:
            row = same[0]
            moved.add(one.path)
        elif named and book.gone(named):
            row = named
        else:
            continue
        del book.rows[row.path]
        row.path = one.path
        book.rows[one.path] = row
    return moved


def _place(one: Seen) -> Place:
    return Place(one.path, one.found.kind if one.found else Kind.CHECKPOINT, one.is_folder)


def _keep(book: _Book, one: Seen, moved: set[str]) -> None:
    row = book.rows.get(one.path)
    if row and row.state == State.DELETING:
        return
    same = row and row.fingerprint == one.fingerprint and row.state != State.MISSING
    if row and same and one.path not in moved:
        book.tell("unchanged", row)
        return
    found = one.found or detect(book.root / one.path, book.root)
    facts = _facts(found, one, row)
    if row is None:
        row = CatalogModel(path=one.path, fingerprint=one.fingerprint, **facts)
        book.rows[one.path] = row
        book.tell("added", row)
        return
    differs = any(getattr(row, name) != value for name, value in facts.items())
    if weights_of(row.fingerprint) != weights_of(one.fingerprint) and row.fingerprint:
        differs = True
        book.digests.add(row.sha256)
        facts |= STALE
        book.stale.add(one.path)
    for name, value in facts.items():
        setattr(row, name, value)
    row.fingerprint = one.fingerprint
    if differs:
        row.changed_at = timezone.now()
    group = "moved" if one.path in moved else "changed" if differs else "unchanged"
    book.digests.add(row.sha256)
    book.tell(group, row)


def _facts(found: Detected, one: Seen, row: CatalogModel | None) -> dict[str, Any]:
    facts = {name: getattr(found, name) for name in FACTS}
    facts["family"] = found.family or ""
    facts["trigger_words"] = list(found.trigger_words)
    if found.state == State.CORRUPT and found.family is None:
        known = {name: getattr(row, name) for name in IDENTITY} if row else {}
        facts |= known or {"kind": naming.kind_by_folder(one.path)}
    return facts


def _mark_missing(book: _Book) -> None:
    for row in book.rows.values():
        if row.state != State.MISSING and book.gone(row):
            row.state, row.detail = State.MISSING, f"not found in {book.root}"
            book.digests.add(row.sha256)
            book.tell("missing", row)


def _name(book: _Book) -> None:
    """Ids by the rule, for all; rows that change theirs step aside first, so that two may swap."""
    places = [
        Place(row.path, Kind(row.kind), row.layout == CatalogModel.Layout.DIFFUSERS)
        for row in book.rows.values()
    ]
    ids = naming.public_ids(places)
    for row in book.rows.values():
        if row.pk and row.public_id != ids[row.path]:
            CatalogModel.objects.filter(pk=row.pk).update(public_id=f"~{row.pk}")
            if row in book.news.get("unchanged", ()):
                book.news["unchanged"].remove(row)
            if not any(row in group for group in book.news.values()):
                book.tell("changed", row)
        row.public_id = ids[row.path]


def _save(book: _Book) -> None:
    now = timezone.now()
    unchanged = [row.pk for row in book.news.get("unchanged", ())]
    for start in range(0, len(unchanged), AT_ONCE):
        CatalogModel.objects.filter(pk__in=unchanged[start : start + AT_ONCE]).update(seen_at=now)
    for group in ("missing", "changed", "moved"):
        for row in book.news.get(group, ()):
            row.seen_at = row.seen_at if row.state == State.MISSING else now
            row.save(update_fields=[*KEPT, *(STALE if row.path in book.stale else ())])
    CatalogModel.objects.bulk_create(book.news.get("added", ()), batch_size=AT_ONCE)

"""What people do to downloads: ask for one, cancel, take up again, forget. Each a write of one row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.audit import Action
from accounts.problems import Invalid
from modelhub import disk
from modelhub.downloads import bell, places, telling
from modelhub.kinds import Kind
from modelhub.models import Download, Source
from modelhub.sources import ORIGINS
from modelhub.sources.contract import Wish

Status = Download.Status
# After these, what was planned or came is of no use: the source is asked anew.
STALE = frozenset(
    {"checksum_mismatch", "size_mismatch", "source_changed", "source_not_found",
     "unsupported_model_format", "source_sent_a_page"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A model somebody wants. `ref` as its source reads it; `force` replaces one of that name."""

    source: str
    ref: Mapping[str, Any]
    kind: str = ""
    force: bool = False


class WrongState(Invalid):
    code = "invalid_state"


@disk.named()
def start(asked: Asked, by: audit.Source = audit.SYSTEM) -> Download:
    """The row of a new download, or of the one under way that fetches the same in the same way.

    Raises Invalid or Forbidden for what can never be fetched, `already_exists` for a taken name,
    DiskDown where the models folder cannot be read.
    """
    wish = _wish(asked)
    for found in _alike(asked, Download.OPEN):
        if found.force == asked.force and asked.kind in {"", found.kind}:
            return found
    with transaction.atomic():
        if wish.takes:
            places.check_no_shelf(wish.takes, asked.kind)
        if wish.takes and not asked.force:
            places.check_free(wish.takes, asked.kind)
        download = Download.objects.create(
            source=asked.source,
            asked=dict(wish.asked),
            name=wish.name[:255],
            kind=asked.kind,
            target=wish.takes,
            force=asked.force,
            created_by=by.user,
        )
        audit.record(Action.MODEL_DOWNLOAD_ASKED, by, download, name=download.name,
                     source=asked.source, force=asked.force)  # fmt: skip
        _on_commit()
    return download


def same(asked: Asked, statuses: tuple[Download.Status, ...]) -> Download | None:
    """The newest download in one of `statuses` that was asked for by the same reference."""
    return next(_alike(asked, statuses), None)


def _alike(asked: Asked, statuses: tuple[Download.Status, ...]) -> Iterator[Download]:
    wish = _wish(asked)
    rows = Download.objects.filter(
        source=asked.source, status__in=statuses, **{f"asked__{k}": v for k, v in _said(wish)}
    )
    for row in rows.order_by("-created_at"):
        if all(row.asked.get(name) == value for name, value in wish.asked.items()):
            yield row


def cancel(download: Download, by: audit.Source = audit.SYSTEM) -> Download:
    """Stop it; what came is kept for a while to go on with. One that is put in place ends itself."""
    with transaction.atomic():
        rows = Download.objects.filter(pk=download.pk)
        early = rows.filter(status__in=(Status.QUEUED, Status.DOWNLOADING)).update(
            status=Status.CANCELLED,
            holder="",
            lease_until=None,
            bytes_per_second=0.0,
            finished_at=Now(),
        )
        if not early and not rows.filter(status=Status.VERIFYING).update(cancel_requested=True):
            raise WrongState("This download is over already.")
        audit.record(Action.MODEL_DOWNLOAD_CANCELLED, by, download, name=download.name)
        _on_commit()
    download.refresh_from_db()
    return download


def resume(download: Download, by: audit.Source = audit.SYSTEM) -> Download:
    """Go on with one that failed or was cancelled, from where it stopped."""
    with transaction.atomic():
        rows = Download.objects.filter(pk=download.pk)
        row = rows.select_for_update().first()
        if row is None or row.status not in {Status.FAILED, Status.CANCELLED}:
            raise WrongState("Only a download that failed or was cancelled can be taken up again.")
        if row.error_code in STALE:
            row.files.all().delete()
            places.remove(row)
            rows.update(done_bytes=0)
        rows.update(
            status=Status.QUEUED,
            next_try_at=Now(),
            attempts=0,
            cancel_requested=False,
            error_code="",
            error_message="",
            finished_at=None,
        )
        audit.record(Action.MODEL_DOWNLOAD_ASKED, by, download, name=download.name, again=True)
        _on_commit()
    download.refresh_from_db()
    return download


def forget(download: Download, by: audit.Source = audit.SYSTEM) -> None:
    """Remove the row and what came of it; a model that is in place stays."""
    with transaction.atomic():
        rows = Download.objects.filter(pk=download.pk).exclude(status__in=Download.OPEN)
        if not rows.delete()[0]:
            raise WrongState("This download is under way: cancel it first.")
        audit.record(Action.MODEL_DOWNLOAD_FORGOTTEN, by, download, name=download.name)
        transaction.on_commit(telling.tell)
    places.remove(download)


def _wish(asked: Asked) -> Wish:
    if asked.source not in Source.values:
        raise Invalid(f"Sources are {', '.join(Source.values)}.", param="source")
    if asked.kind and asked.kind not in set(Kind):
        raise Invalid(f"Kinds are {', '.join(Kind)}.", param="type")
    return ORIGINS[asked.source].read(asked.ref)


def _said(wish: Wish) -> list[tuple[str, Any]]:
    """What narrows the look: JSON null is asked for differently on each database."""
    return [(name, value) for name, value in wish.asked.items() if value is not None]


def _on_commit() -> None:
    transaction.on_commit(bell.ring)
    transaction.on_commit(telling.tell)

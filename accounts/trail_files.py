"""The audit log as a file: for spreadsheets, or a line of JSON for each entry."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from accounts import audit, telling, throttle, trail
from accounts.audit import Action
from accounts.models import AuditEntry
from accounts.problems import Forbidden
from accounts.trail import Wanted

# Each reads all that is asked for.
EXPORTS_A_MINUTE = 6
COLUMNS = (
    "at", "action", "text", "actor", "actorId", "keyPrefix", "address", "requestId", "targetType",
    "targetId", "detail",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula, and runs it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 the wide ones too
MEDIA = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

Rows = Iterable[dict[str, Any]]


def shape(entry: AuditEntry, names: Mapping[int, str]) -> dict[str, Any]:
    """An entry as JSON; `at` in Unix seconds, `detail` as it was written."""
    return {
        "id": entry.pk,
        "at": int(entry.at.timestamp()),
        "action": entry.action,
        "text": telling.sentence(entry, names),
        "actor": entry.actor_name or None,
        "actorId": entry.actor_id,
        "keyPrefix": entry.key_prefix or None,
        "address": entry.address or None,
        "requestId": entry.request_id or None,
        "targetType": entry.target_type or None,
        "targetId": entry.target_id or None,
        "detail": entry.detail,
    }


def pieces(wanted: Wanted, form: str) -> Iterator[bytes]:
    """The file, newest entry first, with the memory of one batch. `form`: csv or jsonl."""
    if form == "csv":
        yield _csv([COLUMNS])
    write = WRITERS[form]
    for entries in trail.walk(wanted):
        names = telling.names_of(entries)
        yield write(shape(entry, names) for entry in entries)


def export(wanted: Wanted, form: str, by: audit.Source) -> Iterator[bytes]:
    """The file for somebody, noted in the audit log. Raises RateLimited."""
    if by.user is None:
        raise Forbidden("Exports are for somebody.")
    throttle.hit(f"audit export {by.user.pk}", EXPORTS_A_MINUTE)
    note(wanted, form, by)
    return pieces(wanted, form)


def note(wanted: Wanted, form: str, by: audit.Source = audit.SYSTEM) -> None:
    """Write down who takes the log away, and what of it."""
    asked = {name: value for name, value in asdict(wanted).items() if value}
    for name in {"since", "until"} & set(asked):
        asked[name] = asked[name].isoformat()
    audit.record(Action.AUDIT_EXPORTED, by, format=form, **asked)


def filename(form: str) -> str:
    return f"alice-audit-{timezone.now():%Y%m%d-%H%M%S}.{form}"


def _jsonl(rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _csv_rows(rows: Rows) -> bytes:
    return _csv([_cells(row) for row in rows])


def _cells(row: Mapping[str, Any]) -> list[str]:
    moment = datetime.fromtimestamp(row["at"], UTC)
    plain = {**row, "at": moment.isoformat(), "detail": json.dumps(row["detail"])}
    return [_cell(plain[name]) for name in COLUMNS]


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode(errors="backslashreplace")


WRITERS: Mapping[str, Callable[[Rows], bytes]] = {"csv": _csv_rows, "jsonl": _jsonl}

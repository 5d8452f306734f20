import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts import audit, trail_files
from accounts.audit import Action, Source
from accounts.models import AuditEntry, User
from accounts.problems import RateLimited
from accounts.trail import EVERYTHING, Wanted

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def many(count: int) -> None:
    made = (AuditEntry(at=NOON - timedelta(seconds=n), action="login") for n in range(count))
    AuditEntry.objects.bulk_create(made, batch_size=5000)


def rows(wanted: Wanted = EVERYTHING) -> list[dict[str, str]]:
    text = b"".join(trail_files.pieces(wanted, "csv")).decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])  # noqa: RUF001
def test_no_cell_is_a_formula(begin: str) -> None:
    AuditEntry.objects.create(action="login", actor_name=f"{begin}HYPERLINK(1)")
    cells = rows()[0]
    assert cells["actor"] == f"'{begin}HYPERLINK(1)"
    assert not any(cell.startswith(trail_files.FORMULA) for cell in cells.values())


def test_both_forms_hold_every_entry_newest_first(alice: User) -> None:
    for action in (Action.LOGIN, Action.LOGOUT):
        audit.record(action, Source(alice, address="10.0.0.1"), alice, means='a "quoted", one')
    lines = b"".join(trail_files.pieces(EVERYTHING, "jsonl")).splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["logout", "login"]
    assert [row["action"] for row in rows()] == ["logout", "login"]
    assert json.loads(rows()[0]["detail"]) == {"means": 'a "quoted", one'}


def test_a_long_log_takes_the_memory_of_a_short_one() -> None:
    many(20_000)
    tracemalloc.start()
    size = sum(map(len, trail_files.pieces(EVERYTHING, "jsonl")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 4_000_000
    assert peak < 10_000_000


def test_an_export_is_in_the_log_and_not_in_itself(alice: User) -> None:
    wanted = Wanted(actor="bob", since=NOON)
    assert b"".join(trail_files.export(wanted, "jsonl", Source(alice))) == b""
    entry = AuditEntry.objects.get(action="audit_exported")
    assert entry.detail == {"format": "jsonl", "actor": "bob", "since": NOON.isoformat()}


def test_exports_are_counted(alice: User) -> None:
    for _ in range(trail_files.EXPORTS_A_MINUTE):
        trail_files.export(EVERYTHING, "csv", Source(alice))
    with pytest.raises(RateLimited):
        trail_files.export(EVERYTHING, "csv", Source(alice))


def test_the_command_writes_a_file_for_its_maker_alone(tmp_path: Path) -> None:
    many(3)
    file = tmp_path / "log.csv"
    call_command("export_audit", format="csv", output=file, since="2026-11-28T11:59:59")
    assert len(file.read_text().splitlines()) == 4
    assert file.stat().st_mode & 0o777 == 0o600
    assert AuditEntry.objects.filter(action="audit_exported", actor_name="").exists()


@pytest.mark.parametrize("wrong", [{"since": "monday"}, {"action": "x"}, {"target": "nobody"}])
def test_the_command_says_what_is_wrong(wrong: dict[str, str]) -> None:
    with pytest.raises(CommandError, match=next(iter(wrong))):
        call_command("export_audit", **wrong)
    assert not AuditEntry.objects.exists()


def test_the_command_says_where_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_audit", output=tmp_path / "none" / "log")

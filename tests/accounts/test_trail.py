"""The audit log, read a page at a time: nothing twice, nothing lost, never all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import audit, trail
from accounts.audit import Action, Source
from accounts.models import AuditEntry, User
from accounts.problems import Invalid
from accounts.trail import Wanted

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def entries(count: int, *, age: float = 0, **fields: Any) -> list[AuditEntry]:
    """A second apart, newest first."""
    plain = {"action": "login", "actor_name": "alice", "address": "10.0.0.1"} | fields
    made = [
        AuditEntry(at=NOON - timedelta(seconds=age + number), **plain) for number in range(count)
    ]
    return AuditEntry.objects.bulk_create(made)


def all_of(wanted: Wanted, limit: int) -> list[AuditEntry]:
    return [entry for page in trail.walk(wanted, limit) for entry in page]


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_pages_give_every_entry_once_newest_first(limit: int) -> None:
    made = entries(7)
    assert all_of(trail.EVERYTHING, limit) == made


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [2, 200])
def test_entries_of_one_moment_are_not_lost_between_pages(limit: int) -> None:
    made = [entries(1)[0] for _ in range(9)]
    assert all_of(trail.EVERYTHING, limit) == made[::-1]
    assert all_of(Wanted(action="login", actor="alice"), limit) == made[::-1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(action="logout"),
        Wanted(actor="bob"),
        Wanted(address="10.0.0.2"),
        Wanted(target=("image", "x")),
        Wanted(action="logout", actor="bob", address="10.0.0.2", target=("image", "x")),
        Wanted(since=NOON - timedelta(seconds=5), until=NOON - timedelta(seconds=2)),
        Wanted(action="logout", actor="bob", since=NOON - timedelta(seconds=5)),
    ],
)
def test_each_filter_finds_what_it_says(wanted: Wanted) -> None:
    entries(3, age=100)
    entries(2)
    other = {"action": "logout", "actor_name": "bob", "address": "10.0.0.2"}
    sought = entries(3, age=3, target_type="image", target_id="x", **other)
    assert all_of(wanted, 2) == sought


@pytest.mark.django_db
def test_two_filters_with_little_in_common_read_a_bounded_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trail, "BATCH", 10)
    monkeypatch.setattr(trail, "FAR", 30)
    entries(45)
    old = entries(2, age=100, action="logout")
    wanted = Wanted(action="logout", actor="alice")
    with CaptureQueriesContext(connection) as asked:
        first = trail.page_of(wanted)
    assert (first.entries, len(asked)) == ([], 3)
    assert trail.page_of(wanted, first.cursor).entries == old
    assert all_of(wanted, 50) == old


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!",
        "ü",
        "MjAyNi0xMS0yOH4x",
        "MjAyNi0xMS0yOFQxMjowMDowMH4x",
        "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMH4x",
    ],
)
def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        trail.page_of(cursor=cursor)
    assert refused.value.param == "cursor"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("actor", "a\0"),
        ("actor", "x" * 151),
        ("address", "\ud800"),
        ("target", "\n"),
        ("action", "x"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(name: str, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        trail.wanted(**{name: text})  # type: ignore[arg-type] # none of them is a time
    assert refused.value.param == name


def test_a_person_is_a_target_by_name(alice: User) -> None:
    entry = audit.record(Action.USER_DEACTIVATED, Source(), alice)
    assert trail.page_of(trail.wanted(target="alice")).entries == [entry]
    with pytest.raises(Invalid, match="name of a user"):
        trail.wanted(target="nobody")


SINGLE = {
    "audit_newest": trail.EVERYTHING,
    "audit_action": Wanted(action="logout"),
    "audit_actor_name": Wanted(actor="bob"),
    "audit_address": Wanted(address="10.0.0.2"),
    "audit_target": Wanted(target=("image", "x")),
}


@pytest.mark.django_db
@pytest.mark.parametrize("index", SINGLE)
def test_every_filter_is_served_by_its_index(index: str) -> None:
    for number in range(300):
        entries(10, age=10 * number, action=f"action {number % 20}", actor_name=f"{number % 50}",
                address=f"{number}", target_type="image", target_id=f"{number}")  # fmt: skip
    place = trail.Place(NOON - timedelta(seconds=50), 7)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        trail.page_of(SINGLE[index], place.cursor())
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Of a small table it would rather read everything.
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{explain} {asked[0]['sql']}")
        plan = str(cursor.fetchall())
    assert f"{index}" in plan
    assert "Seq Scan" not in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan

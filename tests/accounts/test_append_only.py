"""The audit log as the database itself guards it."""

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import append_only, audit
from accounts.models import AuditEntry


@pytest.fixture
def entry(db: None) -> Iterator[AuditEntry]:
    append_only.install(connection)
    yield audit.record(audit.Action.LOGIN)
    append_only.remove(connection)


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return "append-only" in str(error)
    return False


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET action = 'nothing'",
        "DELETE FROM accounts_auditentry",
        """INSERT INTO accounts_auditentry SELECT * FROM accounts_auditentry WHERE true
        ON CONFLICT (id) DO UPDATE SET action = 'nothing'""",
    ],
)
def test_what_was_written_stays(entry: AuditEntry, statement: str) -> None:
    assert refused(statement)
    assert AuditEntry.objects.get().action == "login"


def test_no_other_way_to_replace_a_row(entry: AuditEntry) -> None:
    trick = (
        "TRUNCATE accounts_auditentry"
        if connection.vendor == "postgresql"
        else "INSERT OR REPLACE INTO accounts_auditentry SELECT * FROM accounts_auditentry"
    )
    assert refused(trick)


def test_new_entries_are_written(entry: AuditEntry) -> None:
    audit.record(audit.Action.LOGOUT)
    assert AuditEntry.objects.count() == 2


def test_flush_says_why_it_does_not(entry: AuditEntry) -> None:
    with pytest.raises(CommandError, match="append-only"):
        call_command("flush", interactive=False)


def test_a_missing_guard_is_found(db: None) -> None:
    found = append_only.audit_log_is_guarded(databases=["default"])
    assert [message.id for message in found] == ["alice.E020"]


def test_a_guarded_log_is_not_complained_of(entry: AuditEntry) -> None:
    assert append_only.audit_log_is_guarded(databases=["default"]) == []

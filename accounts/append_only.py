"""The audit log's guard inside the database: rows are added, never changed and never removed.

A migration that makes SQLite build the table anew drops its triggers: it must end with install.
"""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "accounts_auditentry"
NAMES = ("audit_no_update", "audit_no_delete", "audit_no_replace")

SQLITE = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON accounts_auditentry
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON accounts_auditentry
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END""",
    # INSERT OR REPLACE deletes without telling a trigger.
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON accounts_auditentry
    WHEN EXISTS (SELECT 1 FROM accounts_auditentry WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'The audit log is append-only.'); END""",
)
POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'The audit log is append-only.'
    USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    # TRUNCATE removes all rows without telling a trigger of rows.
    """CREATE TRIGGER audit_no_replace BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Guard the table; where it was guarded already, anew."""
    remove(connection)
    with connection.cursor() as cursor:
        for statement in POSTGRESQL if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guard away: for tests, which empty every table, and for migrations of this one."""
    table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in NAMES:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{table}")


def installed(connection: BaseDatabaseWrapper) -> bool:
    catalogue = (
        "SELECT count(*) FROM pg_trigger WHERE tgname IN (%s, %s, %s)"
        if connection.vendor == "postgresql"
        else "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (%s, %s, %s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(catalogue, NAMES)
        return bool(cursor.fetchone() == (len(NAMES),))


@register(Tags.database)
def audit_log_is_guarded(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Found missing at a check of the database, as after a restore from a plain copy of rows."""
    return [
        Error(
            "The audit log can be changed: its triggers are missing.",
            hint="Run: manage.py guard_audit_log",
            id="alice.E020",
        )
        for name in databases or ()
        if TABLE in connections[name].introspection.table_names()
        and not installed(connections[name])
    ]

"""The test database: as other processes reach it, and as the next test finds it."""

import time
from functools import cache
from urllib.parse import quote

from django.db import connection

from generation import tasks
from generation.jobs.keeper import Keeper

# What models and rights there are is the same for all tests, and dear to write anew.
KEPT = {"django_content_type", "auth_permission"}


def url() -> str:
    """DATABASE_URL for a process that works on this test's rows."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    user, host, name = known["USER"], known["HOST"], known["NAME"]
    return f"postgres://{quote(user)}@{host}:{known['PORT']}/{quote(str(name))}"


def empty(*_: object) -> None:
    """Every row that a test with transactions of its own has left.

    Django's own way, a flush, tells all apps afterwards that they were migrated, and truncates on
    PostgreSQL: both take longer than most tests.
    """
    if tasks._desk is not None:
        at_rest(tasks._desk.keeper)
    deletions = [f"DELETE FROM {name}" for name in _tables()]
    # SQLite takes one statement at a time, PostgreSQL all in one go.
    one = connection.vendor == "postgresql"
    connection.ops.execute_sql_flush(["; ".join(deletions)] if one else deletions)


def at_rest(keeper: Keeper) -> None:
    """Until what its thread was writing is written: a test's end takes the database from it."""
    give_up = time.monotonic() + 60
    keeper._wake.set()
    # It takes the wake-up before each round, and a round without jobs writes nothing.
    while keeper._wake.is_set():
        assert time.monotonic() < give_up, "the keeper hangs"
        time.sleep(0.002)


@cache
def _tables() -> list[str]:
    known = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted({*known} - KEPT)]

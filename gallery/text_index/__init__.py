"""The text indexes behind the search: begun at once, filled a little at a time, asked when whole.

An upgrade of a large gallery only begins them; a chore goes on while people write. Until they are
whole, and where the server refuses them, search works as well and reads more rows.
"""

import logging
import time
from types import ModuleType
from typing import Any

from django.db import connection as default
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError

from gallery.alone import alone
from gallery.text_index import postgresql, sqlite

logger = logging.getLogger(__name__)
ENGINES: dict[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgresql}
# What is small is whole when an upgrade ends: so many batches are a moment's work.
AT_ONCE = 4
# Seconds between two batches: SQLite's waiting writers look ten times a second for their turn.
PAUSE = 0.12


def begin(connection: BaseDatabaseWrapper) -> None:
    """Make what is missing; where the server refuses, say so and go on."""
    engine = ENGINES[connection.vendor]
    try:
        with transaction.atomic(using=connection.alias):
            engine.begin(connection)
        for _ in range(AT_ONCE):
            with transaction.atomic(using=connection.alias):
                if engine.whole(connection) or not engine.fill_at_once(connection):
                    return
    except DatabaseError as error:
        logger.warning("Gallery search works without a text index and reads more: %s", error)


def fill(seconds: float = float("inf")) -> bool:
    """Go on for about `seconds`; whether nothing is left that can be done.

    Any stop is harmless: the next call goes on. Raises alone.AtWork while another one runs.
    """
    engine, until = ENGINES[default.vendor], time.monotonic() + seconds
    with alone("text index"):
        while engine.fill(default):
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
    return True


def whole(connection: BaseDatabaseWrapper) -> bool:
    """Whether every text can be found by them."""
    return bool(ENGINES[connection.vendor].whole(connection))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the text indexes away again."""
    with connection.cursor() as cursor:
        for statement in ENGINES[connection.vendor].REMOVE:
            cursor.execute(statement)


def repair(*, using: str, **_: Any) -> None:
    """post_migrate: rebuilding a table, as SQLite's migrations do, loses its triggers."""
    tables = connections[using].introspection.table_names()
    if {"gallery_image", "gallery_tag"} <= set(tables):
        begin(connections[using])

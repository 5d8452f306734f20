"""Work that two processes must not do at once, whatever host they run on."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection

from accounts.problems import Busy


class AtWork(Busy):
    """Somebody else is at it."""

    code = "cleanup_running"


@contextmanager
def alone(work: str) -> Iterator[None]:
    """Hold `work` until the block ends; it is free again when its holder dies.

    Raises AtWork when somebody else holds it.
    """
    # Processes on SQLite share a host, and so its files; those on PostgreSQL share the database.
    hold = _by_database if connection.vendor == "postgresql" else _by_file
    with hold(work) as held:
        if not held:
            raise AtWork(f"The gallery's {work} runs already.", retry_after=30)
        yield


@contextmanager
def _by_file(work: str) -> Iterator[bool]:
    with (settings.ALICE_DATA_DIR / f"{work}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _by_database(work: str) -> Iterator[bool]:
    held = _ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", work)
    try:
        yield held
    finally:
        if held:
            try:
                _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", work)
            except Error:
                # It went with the connection that is broken.
                connection.close()


def _ask(statement: str, work: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"alice {work}"])
        return bool(cursor.fetchone()[0])

"""DATABASES from one URL: SQLite in the data directory out of the box, PostgreSQL by setting."""

from pathlib import Path
from typing import Any

import environ

SQLITE_OPTIONS = {
    "timeout": 20,
    # WAL alone still fails a read-then-write at once; IMMEDIATE waits for its turn instead.
    "transaction_mode": "IMMEDIATE",
    # FULL: an accepted job must survive a power cut.
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;"
        "PRAGMA cache_size=-20000; PRAGMA mmap_size=134217728; PRAGMA temp_store=MEMORY;"
        "PRAGMA journal_size_limit=27103364;"
    ),
}
CONNECT_SECONDS = 5


def configuration(url: str, data_dir: Path) -> dict[str, dict[str, Any]]:
    """Django's DATABASES for a postgres:// or sqlite:// URL, or for none at all."""
    database = environ.Env.db_url_config(url or f"sqlite:///{data_dir / 'alice.sqlite3'}")
    if database["ENGINE"].endswith("sqlite3"):
        database |= {
            # One connection a thread for good: opening one costs more than most queries.
            "CONN_MAX_AGE": None,
            "OPTIONS": SQLITE_OPTIONS,
            # A file, not memory: tests drive several connections and processes.
            "TEST": {"NAME": str(data_dir / "test.sqlite3")},
        }
    else:
        # Threads are few and live long (aliceproject.handler), so each keeps its connection. A pool
        # would do the same with threads of its own, which do not survive a worker's fork.
        database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
        # A host that swallows packets would hold a thread, and /health, for minutes.
        database["OPTIONS"] = {"connect_timeout": CONNECT_SECONDS} | database.get("OPTIONS", {})
    return {"default": database}

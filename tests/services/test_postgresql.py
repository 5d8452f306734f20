"""The same claims of the queue, on a real PostgreSQL: its locks are not SQLite's."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent
ON_BOTH = ["tests/generation/jobs", "tests/generation/test_tasks.py"]


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_queue_keeps_its_promises_on_postgresql(postgresql_url: str) -> None:
    done = run(postgresql_url, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ON_BOTH)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def set_fsync(url: str, value: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET fsync = {value}")
        connection.execute("SELECT pg_reload_conf()")


def test_a_database_that_may_forget_is_refused(postgresql_url: str) -> None:
    check = ("manage.py", "check", "--database", "default")
    assert "fsync is off" in run(postgresql_url, *check).stderr
    set_fsync(postgresql_url, "on")
    try:
        assert run(postgresql_url, *check).returncode == 0
        lax = f"{postgresql_url}?options=-c%20synchronous_commit%3Doff"
        assert "synchronous_commit is off" in run(lax, *check).stderr
    finally:
        set_fsync(postgresql_url, "off")

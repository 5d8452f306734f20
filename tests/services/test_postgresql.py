"""The same claims of the queue, on a real PostgreSQL: its locks are not SQLite's."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.live import service
from tests.services.fixtures import PostgreSQL, environment

ROOT = Path(__file__).resolve().parent.parent.parent
ON_BOTH = [
    "tests/accounts/test_invites.py",
    "tests/accounts/test_keys.py",
    "tests/accounts/test_listening.py",
    "tests/accounts/test_members.py",
    "tests/accounts/api/test_people.py",
    "tests/accounts/test_registration.py",
    "tests/accounts/test_throttle.py",
    "tests/accounts/test_tickets.py",
    "tests/gallery/web/test_albums.py",
    "tests/gallery/test_albums.py",
    "tests/gallery/test_bulk.py",
    "tests/gallery/test_curating.py",
    "tests/gallery/test_migrations.py",
    "tests/gallery/test_queries.py",
    "tests/gallery/test_search.py",
    "tests/gallery/test_tag_owners.py",
    "tests/gallery/test_text_index.py",
    "tests/gallery/web/test_walls.py",
    "tests/modelhub/api/test_searching.py",
    "tests/modelhub/api/test_uploads.py",
    "tests/aliceproject/personal/test_erase.py",
    "tests/gallery/test_retention.py",
    "tests/gallery/test_sweeping.py",
    "tests/modelhub/test_hashing.py",
    "tests/modelhub/test_home.py",
    "tests/modelhub/test_scanning.py",
    "tests/generation/jobs",
    "tests/generation/test_tasks.py",
    "tests/modelhub/test_aliases.py",
    "tests/modelhub/api/test_catalogue.py",
    "tests/modelhub/test_deleting.py",
    "tests/modelhub/test_keeping.py",
    "tests/modelhub/web/test_models.py",
]


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(DATABASE_URL=url),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_queue_keeps_its_promises_on_postgresql(postgresql: PostgreSQL) -> None:
    done = run(postgresql.url(), "-m", "pytest", "-q", "-p", "no:cacheprovider", *ON_BOTH)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("parameter", ["fsync", "synchronous_commit"])
def test_a_database_that_may_forget_is_refused(
    postgresql: PostgreSQL, parameter: LiteralString
) -> None:
    postgresql.set(parameter, "off")
    try:
        done = run(postgresql.url(), "manage.py", "check", "--database", "default")
    finally:
        postgresql.set(parameter, "on")
    assert f"{parameter} is off" in done.stderr


# A job of about four seconds, and its id.
SUBMIT = """
from accounts.models import User
from generation import jobs
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub.models import CatalogModel
model = CatalogModel.objects.create(
    public_id="sd/demo", path="demo", layout="diffusers", family="sd1", native_resolution=64
)
order = resolve(ImageRequest(prompt="a lake", num_inference_steps=40), model)
print(jobs.submit(User.objects.create(username="alice"), order, jobs.Caller("native")).pk)
"""


def status(url: str, job: str) -> tuple[str, int, int]:
    """Status, step and attempts of the job; nothing but zeros while the database is away."""
    try:
        with psycopg.connect(url) as connection:
            query = "SELECT status, step, attempts FROM generation_job WHERE id = %s"
            return connection.execute(query, [job]).fetchone() or ("", 0, 0)
    except psycopg.OperationalError:
        return "", 0, 0


def until(ready: Callable[[], bool], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline, log()
        time.sleep(0.1)


def test_a_crash_of_the_database_costs_no_job_and_no_attempt(postgresql: PostgreSQL) -> None:
    postgresql.execute("CREATE DATABASE crash")
    url = postgresql.url("crash")
    with service(worker=True, DATABASE_URL=url, ALICE_MOCK_STEP_SECONDS="0.1") as live:
        job = live.manage("shell", "-v0", "-c", SUBMIT).splitlines()[-1]
        until(lambda: status(url, job)[1] > 0, lambda: live.log)
        postgresql.stop()
        time.sleep(1)
        postgresql.start()
        until(lambda: status(url, job)[0] == "succeeded", lambda: live.log)
        assert status(url, job)[2] == 1

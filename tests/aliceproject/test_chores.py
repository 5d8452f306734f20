"""What the server does by itself, and that it does it."""

import logging
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from pytest_django import Settings

from accounts.models import Usage, User
from aliceproject import chores
from gallery import left_over, tag_owners
from gallery.models import Image, Tag
from modelhub.models import CatalogModel, Search, Upload
from tests.gallery.conftest import Keep, images_dir, keep
from tests.gallery.test_queries import rows
from tests.live import service
from tests.modelhub import real_headers

__all__ = ["images_dir", "keep"]

DAY = 24 * 3600.0


@pytest.mark.django_db
def test_chores_are_scheduled_once_on_the_io_cluster() -> None:
    chores.schedule()
    chores.schedule()
    assert list(Schedule.objects.order_by("name").values_list("name", "func", "cluster")) == [
        ("gallery: clean up", "aliceproject.chores.clean", "io"),
        ("gallery: index", "aliceproject.chores.index", "io"),
        ("gallery: sweep", "aliceproject.chores.sweep", "io"),
        ("models: convert", "aliceproject.chores.convert", "io"),
        ("models: delete", "aliceproject.chores.delete_models", "io"),
        ("models: scan", "aliceproject.chores.scan", "io"),
        ("models: sweep downloads", "aliceproject.chores.sweep_downloads", "io"),
        ("models: tidy", "aliceproject.chores.tidy_models", "io"),
        ("people: erase", "aliceproject.chores.erase", "io"),
        ("people: recount usage", "aliceproject.chores.recount", "io"),
    ]


@pytest.mark.django_db
def test_old_uploads_and_old_answers_go(alice: User) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    for name, when in (("old", long_ago), ("new", timezone.now())):
        Upload.objects.create(filename=name, size_bytes=9, created_by=alice, touched_at=when)
        Search.objects.create(source="civitai", digest=name, fetched_at=when)
    chores.tidy_models()
    assert [each.filename for each in Upload.objects.all()] == ["new"]
    assert [each.digest for each in Search.objects.all()] == ["new"]


@pytest.mark.django_db
def test_a_recount_sets_usage_right(alice: User) -> None:
    Usage.objects.create(user=alice, queued_jobs=3)
    chores.recount()
    assert Usage.objects.get().queued_jobs == 0


def test_what_an_upgrade_left_is_indexed_in_turns_with_other_chores(
    alice: User, images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images_dir.mkdir()
    for image in rows(alice, 3):
        Tag.objects.create(image=image, name="written by an older version")
    monkeypatch.setattr(tag_owners, "BATCH", 1)
    with monkeypatch.context() as patch:
        patch.setattr(chores, "INDEX_SECONDS", 0)
        chores.index()
    assert left_over.pending()
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["aliceproject.chores.index"]
    chores.index()
    assert not left_over.pending()
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_the_models_folder_is_looked_through_and_what_is_new_is_hashed(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALICE_MODELS_DIR = tmp_path
    real_headers.build("embedding-sd1", tmp_path, called="x")
    with caplog.at_level(logging.INFO):
        chores.scan()
    assert "Models added: 'embedding/x'" in caplog.text
    assert OrmQ.objects.count() == 1
    chores.hash_models()
    assert CatalogModel.objects.exclude(sha256="").count() == 1
    chores.ring_hashing()
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_the_models_folder_has_its_turn_every_five_minutes() -> None:
    chores.schedule()
    row = Schedule.objects.get(name="models: scan")
    assert (row.schedule_type, row.minutes) == (Schedule.MINUTES, 5)
    row.full_clean()


@pytest.mark.django_db
def test_none_runs_at_the_first_start() -> None:
    chores.schedule()
    assert not Schedule.objects.filter(next_run__lt=timezone.now()).exists()


@pytest.mark.django_db
def test_the_operators_interval_stays_and_doubles_go() -> None:
    chores.schedule()
    row = Schedule.objects.get(name="gallery: clean up")
    Schedule.objects.filter(pk=row.pk).update(schedule_type=Schedule.WEEKLY, func="old.name")
    Schedule.objects.create(name=row.name, func="x.y", schedule_type=Schedule.HOURLY)
    chores.schedule()
    row = Schedule.objects.get(name=row.name)
    assert (row.schedule_type, row.func) == (Schedule.WEEKLY, "aliceproject.chores.clean")


def test_the_clean_up_applies_the_rules(
    alice: User, keep: Keep, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    keep(alice, age=2 * DAY)
    with caplog.at_level(logging.INFO):
        chores.clean()
    assert not Image.objects.exists()
    assert "1 pictures deleted" in caplog.text


def test_the_sweep_says_what_it_found(
    alice: User, keep: Keep, images_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (images_dir / keep(alice).file).unlink()
    with caplog.at_level(logging.INFO):
        chores.sweep()
    assert "1 lost" in caplog.text


@pytest.mark.skipif(connection.vendor != "sqlite", reason="holds SQLite's kind of lock")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("chore", "work"), [(chores.clean, "cleanup"), (chores.sweep, "sweep")])
def test_a_chore_that_runs_already_is_left_to_run(
    images_dir: Path, caplog: pytest.LogCaptureFixture, chore: object, work: str
) -> None:
    images_dir.mkdir()
    held = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(images_dir.parent), work], stdout=subprocess.PIPE
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
        with caplog.at_level(logging.INFO):
            chore()  # type: ignore[operator] # one of two functions
    finally:
        held.kill()
        held.communicate()
    assert "runs already" in caplog.text


# Another process that works on the same data directory.
HOLD = """
import fcntl, pathlib, sys, time
lock = (pathlib.Path(sys.argv[1]) / f"{sys.argv[2]}.lock").open("a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""

# A share has ended.
DUE = """
from datetime import timedelta
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task
from accounts.models import User
from aliceproject import chores
from gallery import left_over, tag_owners
from gallery.models import Image, Tag
Image.objects.create(
    owner=User.objects.create(username="alice"), file="ab/x.png", thumbnail="ab/x.webp", seed=1,
    sha256="0", size_bytes=1, width=1, height=1, model="m", is_public=True,
    public_until=timezone.now() - timedelta(hours=1),
)
"""
ASK = DUE + 'async_task("aliceproject.chores.clean", cluster="io")'
LET_BE_DUE = (
    DUE
    + """
chores.schedule()
Schedule.objects.filter(func__endswith="clean").update(next_run=timezone.now() - timedelta(seconds=1))
"""
)
SHARED = "from gallery.models import Image; print(Image.objects.get().is_public)"


@pytest.mark.parametrize(
    "script", [ASK, pytest.param(LET_BE_DUE, marks=pytest.mark.long)], ids=["asked", "due"]
)
def test_the_io_cluster_does_chores_without_an_inference_library(script: str) -> None:
    """The scheduler looks for the first time half a minute after its start."""
    with service(worker=False) as live:
        live.manage("shell", "-v0", "-c", script)
        live.start("io", "worker", "--cluster", "io")
        until = time.monotonic() + 90
        while live.manage("shell", "-v0", "-c", SHARED) != "False":
            assert time.monotonic() < until, live.log
            time.sleep(0.5)
        leader = live.processes["io"].pid
        maps = (
            [Path(f"/proc/{pid}/maps").read_text() for pid in _family(leader)]
            if sys.platform == "linux"
            else []
        )
        assert not [text for text in maps if "torch" in text]
        live.stop("io")


def _family(leader: int) -> list[int]:
    """The processes of a session."""
    listed = subprocess.run(
        ["ps", "-s", str(leader), "-o", "pid="], capture_output=True, text=True, check=True
    )
    return [int(pid) for pid in listed.stdout.split()]


def test_a_bell_that_cannot_be_rung_stops_nobody() -> None:
    ring = "import django; django.setup(); from aliceproject import chores; chores._ring('scan')"
    away = os.environ | {"REDIS_URL": "redis://127.0.0.1:9/0"}
    done = subprocess.run(
        [sys.executable, "-c", ring], env=away, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "The io cluster was not woken" in done.stderr

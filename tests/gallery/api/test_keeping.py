"""Statistics, cleanup and one's own wish, in JSON."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry, User
from gallery import retention
from gallery.models import Image
from gallery.statistics import statistics
from generation import jobs
from tests.gallery.conftest import Keep, Signed

DAY = 24 * 3600.0


@pytest.fixture
def admin(staff: User, signed: Signed) -> Any:
    return signed(staff, "admin")


def test_statistics_count_everybodys_pictures(
    alice: User, bob: User, keep: Keep, admin: Any
) -> None:
    now, hour = timezone.now(), timedelta(hours=1)
    keep(alice)
    keep(bob, state=Image.State.LOST)
    keep(bob, is_public=True, public_until=now + hour)
    keep(bob, is_public=True, public_until=now - hour)
    keep(bob, is_public=True, state=Image.State.DELETING)
    jobs.recount()
    shown = Image.objects.exclude(state=Image.State.DELETING)
    size = sum(image.size_bytes for image in shown)
    assert admin.get("/v1/gallery/stats").json() == {
        "total": 4, "public": 1, "private": 3, "expired": 1, "lost": 1, "bytes": size,
    }  # fmt: skip


@pytest.mark.skipif(connection.vendor != "sqlite", reason="asks SQLite for its plan")
def test_statistics_read_indexes_alone(db: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        statistics()
    plans = []
    for query in asked.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans += [row[3] for row in cursor.fetchall()]
    # A row a person is few.
    assert {plan for plan in plans if "INDEX" not in plan} == {"SCAN accounts_usage"}


def test_cleanup_deletes_and_says_how_much(
    alice: User, keep: Keep, admin: Any, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    size = keep(alice, age=2 * DAY).size_bytes
    told = {"success": True, "deleted": 1, "unshared": 0, "freedBytes": size, "complete": True}
    assert admin.post("/v1/gallery/cleanup", {"dryRun": True}, "application/json").json() == told
    assert Image.objects.count() == 1
    assert admin.post("/v1/gallery/cleanup", {}, "application/json").json() == told
    assert Image.objects.count() == 0


def test_cleanup_is_audited_with_who_asked(
    alice: User, staff: User, keep: Keep, admin: Any, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 1
    keep(alice, age=2 * DAY)
    admin.post("/v1/gallery/cleanup", {}, "application/json")
    entry = AuditEntry.objects.get(action="gallery_cleaned")
    assert (entry.actor_name, bool(entry.key_prefix)) == (staff.username, True)


@pytest.mark.parametrize("body", [{"dryRun": "yes"}, {"dryrun": True}, []])
def test_a_body_that_means_nothing_is_refused(admin: Any, body: Any) -> None:
    reply = admin.post("/v1/gallery/cleanup", body, "application/json")
    assert reply.status_code == 400


@pytest.mark.parametrize("path", ["stats", "cleanup"])
def test_both_are_for_staff(alice: User, staff: User, signed: Signed, path: str) -> None:
    ask: Callable[[Any], Any] = lambda client: (  # noqa: E731 one line that reads as it is meant
        client.get if path == "stats" else client.post
    )(f"/v1/gallery/{path}")
    assert ask(signed(alice)).status_code == 403
    assert ask(signed(staff)).status_code == 403


def test_people_choose_how_long_their_pictures_stay(
    alice: User, signed: Signed, settings: Settings
) -> None:
    settings.ALICE_RETENTION_DAYS = 30
    client = signed(alice)
    reply = client.put("/v1/gallery/keeping", {"days": 7}, "application/json")
    assert reply.json() == {"days": 7, "serverDays": 30, "effectiveDays": 7}
    assert retention.days_of(alice) == 7
    client.put("/v1/gallery/keeping", {"days": None}, "application/json")
    told = {"days": None, "serverDays": 30, "effectiveDays": 30}
    assert client.get("/v1/gallery/keeping").json() == told


@pytest.mark.parametrize("days", [0, -1, 36501, 1.5, "7", True])
def test_days_that_are_none_are_refused(alice: User, signed: Signed, days: Any) -> None:
    reply = signed(alice).put("/v1/gallery/keeping", {"days": days}, "application/json")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "days")
    assert retention.days_of(alice) is None


def test_a_key_that_may_only_read_changes_nothing(alice: User, signed: Signed) -> None:
    reply = signed(alice, "read").put("/v1/gallery/keeping", {"days": 7}, "application/json")
    assert reply.status_code == 403

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import audit
from accounts.audit import Action, Source
from accounts.models import AuditEntry, User

PAGE, EXPORT = "/web/administration/audit", "/web/administration/audit/export"


@pytest.fixture
def carol(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def texts(client: Client, query: str = "") -> list[str]:
    return [row.text for row in client.get(f"{PAGE}?{query}").context["rows"]]


def test_what_happened_reads_in_words(carol: Client, alice: User, staff: User) -> None:
    audit.record(Action.USER_DEACTIVATED, Source(staff, address="10.0.0.1"), alice)
    page = carol.get(PAGE).content.decode()
    assert "carol deactivated alice" in page
    assert "/web/administration/users?q=alice" in page
    assert "?address=10.0.0.1" in page


def test_the_end_of_a_share_is_told_as_a_time(carol: Client, alice: User) -> None:
    audit.record(Action.PRIVACY_CHANGED, Source(alice), None, public=True, until=1_800_000_000)
    assert "2027-01-15 08:00 UTC" in carol.get(PAGE).content.decode()


def test_the_section_is_offered(carol: Client) -> None:
    assert f'href="{PAGE}"' in carol.get("/web/administration/users").content.decode()


def test_filters_find_what_they_say(carol: Client, alice: User) -> None:
    audit.record(Action.LOGOUT, Source(alice, address="10.0.0.1"), alice)
    audit.record(Action.LOGIN_FAILED, Source(address="10.0.0.2"), username="", wrong="password")
    assert texts(carol, "actor=alice") == ["alice signed out"]
    assert texts(carol, "target=alice&action=logout") == ["alice signed out"]
    assert len(texts(carol, "address=10.0.0.2")) == 1
    assert texts(carol, "until=2001-01-01") == []


def test_both_days_are_included(carol: Client) -> None:
    entry = AuditEntry.objects.create(action="login_locked")
    day = f"{entry.at:%Y-%m-%d}"
    assert len(texts(carol, f"since={day}&until={day}&action=login_locked")) == 1


@pytest.mark.parametrize("query", ["action=x", "since=1", "until=0001-01-01", "target=nobody",
                                   "cursor=x", "actor=%00", "until=9999-12-31"])  # fmt: skip
def test_a_wrong_filter_is_told_on_the_page(carol: Client, query: str) -> None:
    reply = carol.get(f"{PAGE}?{query}")
    assert reply.status_code == 400
    assert reply.context["problem"]


def test_pages_lead_to_older_entries_and_keep_the_filter(carol: Client) -> None:
    AuditEntry.objects.bulk_create(AuditEntry(action="logout") for _ in range(51))
    first = carol.get(f"{PAGE}?action=logout")
    assert len(first.context["rows"]) == 50
    assert len(texts(carol, first.context["older"])) == 1


def test_a_full_page_asks_no_more_than_an_empty_one(carol: Client, alice: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            carol.get(PAGE)
        return len(queries)

    before = asked()
    for _ in range(30):
        audit.record(Action.LOGOUT, Source(alice), alice)
    assert asked() == before


async def whole(reply: Any) -> bytes:
    return b"".join([piece async for piece in reply])


def export(client: Client, **form: Any) -> Any:
    return client.post(EXPORT, form)


def test_the_export_follows_the_filters(carol: Client, alice: User, staff: User) -> None:
    audit.record(Action.LOGOUT, Source(alice), alice)
    reply = export(carol, format="csv", actor="alice")
    assert len(async_to_sync(whole)(reply).splitlines()) == 2
    entry = AuditEntry.objects.get(action="audit_exported")
    assert (entry.actor_name, entry.detail["actor"]) == ("carol", "alice")


def test_reading_writes_nothing(carol: Client) -> None:
    before = AuditEntry.objects.count()
    carol.get(PAGE)
    assert carol.get(EXPORT).status_code == 405
    assert AuditEntry.objects.count() == before


def test_an_unknown_format_is_refused(carol: Client) -> None:
    assert export(carol, format="xml").status_code == 400


def test_staff_without_the_second_factor_see_nothing(carol: Client, settings: Settings) -> None:
    settings.ALICE_REQUIRE_STAFF_TOTP = True
    assert carol.get(PAGE).status_code == 302
    assert export(carol, format="csv").status_code == 302
    assert not AuditEntry.objects.filter(action="audit_exported").exists()


def test_what_people_write_is_text(carol: Client) -> None:
    AuditEntry.objects.create(action="login", actor_name="<b>x</b>", detail={"a": "<i>y</i>"})
    page = carol.get(PAGE).content.decode()
    assert "<b>x</b>" not in page
    assert "<i>y</i>" not in page

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from accounts import audit, keys
from accounts.audit import Action, Source
from accounts.models import AuditEntry, User

LOG, EXPORT = "/v1/audit", "/v1/audit/export"


@pytest.fixture
def carol(staff: User) -> Client:
    """A program of staff's."""
    _, secret = keys.mint(staff, "script", ["admin"])
    return Client(headers={"X-Api-Key": secret})


def test_entries_come_in_pages_newest_first(carol: Client, alice: User) -> None:
    for action in (Action.LOGIN, Action.LOGOUT):
        audit.record(action, Source(alice, address="10.0.0.1", request_id="r1"), alice)
    first = carol.get(f"{LOG}?limit=1&actor=alice").json()
    (entry,) = first["data"]
    assert (entry["action"], entry["text"]) == ("logout", "alice signed out")
    assert (entry["targetType"], entry["targetId"]) == ("user", str(alice.pk))
    rest = carol.get(f"{LOG}?limit=1&actor=alice&cursor={first['nextCursor']}").json()
    assert [e["action"] for e in rest["data"]] == ["login"]
    assert rest["nextCursor"] is None


def test_times_are_unix_seconds(carol: Client) -> None:
    entry = AuditEntry.objects.create(action="login")
    at = int(entry.at.timestamp())
    sought = carol.get(f"{LOG}?since={at}&until={at + 1}&action=login").json()
    assert [e["at"] for e in sought["data"]] == [at]
    assert carol.get(f"{LOG}?until={at}&action=login").json()["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
        ("action=none", "action"),
        ("since=monday", "since"),
        ("until=-1", "until"),
        ("target=nobody", "target"),
        ("page=2", "page"),
        ("actor=%00", "actor"),
    ],
)
def test_what_is_wrong_is_named(carol: Client, query: str, param: str) -> None:
    reply = carol.get(f"{LOG}?{query}")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def whole(reply: Any) -> bytes:
    return b"".join([piece async for piece in reply])


def export(client: Client, **body: Any) -> Any:
    return client.post(EXPORT, body, content_type="application/json")


def test_an_export_is_a_file_that_no_cache_keeps(carol: Client) -> None:
    reply = export(carol, format="csv", action="key_created")
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in reply["Content-Disposition"]
    assert "no-store" in reply["Cache-Control"]
    assert AuditEntry.objects.get(action="audit_exported").key_prefix


def test_an_export_is_jsonl_unless_asked_otherwise(carol: Client) -> None:
    reply = export(carol, action="key_created")
    lines = async_to_sync(whole)(reply).splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["key_created"]


@pytest.mark.parametrize("body", [{"format": "xml"}, {"limit": 5}, {"actor": "\ud800"}])
def test_a_wrong_export_writes_nothing(carol: Client, body: dict[str, Any]) -> None:
    assert export(carol, **body).status_code == 400
    assert not AuditEntry.objects.filter(action="audit_exported").exists()


def test_others_read_nothing(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(LOG).status_code == 403

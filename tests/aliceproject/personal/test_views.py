"""One's own data over HTTP: who may, and what must be said."""

import io
import zipfile
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from pytest_django import Settings

from accounts import keys
from accounts.models import AuditEntry, User
from aliceproject.personal import views
from tests.aliceproject.personal.conftest import Furnish, Keep, long_ago
from tests.conftest import person
from tests.gallery.conftest import Signed
from tests.generation.conftest import Browser

pytestmark = pytest.mark.django_db(transaction=True)


def erase(client: Client, body: Any) -> Any:
    return client.delete("/v1/auth/me", body, "application/json")


def test_who_types_the_own_name_is_erased(alice: User, browser: Browser, keep: Keep) -> None:
    keep(alice)
    reply = erase(browser(alice), {"confirm": "alice"})
    assert (reply.status_code, reply.json()) == (202, {"success": True})
    assert not User.objects.filter(username="alice").exists()


@pytest.mark.parametrize("body", [{}, {"confirm": "Alice"}, {"confirm": " alice"}, {"confirm": "bob"},
                                  {"confirm": "alice", "now": True}, []])  # fmt: skip
def test_anything_else_erases_nobody(alice: User, browser: Browser, body: Any) -> None:
    assert erase(browser(alice), body).status_code == 400
    assert User.objects.filter(username="alice", is_active=True).exists()


def test_a_key_erases_nobody(alice: User, staff: User, signed: Signed) -> None:
    person("dan", "correct horse 4", is_staff=True)
    for client in (signed(alice), signed(staff, "admin")):
        assert erase(client, {"confirm": "alice"}).status_code == 403
    assert User.objects.filter(is_active=True).count() == 3


def test_a_session_must_have_been_proved_lately(alice: User, browser: Browser) -> None:
    client = long_ago(browser(alice))
    for reply in (erase(client, {"confirm": "alice"}), client.post("/v1/auth/me/export")):
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "confirmation_required")


def test_nobody_is_erased_where_authentication_is_off(client: Client, settings: Settings) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert erase(client, {"confirm": "local"}).status_code == 403


def test_who_one_is_is_still_told(alice: User, browser: Browser) -> None:
    assert browser(alice).get("/v1/auth/me").json()["username"] == "alice"


def test_a_get_counts_and_writes_nothing(alice: User, signed: Signed, furnish: Furnish) -> None:
    furnish(alice)
    told = signed(alice, "read").get("/v1/auth/me/export").json()
    assert (told["object"], told["pictures"], told["albums"]) == ("export", 3, 1)
    assert not AuditEntry.objects.filter(action="data_exported").exists()


async def test_everything_comes_as_a_zip_while_it_is_made(alice: User, furnish: Furnish) -> None:
    await sync_to_async(furnish)(alice)
    _, secret = await sync_to_async(keys.mint)(alice, "backup", ["read"])
    reply: Any = await AsyncClient().post("/v1/auth/me/export", headers={"X-Api-Key": secret})
    assert reply.status_code == 200
    assert reply["Content-Disposition"] == 'attachment; filename="alice-alice.zip"'
    assert reply["Cache-Control"] == "private, no-store"
    data = b"".join([piece async for piece in reply])
    assert len([n for n in zipfile.ZipFile(io.BytesIO(data)).namelist() if n.endswith(".png")]) == 3
    entry = await AuditEntry.objects.aget(action="data_exported")
    assert (entry.actor_name, bool(entry.key_prefix)) == ("alice", True)


def test_a_key_that_may_not_read_takes_nothing_away(alice: User, signed: Signed) -> None:
    client = signed(alice, "generate")
    assert client.get("/v1/auth/me/export").status_code == 403
    assert client.post("/v1/auth/me/export").status_code == 403


def test_exports_are_few(alice: User, signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "EXPORTS_A_MINUTE", 1)
    client = signed(alice, "read")
    assert client.post("/v1/auth/me/export").status_code == 200
    assert client.post("/v1/auth/me/export").status_code == 429

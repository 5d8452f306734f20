import pytest
from django.test import Client

from accounts import keys
from accounts.models import AuditEntry, User


def refused() -> list[tuple[str, str]]:
    found = AuditEntry.objects.filter(action="access_refused").order_by("pk")
    return [(entry.actor_name, entry.detail["path"]) for entry in found]


def test_who_reaches_for_what_is_staffs_is_noted_once_an_hour(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    for path in ("/web/administration/users", "/web/administration/audit", "/v1/audit"):
        assert client.get(path).status_code == 403
    assert refused() == [("alice", "/web/administration/users")]


def test_a_key_is_noted_by_its_name(staff: User) -> None:
    key, secret = keys.mint(staff, "reader", ["read"])
    Client().get("/v1/audit", headers={"X-Api-Key": secret})
    assert AuditEntry.objects.get(action="access_refused").key_prefix == key.prefix


@pytest.mark.django_db
def test_strangers_cannot_fill_the_log() -> None:
    for path in ("/v1/audit", "/web/administration/audit"):
        Client().get(path)
    assert refused() == []

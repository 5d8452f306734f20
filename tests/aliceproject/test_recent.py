"""What a stolen session must not do: each deed asks once more who is there, and does nothing else."""

import time
from typing import Any

import pytest
from django.test import Client

from accounts import keys, witness
from accounts.models import ApiKey, AuditEntry, User

PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/web/account", {"name": "x", "scopes": "read"}),
    ("/web/account/keys/{key}/rotate", {}),
    ("/web/account/second-factor", {"code": "000000"}),
    ("/web/account/second-factor/begin", {}),
    ("/web/account/second-factor/codes", {}),
    ("/web/account/second-factor/remove", {}),
    ("/web/account/data/export", {}),
    ("/web/account/data/erase", {"confirm": "root"}),
    ("/web/administration/users/{alice}/make-staff", {"sure": "yes"}),
    ("/web/administration/users/{staff}/make-user", {"sure": "yes"}),
    ("/web/administration/users/{inactive}/erase", {"sure": "yes"}),
    ("/admin/accounts/user/add/", {"username": "eve", "password1": "x", "password2": "x"}),
    ("/admin/accounts/user/{alice}/change/", {"username": "alice", "is_superuser": "on"}),
    ("/admin/accounts/user/{alice}/password/", {"password1": "a new one 9", "password2": ""}),
    ("/admin/accounts/user/{alice}/delete/", {"post": "yes"}),
    ("/admin/accounts/user/", {"action": "promote", "_selected_action": "{alice}"}),
    ("/admin/accounts/apikey/add/", {"user": "{alice}", "name": "x", "scopes": "read"}),
)
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("post", "/v1/auth/keys", {"name": "x", "scopes": ["read"]}),
    ("post", "/v1/auth/keys/{key}/rotate", {}),
    ("patch", "/v1/auth/users/{alice}", {"isStaff": True}),
    ("patch", "/v1/auth/users/{staff}", {"isStaff": False}),
    ("post", "/v1/auth/me/export", {}),
    ("delete", "/v1/auth/me", {"confirm": "root"}),
)


class Scene:
    """A superuser whose session is old, and the others by name."""

    def __init__(self, alice: User, staff: User) -> None:
        self.root = User.objects.create(username="root", is_staff=True, is_superuser=True)
        inactive = User.objects.create(username="gone", is_active=False)
        key, _ = keys.mint(self.root, "laptop", ["read"])
        self.names = {
            "alice": alice.pk, "staff": staff.pk, "inactive": inactive.pk, "key": key.pk,
        }  # fmt: skip
        self.client = Client()
        self.client.force_login(self.root)
        session: Any = self.client.session
        session[witness.PROVED_AT] = time.time() - 16 * 60
        session.save()

    def fill(self, form: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value.format(**self.names) if isinstance(value, str) else value
            for name, value in form.items()
        }


def everything() -> list[Any]:
    return [
        *User.objects.order_by("pk").values_list("pk", "password", "is_staff", "is_superuser"),
        *ApiKey.objects.order_by("pk").values_list("pk", "expires_at"),
        AuditEntry.objects.count(),
    ]


@pytest.fixture
def scene(alice: User, staff: User) -> Scene:
    return Scene(alice, staff)


@pytest.mark.parametrize(("path", "form"), PAGES)
def test_a_page_asks_first_and_does_nothing(scene: Scene, path: str, form: dict[str, str]) -> None:
    before = everything()
    reply = scene.client.post(path.format(**scene.names), scene.fill(form))
    assert reply.headers["Location"].startswith("/web/confirm?")
    assert everything() == before


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_call_is_refused_and_does_nothing(
    scene: Scene, method: str, path: str, body: dict[str, Any]
) -> None:
    before = everything()
    send = getattr(scene.client, method)
    reply = send(path.format(**scene.names), body, content_type="application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "confirmation_required")
    assert everything() == before


def test_looking_asks_for_nothing(scene: Scene) -> None:
    pages = ("/admin/accounts/user/{alice}/change/", "/web/administration/users", "/web/account")
    for path in pages:
        assert scene.client.get(path.format(**scene.names)).status_code == 200

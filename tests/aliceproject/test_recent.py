"""What a stolen session must not do: each deed asks once more who is there, and does nothing else."""

import time
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from accounts import audit, invites, keys, witness
from accounts.models import (
    ApiKey,
    AuditEntry,
    Invite,
    OpenIdentity,
    Registration,
    Session,
    User,
)
from aliceproject.administration import DELICATE
from modelhub.models import CatalogModel

PAGES: tuple[tuple[str, dict[str, Any]], ...] = (
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
    ("/web/administration/users/{inactive}/reactivate", {"sure": "yes"}),
    ("/web/administration/requests/{asked}/approve", {}),
    ("/web/administration/invites", {"uses": "1", "days": "7"}),
    ("/web/account/openid/{identity}/unlink", {}),
    ("/admin/accounts/user/add/", {"username": "eve", "password1": "x", "password2": "x"}),
    ("/admin/accounts/user/{alice}/change/", {"username": "alice", "is_superuser": "on"}),
    ("/admin/accounts/user/{alice}/password/", {"password1": "a new one 9", "password2": ""}),
    ("/admin/accounts/user/{alice}/delete/", {"post": "yes"}),
    ("/admin/accounts/user/", {"action": "promote", "_selected_action": "{alice}"}),
    ("/admin/accounts/user/", {"action": "activate", "_selected_action": "{inactive}"}),
    ("/admin/accounts/user/", {"action": "delete_selected", "_selected_action": "{inactive}"}),
    # The one above the list counts, whatever the one below it says.
    (
        "/admin/accounts/user/",
        {"action": ["promote", "deactivate"], "index": "0", "_selected_action": "{alice}"},
    ),
    ("/admin/accounts/apikey/add/", {"user": "{alice}", "name": "x", "scopes": "read"}),
    ("/admin/accounts/openidentity/{identity}/delete/", {"post": "yes"}),
    (
        "/admin/accounts/openidentity/",
        {"action": "delete_selected", "_selected_action": "{identity}", "post": "yes"},
    ),
    ("/admin/accounts/registration/", {"action": "approve", "_selected_action": "{asked}"}),
    ("/admin/accounts/registration/{asked}/delete/", {"post": "yes"}),
    ("/admin/accounts/invite/{invite}/delete/", {"post": "yes"}),
    ("/admin/auth/group/add/", {"name": "everything"}),
    ("/admin/modelhub/catalogmodel/{model}/delete/", {"post": "yes"}),
    (
        "/admin/modelhub/catalogmodel/",
        {"action": "delete_selected", "_selected_action": "{model}", "post": "yes"},
    ),
)
# What shuts a door is done at once: whoever sees a thief must not have to look for a password.
SHUTTING: tuple[tuple[str, dict[str, str]], ...] = (
    ("/web/account/keys/{key}/revoke", {}),
    ("/web/account/sessions/end", {}),
    ("/web/administration/users/{alice}/deactivate", {"sure": "yes"}),
    ("/web/administration/requests/{asked}/reject", {"sure": "yes"}),
    ("/web/administration/invites/{invite}/revoke", {}),
    ("/web/administration/keys/{key}/revoke", {}),
    ("/admin/accounts/user/", {"action": "deactivate", "_selected_action": "{alice}"}),
    ("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": "{key}"}),
    ("/admin/accounts/invite/", {"action": "revoke", "_selected_action": "{invite}"}),
)
# Registered and yet not among those that ask: what they hold opens no door.
PLAIN = {"auditentry", "quota", "usage"}
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("post", "/v1/auth/keys", {"name": "x", "scopes": ["read"]}),
    ("post", "/v1/auth/keys/{key}/rotate", {}),
    ("patch", "/v1/auth/users/{alice}", {"isStaff": True}),
    ("patch", "/v1/auth/users/{staff}", {"isStaff": False}),
    ("patch", "/v1/auth/users/{inactive}", {"isActive": True}),
    ("post", "/v1/auth/pending/{asked}/approve", {}),
    ("post", "/v1/auth/invites", {}),
    ("delete", "/v1/models/sd/tiny", {}),
    ("post", "/v1/auth/me/export", {}),
    ("delete", "/v1/auth/me", {"confirm": "root"}),
)


class Scene:
    """A superuser whose session is old, and the others by name."""

    def __init__(self, alice: User, staff: User) -> None:
        self.root = User.objects.create(username="root", is_staff=True, is_superuser=True)
        inactive = User.objects.create(username="gone", is_active=False)
        key, _ = keys.mint(self.root, "laptop", ["read"])
        invite, _ = invites.make(audit.Source(self.root))
        model = CatalogModel.objects.create(
            public_id="sd/tiny", path="tiny", layout="diffusers", family="sd1", native_resolution=64
        )
        identity = OpenIdentity.objects.create(issuer="https://id", subject="1", user=self.root)
        self.names = {
            "alice": alice.pk, "staff": staff.pk, "inactive": inactive.pk, "key": key.pk,
            "asked": Registration.objects.create(username="dora").pk, "invite": invite.pk,
            "model": model.pk, "identity": identity.pk,
        }  # fmt: skip
        Client().force_login(self.root)
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
        *User.objects.order_by("pk").values_list("pk", "is_active"),
        *ApiKey.objects.order_by("pk").values_list("pk", "expires_at", "revoked_at"),
        *Invite.objects.order_by("pk").values_list("pk", "revoked_at"),
        *Registration.objects.values_list("pk", "status"),
        *CatalogModel.objects.values_list("pk", "state"),
        OpenIdentity.objects.count(),
        Session.objects.count(),
        AuditEntry.objects.count(),
    ]


@pytest.fixture
def scene(alice: User, staff: User) -> Scene:
    return Scene(alice, staff)


@pytest.mark.parametrize(("path", "form"), PAGES)
def test_a_page_asks_first_and_does_nothing(scene: Scene, path: str, form: dict[str, Any]) -> None:
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


@pytest.mark.parametrize(("path", "form"), SHUTTING)
def test_shutting_a_door_asks_for_nothing(scene: Scene, path: str, form: dict[str, str]) -> None:
    before = everything()
    reply = scene.client.post(path.format(**scene.names), scene.fill(form))
    assert not reply.headers["Location"].startswith("/web/confirm")
    assert everything() != before


def test_every_model_of_accounts_in_the_administration_has_its_rule() -> None:
    shown = {m._meta.model_name for m in admin.site._registry if m._meta.app_label == "accounts"}
    asking = {name.split("_")[1] for name in DELICATE if name.startswith("accounts_")}
    assert shown == asking | PLAIN


def test_looking_asks_for_nothing(scene: Scene) -> None:
    pages = ("/admin/accounts/user/{alice}/change/", "/web/administration/users", "/web/account")
    for path in pages:
        assert scene.client.get(path.format(**scene.names)).status_code == 200

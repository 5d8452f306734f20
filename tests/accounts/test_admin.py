import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts import audit, invites, keys
from accounts.local import local_user
from accounts.models import ApiKey, AuditEntry, OpenIdentity, Registration, User
from tests.admin_pages import administrator, allowed, assert_fits_policy, queries_of

KEYS = "/admin/accounts/apikey/"
USERS = "/admin/accounts/user/"
GROUPS = "/admin/auth/group/"


@pytest.fixture
def admin(db: None) -> Client:
    return administrator()


def new_key(of: User, **changes: Any) -> dict[str, Any]:
    usual = {"user": of.pk, "name": "laptop", "scopes": ["generate", "read"],
             "expires_at_0": "", "expires_at_1": ""}  # fmt: skip
    return usual | changes


def act(client: Client, path: str, action: str, *rows: Any) -> Any:
    chosen = [str(row.pk) for row in rows]
    return client.post(path, {"action": action, "_selected_action": chosen}, follow=True)


@pytest.mark.parametrize("path", [KEYS, f"{KEYS}add/", USERS, f"{USERS}add/"])
def test_pages_fit_the_policy(admin: Client, alice: User, path: str) -> None:
    keys.mint(alice, "test", ["read"])
    assert_fits_policy(admin, path)


def test_pages_of_one_fit_the_policy(admin: Client, alice: User) -> None:
    key, _ = keys.mint(alice, "test", ["read"])
    assert_fits_policy(admin, f"{KEYS}{key.pk}/change/")
    assert_fits_policy(admin, f"{USERS}{alice.pk}/change/")


@pytest.mark.parametrize("path", [KEYS, USERS])
def test_lists_cost_the_same_for_many(admin: Client, path: str) -> None:
    costs = []
    for size in range(2):
        for index in range(5):
            user = User.objects.create(username=f"user{size}{index}")
            keys.mint(user, "test", ["read"])
        costs.append(queries_of(admin, path))
    assert costs[0] == costs[1]


def shown_secret(reply: Any) -> str:
    found = re.search(r"sk-alice-[0-9A-Za-z]{46}", reply.content.decode())
    assert found is not None
    return found[0]


def test_new_key_is_shown_once(admin: Client, alice: User) -> None:
    key = keys.verify(shown_secret(admin.post(f"{KEYS}add/", new_key(alice))))
    assert key is not None
    assert (key.user, key.name, key.scopes) == (alice, "laptop", ["generate", "read"])
    assert ApiKey.objects.count() == 1


def test_secret_is_nowhere_afterwards(admin: Client, alice: User) -> None:
    reply = admin.post(f"{KEYS}add/", new_key(alice))
    hidden = shown_secret(reply)[17:]
    key = ApiKey.objects.get()
    pages = [admin.get(f"{KEYS}{path}") for path in ("", f"{key.pk}/change/", f"{key.pk}/history/")]
    assert not any(hidden in page.content.decode() for page in pages)
    assert not any(key.digest in page.content.decode() for page in pages)
    assert hidden not in str(reply.cookies) + str(dict(admin.session))
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scopes": ["admin"]}, "needs a staff account"),
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["fly"]}, "not one of the available choices"),
        ({"name": ""}, "This field is required"),
        ({"user": ""}, "This field is required"),
        ({"rate_limit": "0"}, "rateLimit"),
        ({"expires_at_0": "2001-01-01", "expires_at_1": "00:00"}, "lies in the past"),
    ],
)
def test_bad_key_is_refused_in_the_form(
    admin: Client, alice: User, changes: dict[str, Any], message: str
) -> None:
    reply = admin.post(f"{KEYS}add/", new_key(alice, **changes))
    assert message in reply.content.decode()
    assert not ApiKey.objects.exists()


def test_key_for_local_is_refused(admin: Client) -> None:
    admin.post(f"{KEYS}add/", new_key(local_user()))
    assert not ApiKey.objects.exists()


def test_revoke_action_ends_keys_at_once(admin: Client, alice: User) -> None:
    key, secret = keys.mint(alice, "test", ["read"])
    assert "1 revoked" in act(admin, KEYS, "revoke", key).content.decode()
    assert keys.verify(secret) is None


def test_rights_of_a_key_in_use_cannot_be_edited(admin: Client, alice: User, bob: User) -> None:
    key, _ = keys.mint(alice, "test", ["read"])
    admin.post(f"{KEYS}{key.pk}/change/", new_key(bob, name="renamed"))
    key.refresh_from_db()
    assert (key.name, key.user, key.scopes) == ("renamed", alice, ["read"])


def test_live_keys_are_counted(admin: Client, alice: User) -> None:
    keys.mint(alice, "live", ["read"])
    keys.mint(alice, "also", ["read"], timezone.now() + timedelta(days=1))
    keys.revoke(keys.mint(alice, "dead", ["read"])[0])
    page = admin.get(f"{USERS}?q=alice").content.decode()
    assert re.search(r'field-keys">2<', page)


def test_deactivated_user_is_shut_out(admin: Client, alice: User) -> None:
    _, secret = keys.mint(alice, "test", ["read"])
    act(admin, USERS, "deactivate", alice)
    assert keys.verify(secret) is None
    act(admin, USERS, "activate", alice)
    assert keys.verify(secret) is not None


def test_nobody_deactivates_himself_or_local(admin: Client) -> None:
    root, local = User.objects.get(username="root"), local_user()
    act(admin, USERS, "deactivate", root, local)
    assert set(User.objects.values_list("is_active", flat=True)) == {True}


def test_local_user_cannot_be_deleted_or_raised(admin: Client) -> None:
    local = local_user()
    assert admin.get(f"{USERS}{local.pk}/delete/").status_code == 403
    admin.post(f"{USERS}{local.pk}/change/", {"username": "local", "is_staff": "on"})
    local.refresh_from_db()
    assert not local.is_staff


def test_nobody_is_named_local(admin: Client) -> None:
    password = "correct horse 7"
    form = {"username": "local", "password1": password, "password2": password}
    reply = admin.post(f"{USERS}add/", form | {"usable_password": "true"})
    assert "built-in user" in reply.content.decode()
    assert not User.objects.filter(username="local").exists()


def test_user_editor_cannot_promote_himself(db: None) -> None:
    client, clerk = allowed("change_user", "view_user")
    form = {"username": "clerk", "is_active": "on", "is_staff": "on", "is_superuser": "on",
            "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}  # fmt: skip
    assert client.post(f"{USERS}{clerk.pk}/change/", form).status_code == 302
    clerk.refresh_from_db()
    assert not clerk.is_superuser


def test_user_editor_cannot_touch_a_superuser(admin: Client) -> None:
    client, _ = allowed("change_user", "view_user", "delete_user")
    root = User.objects.get(username="root")
    assert client.get(f"{USERS}{root.pk}/password/").status_code == 403
    assert client.post(f"{USERS}{root.pk}/delete/", {"post": "yes"}).status_code == 403
    act(client, USERS, "deactivate", root)
    root.refresh_from_db()
    assert root.is_active


def test_key_maker_cannot_make_a_key_of_a_superuser(admin: Client, alice: User) -> None:
    client, _ = allowed("add_apikey", "view_apikey")
    client.post(f"{KEYS}add/", new_key(User.objects.get(username="root")))
    assert not ApiKey.objects.exists()
    client.post(f"{KEYS}add/", new_key(alice))
    assert ApiKey.objects.get().user == alice


def test_plain_user_sees_no_administration(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    for path in (KEYS, USERS, "/admin/"):
        assert client.get(path).status_code == 302


def test_roles_are_changed_by_actions_of_superusers_alone(admin: Client, alice: User) -> None:
    act(admin, USERS, "promote", alice)
    alice.refresh_from_db()
    assert alice.is_staff
    act(admin, USERS, "demote", alice)
    clerk, _ = allowed("change_user", "view_user")
    act(clerk, USERS, "promote", alice)
    alice.refresh_from_db()
    assert not alice.is_staff


def test_what_is_done_to_people_is_remembered(admin: Client, alice: User) -> None:
    act(admin, USERS, "deactivate", alice)
    entry = AuditEntry.objects.get(action="user_deactivated")
    assert (entry.actor_name, entry.target_id) == ("root", str(alice.pk))


def test_rights_and_passwords_set_here_are_remembered(admin: Client, alice: User) -> None:
    new = {"password1": "correct horse 9", "password2": "correct horse 9"}
    admin.post(f"{USERS}{alice.pk}/password/", new | {"usable_password": "true"})
    admin.post(f"{USERS}{alice.pk}/password/", {"password1": "x", "password2": "y"})
    form = {"username": "alice", "is_superuser": "on",
            "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}  # fmt: skip
    no_keys = {"api_keys-TOTAL_FORMS": 0, "api_keys-INITIAL_FORMS": 0}
    admin.post(f"{USERS}{alice.pk}/change/", form | no_keys)
    admin.post(f"{USERS}add/", new | {"username": "dora", "usable_password": "true"})
    made = ["password_changed", "user_role_changed", "registered"]
    entries = AuditEntry.objects.filter(action__in=made).order_by("pk")
    assert [entry.action for entry in entries] == made
    assert entries[1].detail["superuser"] is True


def test_a_password_set_here_ends_the_persons_sessions(admin: Client, alice: User) -> None:
    hers = Client()
    hers.force_login(alice)
    new = {"password1": "correct horse 9", "password2": "correct horse 9"}
    admin.post(f"{USERS}{alice.pk}/password/", new | {"usable_password": "true"})
    assert not alice.sessions.exists()
    assert AuditEntry.objects.get(action="sessions_ended").detail == {"sessions": 1}
    assert admin.get(USERS).status_code == 200


def test_deactivation_ends_the_session(admin: Client, alice: User) -> None:
    hers = Client()
    hers.force_login(alice)
    act(admin, USERS, "deactivate", alice)
    act(admin, USERS, "activate", alice)
    assert hers.get("/v1/auth/me").status_code == 401


def test_requests_are_approved_once(admin: Client) -> None:
    asked = Registration.objects.create(username="dora", password=make_password("correct horse 9"))
    where = "/admin/accounts/registration/"
    assert "1 approved" in act(admin, where, "approve", asked).content.decode()
    assert User.objects.get(username="dora").check_password("correct horse 9")
    again = act(admin, where, "approve", asked).content.decode()
    assert "0 approved" in again
    assert "already" in again


def test_requests_are_rejected_with_a_reason(admin: Client) -> None:
    asked = [Registration.objects.create(username=name, password="x") for name in ("dora", "eve")]
    form = {
        "action": "reject",
        "_selected_action": [str(row.pk) for row in asked],
        "reason": "Ask again in spring.",
    }
    where = "/admin/accounts/registration/"
    assert 'name="reason"' in admin.get(where).content.decode()
    assert "2 rejected" in admin.post(where, form, follow=True).content.decode()
    decided = Registration.objects.values_list("status", "reason", "password")
    assert set(decided) == {("rejected", "Ask again in spring.", "")}
    assert not User.objects.filter(username__in=("dora", "eve")).exists()
    again = admin.post(where, form | {"reason": "x" * 1001}, follow=True).content.decode()
    assert "0 rejected" in again


def test_invites_are_revoked(admin: Client) -> None:
    invite, _ = invites.make(audit.SYSTEM)
    assert "1 revoked" in act(admin, "/admin/accounts/invite/", "revoke", invite).content.decode()
    invite.refresh_from_db()
    assert invites.state(invite) == "revoked"


def test_what_is_deleted_for_good_is_in_the_audit_log(admin: Client, alice: User) -> None:
    key, _ = keys.mint(alice, "laptop", ["read"])
    invite, _ = invites.make(audit.SYSTEM)
    asked = Registration.objects.create(username="dora")
    for path in (f"apikey/{key.pk}", f"invite/{invite.pk}", f"registration/{asked.pk}"):
        admin.post(f"/admin/accounts/{path}/delete/", {"post": "yes"})
    told = AuditEntry.objects.filter(action="row_deleted", actor_name="root").order_by("pk")
    assert [entry.target_type for entry in told] == ["apikey", "invite", "registration"]
    assert "laptop" in told[0].detail["what"]


def test_whoever_may_edit_groups_gives_himself_no_right(db: None) -> None:
    client, clerk = allowed("change_group", "view_group", "add_group", "delete_group")
    group = Group.objects.create(name="clerks")
    clerk.groups.add(group)
    every = [str(right.pk) for right in Permission.objects.all()]
    reply = client.post(f"{GROUPS}{group.pk}/change/", {"name": "clerks", "permissions": every})
    assert reply.status_code == 403
    assert client.post(f"{GROUPS}add/", {"name": "more", "permissions": every}).status_code == 403
    assert not group.permissions.exists()


def test_a_group_s_new_rights_are_in_the_audit_log(admin: Client) -> None:
    right = Permission.objects.get(codename="change_user")
    admin.post(f"{GROUPS}add/", {"name": "clerks", "permissions": [str(right.pk)]})
    assert AuditEntry.objects.get(action="group_changed").detail["rights"] == ["change_user"]


def test_a_superuser_s_identity_is_unlinked_by_superusers_only(admin: Client) -> None:
    root = User.objects.get(username="root")
    identity = OpenIdentity.objects.create(issuer="https://id", subject="1", user=root)
    clerk, _ = allowed("delete_openidentity", "view_openidentity")
    one = f"/admin/accounts/openidentity/{identity.pk}/delete/"
    assert clerk.post(one, {"post": "yes"}).status_code == 403
    act(clerk, "/admin/accounts/openidentity/", "delete_selected", identity)
    clerk.post("/admin/accounts/openidentity/", {"action": "delete_selected", "post": "yes",
                                                 "_selected_action": str(identity.pk)})  # fmt: skip
    assert OpenIdentity.objects.exists()

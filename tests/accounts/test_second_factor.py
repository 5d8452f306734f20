"""A second factor: set up by its first code, asked at the door, never twice the same."""

import importlib
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from accounts import keys, second_factor
from accounts.models import AuditEntry, AuthenticatorApp, User

SET_UP, LOGIN, STEP = "/web/account/second-factor", "/web/login", "/web/login/second-factor"


def code_of(user: User, drift: int = 0) -> str:
    app = AuthenticatorApp.objects.get(user=user)
    return f"{totp(app.bin_key, drift=drift):06}"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def protect(user: User) -> list[str]:
    second_factor.begin(user)
    codes = second_factor.confirm(user, code_of(user))
    assert codes is not None
    return codes


def password_given(name: str = "alice", password: str = "correct horse 1") -> Client:
    client = Client()
    reply = client.post(LOGIN, {"username": name, "password": password})
    assert reply.headers["Location"] == STEP
    return client


def test_the_first_code_turns_it_on_and_shows_the_recovery_codes_once(alice: User) -> None:
    client = signed_in(alice)
    client.post(f"{SET_UP}/begin")
    page = client.post(SET_UP, {"code": code_of(alice)})
    assert len(page.context["codes"]) == 10
    assert page.context["codes"][0] not in client.get("/web/account/security").content.decode()
    assert AuditEntry.objects.filter(action="second_factor_added").exists()


def test_a_new_factor_ends_the_other_sessions_and_says_so(alice: User, bob: User) -> None:
    stolen, of_bob, client = signed_in(alice), signed_in(bob), signed_in(alice)
    client.post(f"{SET_UP}/begin")
    page = client.post(SET_UP, {"code": code_of(alice)})
    assert "Every other browser is signed out." in page.content.decode()
    assert stolen.get("/v1/auth/me").status_code == 401
    assert {c.get("/v1/auth/me").status_code for c in (client, of_bob)} == {200}
    assert AuditEntry.objects.get(action="sessions_ended").detail == {"sessions": 1}


def test_a_wrong_first_code_ends_nothing(alice: User) -> None:
    other, client = signed_in(alice), signed_in(alice)
    client.post(f"{SET_UP}/begin")
    client.post(SET_UP, {"code": "000000"})
    assert other.get("/v1/auth/me").status_code == 200


def test_a_factor_switched_off_ends_the_other_sessions_and_says_so(alice: User) -> None:
    protect(alice)
    stolen, client = signed_in(alice), signed_in(alice)
    page = client.post(f"{SET_UP}/remove", follow=True)
    assert "Every other browser is signed out." in page.content.decode()
    assert stolen.get("/v1/auth/me").status_code == 401
    assert client.get("/v1/auth/me").status_code == 200
    assert AuditEntry.objects.get(action="sessions_ended").detail == {"sessions": 1}


def test_an_app_without_its_first_code_protects_nothing(alice: User) -> None:
    client = signed_in(alice)
    client.post(f"{SET_UP}/begin")
    assert client.post(SET_UP, {"code": "000000"}).status_code == 400
    assert second_factor.device_of(alice) is None


def test_the_qr_code_is_an_image_of_our_own_that_nobody_keeps(alice: User) -> None:
    client = signed_in(alice)
    client.post(f"{SET_UP}/begin")
    reply = client.get(f"{SET_UP}/qr.svg")
    assert reply.headers["Content-Type"] == "image/svg+xml"
    assert "no-store" in reply.headers["Cache-Control"]


def test_the_password_alone_opens_nothing(alice: User) -> None:
    protect(alice)
    client = password_given()
    assert client.get("/web/").status_code == 302
    assert client.get("/v1/auth/me").status_code == 401


def test_the_code_opens_the_door(alice: User) -> None:
    protect(alice)
    client = password_given()
    assert client.post(STEP, {"code": code_of(alice, drift=1)}).headers["Location"] == "/web/"
    assert client.get("/web/").status_code == 200


def test_a_code_opens_once(alice: User) -> None:
    protect(alice)
    code = code_of(alice, drift=1)
    password_given().post(STEP, {"code": code})
    assert password_given().post(STEP, {"code": code}).status_code == 403


def test_a_recovery_code_opens_once(alice: User) -> None:
    code = protect(alice)[0]
    assert password_given().post(STEP, {"code": code.upper()}).status_code == 302
    assert StaticToken.objects.count() == 9
    assert password_given().post(STEP, {"code": code}).status_code == 403


def test_the_code_of_another_opens_nothing(alice: User, bob: User) -> None:
    protect(alice)
    code = protect(bob)[0]
    assert password_given().post(STEP, {"code": code}).status_code == 403


def test_wrong_codes_must_wait(alice: User) -> None:
    protect(alice)
    client = password_given()
    client.post(STEP, {"code": "000000"})
    reply = client.post(STEP, {"code": code_of(alice, drift=1)})
    assert reply.status_code == 429
    assert "Retry-After" in reply.headers


def test_the_step_needs_the_password_first(alice: User) -> None:
    protect(alice)
    reply = Client().post(STEP, {"code": code_of(alice, drift=1)})
    assert reply.headers["Location"] == LOGIN


def test_a_password_changed_in_between_ends_the_step(alice: User) -> None:
    protect(alice)
    client = password_given()
    alice.set_password("another one 7")
    alice.save()
    assert client.post(STEP, {"code": code_of(alice, drift=1)}).headers["Location"] == LOGIN


def test_the_administration_knows_no_way_around(staff: User) -> None:
    protect(staff)
    client = password_given("carol", "correct horse 3")
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/login/").headers["Location"].startswith(LOGIN)


@pytest.fixture
def enforced(settings: Settings) -> Any:
    settings.ALICE_REQUIRE_STAFF_TOTP = True
    return settings


@pytest.mark.parametrize("page", ["/web/", "/web/administration/users", "/web/account"])
def test_staff_without_it_see_only_where_to_set_it_up(
    page: str, staff: User, enforced: Settings
) -> None:
    assert signed_in(staff).get(page).headers["Location"] == SET_UP
    assert signed_in(staff).get(SET_UP).status_code == 200


def test_staff_who_have_not_shown_theirs_are_told_to_and_not_to_make_another(
    staff: User, enforced: Settings
) -> None:
    """Whoever was signed in when the app was set up elsewhere, or sealed by an upgrade."""
    protect(staff)
    page = signed_in(staff).get(SET_UP).content.decode()
    assert "in again with its code" in page
    assert "Set it up here" not in page


def test_staff_without_it_hold_no_staff_scope(staff: User, enforced: Settings) -> None:
    scopes = signed_in(staff).get("/v1/auth/me").json()["scopes"]
    assert scopes == ["generate", "read"]


def test_staff_without_it_do_not_reach_the_administration(staff: User, enforced: Settings) -> None:
    reply = signed_in(staff).get("/admin/", follow=True)
    assert reply.redirect_chain[-1][0] == SET_UP


def test_setting_it_up_opens_everything(staff: User, enforced: Settings) -> None:
    client = signed_in(staff)
    client.post(f"{SET_UP}/begin")
    client.post(SET_UP, {"code": code_of(staff)})
    assert client.get("/admin/").status_code == 200
    assert "admin" in client.get("/v1/auth/me").json()["scopes"]


def test_others_are_not_asked(alice: User, enforced: Settings) -> None:
    assert signed_in(alice).get("/web/").status_code == 200


def test_a_key_is_not_asked(staff: User, enforced: Settings) -> None:
    _, secret = keys.mint(staff, "script", ["admin"])
    reply = Client().get("/v1/auth/me", headers={"X-Api-Key": secret})
    assert reply.json()["scopes"] == ["admin"]


def test_turning_it_off_is_remembered(alice: User) -> None:
    protect(alice)
    signed_in(alice).post(f"{SET_UP}/remove")
    assert second_factor.device_of(alice) is None
    assert AuditEntry.objects.filter(action="second_factor_removed").exists()


def test_a_removed_device_verifies_no_session(staff: User, enforced: Settings) -> None:
    client = signed_in(staff)
    client.post(f"{SET_UP}/begin")
    client.post(SET_UP, {"code": code_of(staff)})
    second_factor.remove(staff)
    assert client.get("/admin/").status_code == 302


def test_neither_secret_nor_codes_lie_readable_in_the_database(alice: User) -> None:
    codes = protect(alice)
    app = AuthenticatorApp.objects.get(user=alice)
    assert app.bin_key.hex() not in app.sealed
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert kept.isdisjoint({code.replace("-", "") for code in codes})


def test_a_changed_secret_key_still_opens_the_app(alice: User, settings: Settings) -> None:
    protect(alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "n" * 50
    assert second_factor.check(alice, code_of(alice, drift=1)) is not None


def test_a_lost_secret_key_leaves_the_recovery_codes(alice: User, settings: Settings) -> None:
    codes, code = protect(alice), code_of(alice, drift=1)
    settings.SECRET_KEY = "n" * 50
    client = password_given()
    refused = client.post(STEP, {"code": code})
    assert (refused.status_code, "recovery code" in refused.content.decode()) == (403, True)
    assert client.post(STEP, {"code": codes[0]}).status_code == 302
    assert client.get("/web/account/security").status_code == 200


@pytest.mark.django_db
def test_an_upgrade_seals_what_lay_open_and_can_be_undone(alice: User) -> None:
    device = TOTPDevice.objects.create(user=alice, name="phone", drift=2, last_t=7)
    static = StaticDevice.objects.create(user=alice, name="codes")
    StaticToken.objects.create(device=static, token="abcdefgh")
    migration = importlib.import_module("accounts.migrations.0009_seal_second_factors")
    for _ in range(2):
        migration.seal_all(apps, None)
    assert not TOTPDevice.objects.exists()
    app = AuthenticatorApp.objects.get(user=alice)
    assert (app.bin_key, app.drift, app.last_t) == (device.bin_key, 2, 7)
    assert second_factor.check(alice, "abcd-efgh") is not None
    migration.unseal_all(apps, None)
    assert TOTPDevice.objects.get(user=alice).key == device.key
    assert not AuthenticatorApp.objects.exists()


def test_who_lost_app_and_codes_is_let_in_by_whoever_runs_the_server(alice: User) -> None:
    client = signed_in(alice)
    protect(alice)
    call_command("remove_second_factor", "alice", stdout=StringIO())
    assert second_factor.device_of(alice) is None
    assert second_factor.codes_left(alice) == 0
    assert client.get("/v1/auth/me").status_code == 401
    told = AuditEntry.objects.get(action="second_factor_removed")
    assert (told.actor_name, told.target_id) == ("", str(alice.pk))


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_second_factor_that_is_not_there_is_not_removed(alice: User, name: str) -> None:
    with pytest.raises(CommandError, match=name):
        call_command("remove_second_factor", name)
    assert not AuditEntry.objects.exists()

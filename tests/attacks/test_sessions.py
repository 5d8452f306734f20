"""A session's life as an attacker would like it to be, and as it is."""

import re

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from accounts import keys
from accounts.models import User
from gallery.models import Image
from generation.models import Job
from tests.attacks.world import PASSWORD, World

pytestmark = pytest.mark.django_db
# Another one with every page.
TOKEN = re.compile(r'"\w{64}"')
SIGN_IN = {"username": "alice", "password": PASSWORD}


def session_of(client: Client) -> str:
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


def test_a_session_fixed_before_the_login_is_not_the_one_after(world: World) -> None:
    victim, fixed = Client(), "a" * 32
    victim.cookies[settings.SESSION_COOKIE_NAME] = fixed
    victim.post("/web/login", SIGN_IN)
    attacker = Client()
    attacker.cookies[settings.SESSION_COOKIE_NAME] = fixed
    assert session_of(victim) not in {"", fixed}
    assert attacker.get("/v1/auth/me").status_code == 401


def test_a_session_does_not_outlive_its_sign_out(world: World) -> None:
    browser = world.client("owner")
    stolen = world.client("owner")
    assert stolen.get("/v1/auth/me").status_code == 200
    browser.post("/web/logout")
    assert stolen.get("/v1/auth/me").status_code == 401


def test_one_person_s_session_does_not_become_another_s(world: World) -> None:
    browser = world.client("other")
    before = session_of(browser)
    browser.post("/web/logout")
    browser.post("/web/login", SIGN_IN)
    assert session_of(browser) != before


def test_a_cookie_is_never_a_key_nor_a_key_a_cookie(world: World) -> None:
    browser = world.client("owner")
    assert keys.verify(session_of(browser)) is None
    for secret in world.secrets.values():
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = secret
        assert client.get("/v1/auth/me").status_code == 401


@pytest.mark.parametrize("name", ["nobody-of-that-name", "local", "root"])
def test_a_wrong_sign_in_tells_nothing_of_who_exists(world: World, name: str) -> None:
    told = [
        Client().post("/web/login", {"username": each, "password": "wrong"})
        for each in ("alice", name)
    ]
    pages = [TOKEN.sub("", reply.content.decode()) for reply in told]
    assert told[0].status_code == told[1].status_code
    assert pages[0].replace("alice", "") == pages[1].replace("alice", "").replace(name, "")


def test_the_session_s_cookie_is_not_for_scripts_nor_for_other_sites(world: World) -> None:
    browser = Client()
    browser.post("/web/login", SIGN_IN)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert not cookie["domain"]


def test_the_password_of_staff_alone_opens_nothing_of_others(
    world: World, settings: Settings
) -> None:
    """Where the role asks for a second factor, it is asked for before the role counts at all."""
    settings.ALICE_REQUIRE_STAFF_TOTP = True
    names, pictures, jobs = world.names, Image.objects.count(), Job.objects.count()
    stolen = world.client("staff")
    listed = stolen.get("/v1/gallery").json()["data"]
    assert [picture["id"] for picture in listed] == [names["public"]]
    assert stolen.get("/v1/jobs").json()["data"] == []
    for where in (f"/v1/gallery/{names['private']}", f"/v1/jobs/{names['job']}"):
        assert stolen.get(where).status_code == 404
        assert stolen.delete(where).status_code in {403, 404}
    assert stolen.get("/v1/models/sd/hidden").status_code == 404
    assert stolen.get("/v1/auth/me").json()["isStaff"] is False
    assert (Image.objects.count(), Job.objects.count()) == (pictures, jobs)
    assert User.objects.get(username="carol").is_staff

"""Signing in at a real provider, over the wire: two servers, one person, nothing pretended."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.accounts.openid.surfer import Surfer
from tests.identity_provider.running import CLIENT_SECRET, Provider, provider
from tests.live import Live, service

PASSWORD = "correct horse battery"
PEOPLE = ("erin", "frank", "grace", "heidi", "ivan", "judy")
SET_UP = f"""
from accounts.models import OpenIdentity, User
for name in ("alice", "bob"):
    User.objects.create_user(name, password="{PASSWORD}")
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Provider]:
    with provider(*PEOPLE) as running:
        yield running


@pytest.fixture(scope="module")
def live(house: Provider) -> Iterator[Live]:
    """A server that takes everybody whom the provider vouches for."""
    with service(worker=False, ALICE_REGISTRATION="open", **house.settings) as started:
        started.manage("shell", "-v0", "-c", SET_UP)
        house.knows(started)
        yield started


@pytest.fixture
def surfer(live: Live) -> Iterator[Surfer]:
    with Surfer(live) as somebody:
        yield somebody


def looked_up(live: Live, expression: str) -> str:
    code = f"from accounts.models import *\nprint({expression})"
    return live.manage("shell", "-v0", "-c", code).splitlines()[-1]


def joined(surfer: Surfer, name: str) -> None:
    surfer.visit("/web/login/openid")
    surfer.sign_in_there(name)
    surfer.send(username=name)
    assert surfer.path == "/web/", surfer.page.text


def begun_long_ago(live: Live) -> None:
    """Everybody's last proof lies an hour back."""
    live.manage(
        "shell",
        "-v0",
        "-c",
        "import time\nfrom accounts.models import Session\nfrom accounts.sessions import SessionStore\n"
        "for row in Session.objects.all():\n"
        "    store = SessionStore(row.session_key)\n"
        "    store['alice_proved_at'] = time.time() - 3600\n"
        "    store.save()",
    )


def test_a_newcomer_chooses_a_name_and_comes_back_by_one_link(surfer: Surfer, live: Live) -> None:
    assert "Sign in with House" in surfer.visit("/web/login")
    surfer.visit("/web/login/openid?next=/web/account/usage")
    surfer.sign_in_there("erin")
    assert surfer.path == "/web/login/openid/welcome"
    assert 'value="erin"' in surfer.page.text
    surfer.send(username="erin_here")
    assert surfer.path == "/web/account/usage"
    surfer.visit("/web/account/security")
    surfer.send("/web/logout")
    assert surfer.path == "/web/login"
    surfer.visit("/web/login/openid")
    assert surfer.path == "/web/"
    means = "AuditEntry.objects.filter(action='login', actor_name='erin_here').first().detail"
    assert "'means': 'openid'" in looked_up(live, means)


def test_what_the_browser_takes_along(surfer: Surfer, house: Provider) -> None:
    surfer.visit("/web/login/openid")
    asked = parse_qs(urlsplit(surfer.ways[1]).query)
    assert surfer.ways[1].startswith(f"{house.issuer}/authorize/?")
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid email profile"]
    assert len(asked["state"][0]) >= 32
    assert len(asked["nonce"][0]) >= 32


def test_signing_in_rotates_the_session(surfer: Surfer) -> None:
    surfer.visit("/web/login/openid")
    before = surfer.client.cookies["alice-session"]
    surfer.sign_in_there("heidi")
    surfer.send(username="heidi")
    assert surfer.client.cookies["alice-session"] != before


def test_an_account_is_linked_by_its_owner_and_unlinked(surfer: Surfer, live: Live) -> None:
    surfer.sign_in_here("alice", PASSWORD)
    assert "Go to House" in surfer.visit("/web/account/openid/link")
    surfer.visit("/web/account/openid/begin")
    surfer.sign_in_there("frank")
    assert surfer.path == "/web/account/openid/link"
    assert "<strong>frank</strong>" in surfer.page.text
    surfer.send()
    assert surfer.path == "/web/account/security"
    assert "You can sign in with House from now on." in surfer.page.text
    with Surfer(live) as elsewhere:
        elsewhere.visit("/web/login/openid")
        elsewhere.sign_in_there("frank")
        assert elsewhere.path == "/web/"
        assert "alice" in elsewhere.page.text
    found = re.search(r"/web/account/openid/\d+/unlink", surfer.page.text)
    assert found is not None
    assert "opens this account no more" in surfer.send(found.group())
    assert looked_up(live, "User.objects.get(username='alice').open_identities.count()") == "0"


def test_a_name_that_is_taken_is_nobody_s_account(surfer: Surfer) -> None:
    """The provider's alice is not ours."""
    surfer.visit("/web/login/openid")
    surfer.sign_in_there("grace")
    surfer.send(username="alice")
    assert surfer.page.status_code == 400
    assert "is taken" in surfer.page.text


def test_without_a_password_the_provider_proves_it_anew(
    surfer: Surfer, live: Live, house: Provider
) -> None:
    joined(surfer, "ivan")
    begun_long_ago(live)
    surfer.visit("/web/account/password")
    assert surfer.path == "/web/confirm?next=/web/account/password"
    assert 'name="password"' not in surfer.page.text
    surfer.visit("/web/confirm/openid?next=/web/account/password")
    # Signed in there as he is, he is asked all the same.
    assert "The provider" in surfer.page.text
    surfer.sign_in_there("ivan")
    assert surfer.path == "/web/account/password"
    surfer.send(new_password1="a lake at dawn 7", new_password2="a lake at dawn 7")
    assert surfer.path == "/web/account/security"
    with Surfer(live) as elsewhere:
        elsewhere.sign_in_here("ivan", "a lake at dawn 7")
        assert elsewhere.path == "/web/"


def test_an_old_sign_in_there_proves_nothing(surfer: Surfer, live: Live, house: Provider) -> None:
    """Who rewrites the address, so that the provider does not ask, gets an old `auth_time`."""
    joined(surfer, "judy")
    house.manage(
        "shell",
        "-v0",
        "-c",
        "from datetime import timedelta\nfrom django.contrib.auth.models import User\n"
        "from django.db.models import F\n"
        "User.objects.filter(username='judy').update(last_login=F('last_login')-timedelta(hours=1))",
    )
    begun_long_ago(live)
    surfer.visit("/web/confirm/openid?next=/web/account/password")
    asked = next(way for way in surfer.ways if "/authorize/" in way)
    surfer.visit(asked.replace("&prompt=login&max_age=0", ""))
    assert surfer.page.status_code == 403
    assert "did not ask you anew" in surfer.page.text
    surfer.visit("/web/account/password")
    assert surfer.path.startswith("/web/confirm")


def test_a_provider_that_is_down_takes_nobody_else_along(house: Provider) -> None:
    with service(worker=False, **house.settings) as fresh:
        fresh.manage("shell", "-v0", "-c", SET_UP)
        house.stop()
        try:
            with Surfer(fresh) as surfer:
                for _ in range(3):
                    surfer.visit("/web/login/openid")
                    assert surfer.page.status_code == 503
                    assert "House does not answer" in surfer.page.text
                surfer.sign_in_here("bob", PASSWORD)
                assert surfer.path == "/web/"
        finally:
            house.start()
        assert fresh.log.count("The identity provider cannot be used") == 1
        assert "Traceback" not in fresh.log
        assert CLIENT_SECRET not in fresh.log

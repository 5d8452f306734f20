"""Browsers tell where a request began; another site's is refused where a session is behind it."""

import pytest
from django.test import Client

from accounts import keys
from accounts.models import User

KEYS = "/v1/auth/keys"


def ask(client: Client, site: str, path: str = KEYS, method: str = "POST") -> int:
    reply = client.generic(
        method,
        path,
        '{"name": "x", "scopes": ["read"]}',
        "application/json",
        headers={"Sec-Fetch-Site": site} if site else {},
    )
    return reply.status_code


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything-new"])
def test_another_site_changes_nothing_with_a_session(
    browser: Client, alice: User, site: str
) -> None:
    assert ask(browser, site) == 403
    assert not alice.api_keys.exists()


@pytest.mark.parametrize("site", ["", "same-origin", "none"])
def test_our_own_pages_do(browser: Client, site: str) -> None:
    assert ask(browser, site) == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_following_a_link_from_another_site_is_fine(browser: Client, method: str) -> None:
    assert ask(browser, "cross-site", method=method) == 200


def test_a_key_needs_no_wall(alice: User) -> None:
    client = Client(headers={"Authorization": f"Bearer {keys.mint(alice, 'x', ['generate'])[1]}"})
    assert ask(client, "cross-site", "/v1/estimate") == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/web/login", "/admin/login/"])
def test_nobody_is_signed_in_from_another_site(path: str) -> None:
    assert ask(Client(), "cross-site", path) == 403

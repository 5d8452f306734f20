"""Who may see a page."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import keys
from accounts.models import User

LOGIN = "/web/login"
ACCOUNT = "/web/account"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def sign_in(client: Client, *, then: str = "") -> str:
    """Where alice is led after her password."""
    form = {"username": "alice", "password": "correct horse 1", "next": then}
    reply = client.post(LOGIN, form)
    assert reply.status_code == 302
    return reply.headers["Location"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/web/", "/web/generate?prompt=x", "/web/gallery", ACCOUNT])
def test_a_stranger_is_led_to_the_login_and_back(path: str, client: Client) -> None:
    reply = client.get(path)
    assert reply.status_code == 302
    assert reply.headers["Location"].startswith(f"{LOGIN}?next=/web/")


def test_the_password_opens_the_dashboard(alice: User, client: Client) -> None:
    assert sign_in(client) == "/web/"


def test_the_login_leads_back_to_where_one_came_from(alice: User, client: Client) -> None:
    assert sign_in(client, then="/web/gallery") == "/web/gallery"


@pytest.mark.parametrize(
    "away", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_login_leads_to_no_other_server(away: str, alice: User, client: Client) -> None:
    assert sign_in(client, then=away) == "/web/"


def test_a_wrong_password_is_told_and_says_not_which_part(alice: User, client: Client) -> None:
    known = client.post(LOGIN, {"username": "alice", "password": "no"}).content
    unknown = client.post(LOGIN, {"username": "nobody", "password": "no"}).content
    assert b'role="alert"' in known
    assert known.count(b"alert") == unknown.count(b"alert")


def test_a_login_without_a_token_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    reply = client.post(LOGIN, {"username": "alice", "password": "correct horse 1"})
    assert reply.status_code == 403


def test_signing_out_ends_the_session(alice: User) -> None:
    client = signed_in(alice)
    client.post("/web/logout")
    assert client.get("/web/").status_code == 302


def test_a_link_cannot_sign_anybody_out(alice: User) -> None:
    client = signed_in(alice)
    assert client.get("/web/logout").status_code == 405
    assert client.get(ACCOUNT).status_code == 200


def test_a_suspended_person_sees_no_page(alice: User) -> None:
    client = signed_in(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get("/web/").status_code == 302


@pytest.mark.django_db
def test_without_authentication_everybody_is_local(settings: Settings, client: Client) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert b"local" in client.get("/web/").content
    assert client.get(LOGIN).status_code == 302


def test_no_page_is_kept_by_a_cache(alice: User) -> None:
    assert "no-store" in signed_in(alice).get("/web/").headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/web"])
@pytest.mark.django_db
def test_the_root_leads_to_the_pages(path: str, client: Client) -> None:
    assert client.get(path).headers["Location"] == "/web/"


def test_what_people_write_is_text_and_never_markup(alice: User) -> None:
    keys.mint(alice, "<script>alert(1)</script>", ["generate"])
    page = signed_in(alice).get(ACCOUNT).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page

"""The pages of a stranger who wants an account."""

import uuid

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import invites, registration
from accounts.audit import Source
from accounts.models import Registration, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick_hashes")]
REGISTER = "/web/register"
PASSWORD = "a quiet lake at dawn"
GOOD = {"username": "dora", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture(autouse=True)
def opened(settings: Settings) -> None:
    settings.ALICE_REGISTRATION = "open"


def test_a_closed_server_says_so(client: Client, settings: Settings) -> None:
    settings.ALICE_REGISTRATION = "closed"
    for page in (client.get(REGISTER), client.post(REGISTER, GOOD)):
        assert page.status_code == 403
        assert "Registration is closed" in page.content.decode()
        assert "<form" not in page.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("mode", "shown", "hidden"),
    [
        ("invite", ["id_invite"], ["id_message"]),
        ("approval", ["id_message"], ["id_invite"]),
        ("open", [], ["id_invite", "id_message"]),
    ],
)
def test_a_form_asks_for_what_the_mode_needs(
    mode: str, shown: list[str], hidden: list[str], client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = mode
    page = client.get(REGISTER).content.decode()
    assert all(name in page for name in [*shown, "id_username", "id_password", "id_email"])
    assert not any(name in page for name in hidden)


def test_registering_leads_to_a_page_that_says_it_is_ready(client: Client) -> None:
    page = client.post(REGISTER, GOOD, follow=True)
    assert "Your account is ready" in page.content.decode()
    assert User.objects.get().check_password(PASSWORD)


def test_an_invite_s_link_brings_its_code(staff: User, client: Client, settings: Settings) -> None:
    settings.ALICE_REGISTRATION = "invite"
    _, code = invites.make(Source(staff))
    assert f'value="{code}"' in client.get(f"{REGISTER}?invite={code}").content.decode()
    page = client.post(f"{REGISTER}?invite={code}", GOOD | {"invite": code}, follow=True)
    assert "ready" in page.content.decode()


def test_a_dead_invite_is_told_before_the_form_is_filled_in(
    staff: User, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "invite"
    invite, code = invites.make(Source(staff))
    assert "Ask for another one" not in client.get(f"{REGISTER}?invite={code}").content.decode()
    invites.revoke(invite, Source(staff))
    assert "Ask for another one" in client.get(f"{REGISTER}?invite={code}").content.decode()


def test_an_applicant_reads_what_became_of_it(
    staff: User, client: Client, settings: Settings
) -> None:
    settings.ALICE_REGISTRATION = "approval"
    page = client.post(REGISTER, GOOD | {"message": "May I?"}, follow=True)
    assert "Your request waits" in page.content.decode()
    row = Registration.objects.get()
    registration.reject(row, "<b>Who</b> are you?", Source(staff))
    page = client.get(f"{REGISTER}/{row.pk}")
    assert "&lt;b&gt;Who&lt;/b&gt; are you?" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]


def test_an_unknown_request_is_no_page(client: Client) -> None:
    assert client.get(f"{REGISTER}/{uuid.uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"username": "two words"}, "username"),
        ({"again": "something else"}, "again"),
        ({"password": "dora", "again": "dora"}, "password"),
        ({"email": "nowhere"}, "email"),
        ({"message": "x" * 1001}, "message"),
        ({"invite": "x" * 201}, "inviteCode"),
    ],
)
def test_a_refusal_keeps_what_was_typed_but_no_password(
    wrong: dict[str, str], param: str, client: Client
) -> None:
    page = client.post(REGISTER, GOOD | {"email": "d@example.org"} | wrong)
    assert (page.status_code, page.context["param"]) == (400, param)
    assert 'role="alert"' in page.content.decode()
    assert PASSWORD not in page.content.decode()
    assert page.context["given"]["username"] == (GOOD | wrong)["username"]
    assert not User.objects.exists()


def test_rights_in_the_form_are_no_rights(client: Client) -> None:
    client.post(REGISTER, GOOD | {"is_staff": "on", "is_superuser": "on", "isStaff": "true"})
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (False, False)


def test_a_form_without_its_token_is_refused() -> None:
    assert Client(enforce_csrf_checks=True).post(REGISTER, GOOD).status_code == 403
    assert not User.objects.exists()


def test_too_many_tries_are_told_to_wait(client: Client) -> None:
    for _ in range(registration.TRIES):
        client.post(REGISTER, GOOD | {"username": "two words"})
    page = client.post(REGISTER, GOOD)
    assert page.status_code == 429
    assert page.headers["Retry-After"]


def test_who_is_signed_in_has_an_account(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.get(REGISTER).status_code == 302

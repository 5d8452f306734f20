"""The pages on which staff look after people."""

from typing import Any

import pytest
from django.test import Client

from accounts import keys, registration
from accounts.audit import Source
from accounts.members import Newcomer
from accounts.models import Registration, User

pytestmark = pytest.mark.django_db
USERS, REQUESTS = "/web/administration/users", "/web/administration/requests"


@pytest.fixture
def carol(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def asked(name: str = "dora", message: str = "") -> Registration:
    return registration.wait(Newcomer(name, "", "!"), Source(), message)


def text(page: Any) -> str:
    return str(page.content.decode())


@pytest.mark.parametrize("path", [USERS, REQUESTS])
def test_staff_alone_see_them(path: str, alice: User, client: Client) -> None:
    assert client.get(path).headers["Location"].startswith("/web/login?next=")
    client.force_login(alice)
    assert client.get(path).status_code == 403


def test_with_authentication_off_the_session_still_decides(
    settings: Any, carol: Client, client: Client
) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    assert client.get(USERS).status_code == 302
    assert carol.get(USERS).status_code == 200


def test_the_list_shows_everybody_and_what_may_be_done(carol: Client, alice: User) -> None:
    keys.mint(alice, "laptop", ["read"])
    page = text(carol.get(USERS))
    assert "alice" in page
    assert f"{USERS}/{alice.pk}/deactivate" in page
    assert f"{USERS}/{alice.pk}/make-staff" in page


def test_no_button_is_offered_that_would_be_refused(carol: Client, staff: User) -> None:
    root = User.objects.create(username="boss", is_staff=True, is_superuser=True)
    page = text(carol.get(USERS))
    assert f"{USERS}/{staff.pk}/" not in page
    assert f"{USERS}/{root.pk}/" not in page


def test_a_search_narrows_the_list(carol: Client, alice: User, bob: User) -> None:
    page = carol.get(f"{USERS}?q=BO")
    assert [person.user for person, _ in page.context["people"]] == [bob]
    assert "Nobody fits" in text(carol.get(f"{USERS}?q=nobody-at-all%00"))


def test_a_long_list_has_pages(carol: Client) -> None:
    User.objects.bulk_create(
        User(username=f"user{n:03}", name_key=f"user{n:03}") for n in range(60)
    )
    assert "Page 1 of 2" in text(carol.get(f"{USERS}?q=user"))
    second = carol.get(f"{USERS}?q=user&page=2")
    assert second.context["people"][0][0].user.username == "user050"
    assert "q=user" in text(second)


def test_a_deed_asks_first(carol: Client, alice: User) -> None:
    page = carol.post(f"{USERS}/{alice.pk}/deactivate")
    assert "Deactivate alice?" in text(page)
    alice.refresh_from_db()
    assert alice.is_active


@pytest.mark.parametrize(
    ("deed", "active", "staffed"),
    [("deactivate", False, False), ("make-staff", True, True), ("reactivate", True, False)],
)
def test_a_deed_that_is_meant_is_done(
    deed: str, active: bool, staffed: bool, carol: Client, alice: User
) -> None:
    page = carol.post(f"{USERS}/{alice.pk}/{deed}", {"sure": "yes"}, follow=True)
    alice.refresh_from_db()
    assert (alice.is_active, alice.is_staff) == (active, staffed)
    assert "alice is" in text(page)


def test_a_refused_deed_says_why(carol: Client, staff: User) -> None:
    page = carol.post(f"{USERS}/{staff.pk}/deactivate", {"sure": "yes"}, follow=True)
    assert "your own account" in text(page)
    staff.refresh_from_db()
    assert staff.is_active


def test_staff_are_made_after_a_fresh_proof_only(carol: Client, alice: User) -> None:
    session = carol.session
    session["alice_proved_at"] = 0
    session.save()
    reply = carol.post(f"{USERS}/{alice.pk}/make-staff", {"sure": "yes"})
    assert reply.headers["Location"].startswith("/web/confirm")
    alice.refresh_from_db()
    assert not alice.is_staff


@pytest.mark.parametrize("path", ["deactivate", "make-staff"])
def test_a_link_changes_nobody(path: str, carol: Client, alice: User) -> None:
    assert carol.get(f"{USERS}/{alice.pk}/{path}?sure=yes").status_code == 405
    assert carol.post(f"{USERS}/{alice.pk}/sing", {"sure": "yes"}).status_code == 404


def test_requests_show_who_asks_and_are_approved(carol: Client) -> None:
    row = asked(message="I paint <b>mountains</b>.")
    page = text(carol.get(REQUESTS))
    assert "I paint &lt;b&gt;mountains&lt;/b&gt;." in page
    page = text(carol.post(f"{REQUESTS}/{row.pk}/approve", follow=True))
    assert "dora has an account now." in page
    assert User.objects.filter(username="dora").exists()
    assert "by carol" in text(carol.get(f"{REQUESTS}?status=approved"))


def test_the_number_of_those_who_wait_is_shown_on_every_tab(carol: Client) -> None:
    asked("dora")
    asked("erin")
    assert carol.get(USERS).context["waiting"] == 2


def test_a_name_that_is_taken_cannot_be_approved(carol: Client, alice: User) -> None:
    row = asked("ALICE")
    assert "Somebody has this name already" in text(carol.get(REQUESTS))
    page = carol.post(f"{REQUESTS}/{row.pk}/approve", follow=True)
    assert "is taken" in text(page)


def test_rejecting_asks_for_the_reason(carol: Client) -> None:
    row = asked()
    assert "Reject dora?" in text(carol.post(f"{REQUESTS}/{row.pk}/reject"))
    carol.post(f"{REQUESTS}/{row.pk}/reject", {"sure": "yes", "reason": "Who are you?"})
    row.refresh_from_db()
    assert (row.status, row.reason) == ("rejected", "Who are you?")


def test_a_second_decision_is_told_to_be_late(carol: Client) -> None:
    row = asked()
    carol.post(f"{REQUESTS}/{row.pk}/approve")
    page = carol.post(f"{REQUESTS}/{row.pk}/reject", {"sure": "yes"}, follow=True)
    assert "approved already" in text(page)


def test_staff_find_the_pages_in_their_menu(carol: Client, alice: User, client: Client) -> None:
    client.force_login(alice)
    assert USERS in text(carol.get("/web/"))
    assert "/admin/" in text(carol.get("/web/"))
    assert USERS not in text(client.get("/web/"))

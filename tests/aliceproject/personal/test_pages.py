"""The page of one's own data."""

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from gallery import retention
from gallery.models import Image
from generation import jobs
from tests.aliceproject.personal.conftest import Keep, long_ago
from tests.generation.conftest import Browser

pytestmark = pytest.mark.django_db(transaction=True)
PAGE, PEOPLE = "/web/account/data", "/web/administration/users"


def test_the_page_tells_what_there_is(alice: User, browser: Browser, keep: Keep) -> None:
    keep(alice)
    text = browser(alice).get(PAGE).content.decode()
    assert '<dt>Pictures</dt><dd class="numeric">1</dd>' in text
    assert "Erase my account" in text


def test_pictures_are_as_large_on_one_page_as_on_another(
    alice: User, staff: User, browser: Browser, keep: Keep
) -> None:
    keep(alice)
    Image.objects.update(size_bytes=1_500_000)
    jobs.recount()
    for reader, page in ((alice, PAGE), (alice, "/web/account/usage"), (staff, PEOPLE)):
        assert "1.5 MB" in browser(reader).get(page).content.decode(), page


def test_strangers_are_led_to_the_login(client: Client, db: None) -> None:
    assert client.get(PAGE).headers["Location"].startswith("/web/login")


def test_the_servers_rule_is_told(alice: User, browser: Browser, settings: Settings) -> None:
    settings.ALICE_RETENTION_DAYS, settings.ALICE_RETENTION_GB = 7, 2.5
    text = browser(alice).get(PAGE).content.decode()
    assert "deletes every picture 7 days after" in text
    assert "more than 2.5 GB" in text


def test_a_person_chooses_how_long_pictures_stay(alice: User, browser: Browser) -> None:
    client = browser(alice)
    client.post(f"{PAGE}/keeping", {"days": "14"})
    assert retention.days_of(alice) == 14
    client.post(f"{PAGE}/keeping", {"days": ""})
    assert retention.days_of(alice) is None


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "٣", "99999", "x"])
def test_days_that_are_none_are_refused(alice: User, browser: Browser, days: str) -> None:
    reply = browser(alice).post(f"{PAGE}/keeping", {"days": days})
    assert reply.status_code == 400
    assert "Days: " in reply.content.decode()


def test_the_typed_name_erases_and_signs_out(alice: User, browser: Browser) -> None:
    client = browser(alice)
    assert client.post(f"{PAGE}/erase", {"confirm": "alic"}).status_code == 400
    reply = client.post(f"{PAGE}/erase", {"confirm": "alice"}, follow=True)
    assert "Your account is erased" in reply.content.decode()
    assert not User.objects.filter(username="alice").exists()


@pytest.mark.parametrize("deed", ["export", "erase"])
def test_both_ask_who_it_is_once_more(alice: User, browser: Browser, deed: str) -> None:
    reply = long_ago(browser(alice)).post(f"{PAGE}/{deed}", {"confirm": "alice"})
    assert reply.headers["Location"].startswith("/web/confirm")
    assert User.objects.filter(username="alice").exists()


def test_staff_erase_only_who_is_deactivated(alice: User, staff: User, browser: Browser) -> None:
    client, sure = browser(staff), {"sure": "yes"}
    page = client.post(f"{PEOPLE}/{alice.pk}/erase", sure, follow=True).content.decode()
    assert "Deactivate the account first." in page
    assert User.objects.filter(pk=alice.pk).exists()
    client.post(f"{PEOPLE}/{alice.pk}/deactivate", sure)
    client.post(f"{PEOPLE}/{alice.pk}/erase", sure)
    assert not User.objects.filter(pk=alice.pk).exists()


def test_the_last_staff_is_told_why_not(staff: User, browser: Browser) -> None:
    reply = browser(staff).post(f"{PAGE}/erase", {"confirm": staff.username})
    assert reply.status_code == 400
    assert "last active staff" in reply.content.decode()


def test_everybody_at_once_is_offered_no_erasure(client: Client, settings: Settings) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    text = client.get(PAGE).content.decode()
    assert "Download everything" in text
    assert "Erase my account" not in text

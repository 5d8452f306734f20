"""What a person reads at a start: the truth about this installation, and no secret twice."""

import pytest
from pytest_django.fixtures import Settings

from accounts.first_admin import FirstAdmin
from accounts.models import ApiKey, User
from aliceproject import first_light, greeting
from gallery.models import Image


@pytest.fixture
def admin(db: None) -> FirstAdmin:
    return FirstAdmin(User.objects.create_superuser("admin"), "a password", "sk-alice-first")


def test_the_secrets_are_shown(admin: FirstAdmin) -> None:
    text = greeting.secrets_text(admin)
    assert all(word in text for word in ("admin", "a password", "sk-alice-first"))


def test_the_first_request_carries_the_key() -> None:
    assert "Bearer sk-alice-first" in greeting.ready_text("sk-alice-first")


def test_later_requests_show_where_a_key_goes_and_how_to_make_one() -> None:
    text = greeting.ready_text("")
    assert "Bearer YOUR-API-KEY" in text
    assert "create_api_key" in text


def test_the_public_address_is_the_one_shown(settings: Settings) -> None:
    settings.ALICE_PUBLIC_URL = "https://alice.example"
    assert "ALICE is ready: https://alice.example/\n" in greeting.ready_text("")


@pytest.mark.django_db
def test_a_first_picture_is_due_while_there_is_none(settings: Settings, alice: User) -> None:
    assert greeting.light_is_due()
    settings.HTTPS = True
    assert not greeting.light_is_due()
    settings.HTTPS = False
    Image.objects.create(owner=alice, size_bytes=1, width=1, height=1, seed=1)
    assert not greeting.light_is_due()


def test_the_first_administrators_key_is_used(admin: FirstAdmin) -> None:
    with greeting._key(admin) as key:
        assert key == "sk-alice-first"


def test_without_it_a_key_lives_for_the_first_picture_only(admin: FirstAdmin) -> None:
    with greeting._key(None) as key:
        assert (key.startswith("sk-alice-"), ApiKey.objects.count()) == (True, 1)
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db
def test_without_an_administrator_nothing_is_drawn() -> None:
    with pytest.raises(first_light.NoLight, match="no administrator"):
        greeting.light_text(None)


def test_an_open_server_needs_no_key(admin: FirstAdmin, settings: Settings) -> None:
    settings.ALICE_REQUIRE_AUTH = False
    with greeting._key(None) as key:
        assert (key, ApiKey.objects.count()) == ("", 0)

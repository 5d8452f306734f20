from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import keys
from accounts.credentials import Credential
from accounts.models import ApiKey, Session, User


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    name = client.session.session_key
    assert name
    return name


def test_a_key_stands_for_its_holder_and_scopes(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    identity = Credential(key=key.pk).holder()
    assert identity is not None
    assert (identity.user, identity.key) == (alice, key)
    assert identity.scopes == {"read"}


@pytest.mark.parametrize(
    "end",
    [
        keys.revoke,
        lambda key: ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now()),
        lambda key: User.objects.filter(pk=key.user_id).update(is_active=False),
        lambda key: key.delete(),
    ],
)
def test_a_key_that_opens_nothing_stands_for_nobody(
    alice: User, end: Callable[[ApiKey], Any]
) -> None:
    key, _ = keys.mint(alice, "x", ["read"], timezone.now() + timedelta(days=1))
    credential = Credential(key=key.pk)
    assert credential.holder() is not None
    end(key)
    assert credential.holder() is None


def test_looking_at_a_key_is_no_use_of_it(alice: User) -> None:
    key, _ = keys.mint(alice, "x", ["read"])
    Credential(key=key.pk).holder()
    key.refresh_from_db()
    assert key.last_used_at is None


def test_a_session_stands_for_whoever_is_signed_in(staff: User) -> None:
    identity = Credential(session=session_of(staff)).holder()
    assert identity is not None
    assert (identity.user, identity.session, "admin" in identity.scopes) == (staff, True, True)


@pytest.mark.parametrize(
    "end",
    [
        lambda user: Session.objects.all().delete(),
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: User.objects.filter(pk=user.pk).update(password="changed"),
        lambda user: Session.objects.update(expire_date=timezone.now()),
    ],
)
def test_a_session_that_ended_stands_for_nobody(alice: User, end: Callable[[User], Any]) -> None:
    credential = Credential(session=session_of(alice))
    assert credential.holder() is not None
    end(alice)
    assert credential.holder() is None


def test_looking_at_a_session_under_a_former_secret_leaves_it_alone(
    alice: User, settings: Settings
) -> None:
    name = session_of(alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    assert Credential(session=name).holder() is not None
    assert Session.objects.filter(pk=name).exists()


def test_nothing_stands_for_nobody_unless_authentication_is_off(
    db: None, settings: Settings
) -> None:
    assert Credential().holder() is None
    settings.ALICE_REQUIRE_AUTH = False
    identity = Credential().holder()
    assert identity is not None
    assert identity.user.username == "local"

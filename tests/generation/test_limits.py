"""How much this server takes on."""

import shutil
from collections import namedtuple

import pytest
from pytest_django.fixtures import Settings

from accounts import quotas
from accounts.models import User
from generation import limits
from generation.errors import StorageFull

Usage = namedtuple("Usage", "total used free")
pytestmark = pytest.mark.django_db


def test_there_is_room_at_first() -> None:
    limits.check_storage()
    limits.check_queue()


def test_a_full_disk_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 0))
    with pytest.raises(StorageFull) as refusal:
        limits.check_storage()
    assert refusal.value.status == 503


def test_a_full_allowance_refuses_and_names_it(settings: Settings) -> None:
    settings.ALICE_MAX_STORAGE_GB = 0.0
    with pytest.raises(StorageFull, match="0 GB"):
        limits.check_storage()


def test_what_everybody_keeps_counts_together(settings: Settings, alice: User, bob: User) -> None:
    settings.ALICE_MAX_STORAGE_GB = 0.003
    quotas.stored(alice.pk, images=1, bytes=2 * 10**6)
    limits.check_storage()
    quotas.stored(bob.pk, images=1, bytes=10**6)
    with pytest.raises(StorageFull):
        limits.check_storage()

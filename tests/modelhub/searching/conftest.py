"""Both catalogues on this machine, and staff who may ask them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import keys
from accounts.models import User
from tests.hub.catalogues import Catalogues, serving


@pytest.fixture(scope="session")
def both() -> Iterator[Catalogues]:
    with serving() as catalogues:
        yield catalogues


@pytest.fixture
def catalogues(both: Catalogues, settings: Settings, tmp_path: Path) -> Iterator[Catalogues]:
    from tests.hub.catalogues import fill

    fill(both)
    both.mood = "well"
    both.asked.clear()
    both.pictures.clear()
    cache.clear()
    settings.ALICE_CIVITAI_URL = settings.ALICE_HUGGINGFACE_URL = both.url
    settings.ALICE_DATA_DIR = tmp_path
    yield both
    cache.clear()


class Staff(Client):
    """A program with a key of staff's."""

    def search(self, source: str = "civitai", status: int = 200, **body: Any) -> dict[str, Any]:
        path = f"/v1/models/search/{source}"
        reply = self.post(path, body, "application/json")
        assert reply.status_code == status, reply.content
        told: dict[str, Any] = reply.json()
        return told

    def names(self, source: str = "civitai", **body: Any) -> list[str]:
        return [each["name"] for each in self.search(source, **body)["data"]]


@pytest.fixture
def program(staff: User) -> Staff:
    secret = keys.mint(staff, "hub", ["models"])[1]
    return Staff(headers={"Authorization": f"Bearer {secret}"})

"""Pictures as the worker keeps them: encoded, stored, and then their row."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import keys
from accounts.models import User
from gallery import storage
from gallery.metadata import Recipe
from gallery.models import Image
from gallery.storage import StoredFile

SIDE = 64
Keep = Callable[..., Image]
Signed = Callable[..., Client]
Asked = Callable[[str], int]


def pixels(width: int = SIDE, height: int = SIDE, tint: int = 0) -> bytes:
    """A gradient, so that nothing compresses to nothing."""
    return bytes(
        value
        for y in range(height)
        for x in range(width)
        for value in (x * 255 // width, y * 255 // height, tint)
    )


def recipe(**changes: Any) -> Recipe:
    usual: dict[str, Any] = {
        "prompt": "a serene mountain landscape at sunset",
        "negative_prompt": "fog",
        "model": "sd/demo",
        "width": SIDE,
        "height": SIDE,
        "num_inference_steps": 20,
        "guidance_scale": 7.5,
        "scheduler": "euler_a",
        "scheduler_label": "Euler a",
        "seed": 42,
    }
    return Recipe(**(usual | changes))


def staged(name: str = "", **changes: Any) -> StoredFile:
    return storage.stage(pixels(), SIDE, SIDE, recipe(**changes), name or f"{uuid.uuid4()}-1")


@pytest.fixture
def images_dir(settings: Settings, tmp_path: Path) -> Path:
    """An empty store of this test's own."""
    settings.ALICE_DATA_DIR = tmp_path
    return tmp_path / "images"


@pytest.fixture
def keep(db: None, images_dir: Path) -> Keep:
    """keep(owner, prompt=..., is_public=..., age=seconds) -> a stored picture with its row."""

    def make(owner: User, *, age: float = 0, **fields: Any) -> Image:
        key = uuid.uuid4()
        made = recipe(**{name: fields[name] for name in ("prompt", "seed") if name in fields})
        stored = staged(f"{key}-1", prompt=made.prompt, seed=made.seed)
        usual: dict[str, Any] = {
            "prompt": made.prompt,
            "negative_prompt": made.negative_prompt,
            "model": made.model,
            "seed": made.seed,
            "recipe": made.to_json(),
            "created_at": timezone.now() - timedelta(seconds=age),
            "generation_ms": 1500,
        }
        files = {name: getattr(stored, name) for name in StoredFile.__slots__}
        return Image.objects.create(id=key, owner=owner, **(usual | files | fields))

    return make


@pytest.fixture
def hers(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def his(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def asked(hers: Client) -> Asked:
    """asked(address) -> how many queries alice's page there takes."""

    def count(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert hers.get(address).status_code == 200
        return len(queries)

    return count


@pytest.fixture
def signed() -> Signed:
    """signed(user, *scopes) -> a client that sends a key of the user's."""

    def make(user: User, *scopes: str) -> Client:
        secret = keys.mint(user, "test", scopes or ("generate", "read"))[1]
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return make

"""A models folder for one test, both catalogues on this machine, and programs of staff's."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from accounts import keys
from accounts.models import User
from tests.hub.catalogues import Catalogues, fill, serving
from tests.model_folders import build
from tests.modelhub.programs import Sender, Staff

MakeModel = Callable[..., Path]


@pytest.fixture
def models_dir(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    settings.ALICE_MODELS_DIR = folder
    return folder


@pytest.fixture
def another_disk(models_dir: Path) -> Iterator[Path]:
    """A folder on another file system than the models folder's."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == models_dir.stat().st_dev:
        pytest.skip("NO SECOND FILE SYSTEM HERE: nothing was moved between two")
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def make_model(models_dir: Path) -> MakeModel:
    def make(name: str = "tiny", **shape: Any) -> Path:
        return build(models_dir / name, **shape)

    return make


@pytest.fixture(scope="session")
def both() -> Iterator[Catalogues]:
    with serving() as catalogues:
        yield catalogues


@pytest.fixture
def catalogues(both: Catalogues, settings: Settings, tmp_path: Path) -> Iterator[Catalogues]:
    fill(both)
    both.mood = "well"
    both.asked.clear()
    both.pictures.clear()
    cache.clear()
    settings.ALICE_CIVITAI_URL = settings.ALICE_HUGGINGFACE_URL = both.url
    settings.ALICE_DATA_DIR = tmp_path
    yield both
    cache.clear()


@pytest.fixture
def program(staff: User) -> Staff:
    return Staff(headers=_key(staff))


@pytest.fixture
def sender(staff: User, models_dir: Path) -> Sender:
    return Sender(headers=_key(staff))


def _key(owner: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.mint(owner, 'program', ['models'])[1]}"}

"""A models folder for one test, and a builder of models in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.model_folders import build

MakeModel = Callable[..., Path]


@pytest.fixture
def models_dir(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    settings.ALICE_MODELS_DIR = folder
    return folder


@pytest.fixture
def make_model(models_dir: Path) -> MakeModel:
    def make(name: str = "tiny", **shape: Any) -> Path:
        return build(models_dir / name, **shape)

    return make

"""A populated server for each test."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.attacks.world import World, build


@pytest.fixture
def world(db: None, settings: Settings, tmp_path: Path) -> World:
    settings.ALICE_DATA_DIR = tmp_path
    return build(tmp_path / "images")

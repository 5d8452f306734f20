"""A populated server for each test, and what the run measured, said at its end."""

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.attacks.world import World, build

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def world(db: None, settings: Settings, tmp_path: Path) -> World:
    settings.ALICE_DATA_DIR = tmp_path
    return build(tmp_path / "images")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Lines that the end of the run shows."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)

"""Preparing an installation: everything once, and nothing twice."""

import os
import re
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from aliceproject import preparation
from aliceproject.preflight import NotPossible
from modelhub import demo_install
from tests.live import Live, free_port
from tests.model_folders import build


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What `prepare` says the first and the second time."""
    folder = tmp_path_factory.mktemp("prepare")
    build(folder / "models" / "tiny")
    live = Live(folder, free_port(), os.environ | {"ALICE_DATA_DIR": str(folder)})
    return live.manage("prepare"), live.manage("prepare")


def test_the_first_time_shows_the_secrets(prepared: tuple[str, str]) -> None:
    assert re.search(r"User +admin\n +Password +\S{20}\n +API key +sk-alice-", prepared[0])


def test_the_second_time_shows_none(prepared: tuple[str, str]) -> None:
    assert "sk-alice-" not in prepared[1]
    assert "Database and models are ready" in prepared[1]


@pytest.mark.django_db
def test_a_demo_model_that_cannot_be_written_stops_the_start(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_install, "SOURCE", build(tmp_path / "source"))
    (tmp_path / "file").touch()
    settings.ALICE_MODELS_DIR = tmp_path / "file" / "models"
    with pytest.raises(NotPossible, match="ALICE_MODELS_DIR"):
        preparation.prepare()


@pytest.mark.django_db
def test_the_demo_model_is_installed_and_listed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_install, "SOURCE", build(tmp_path / "source"))
    settings.ALICE_MODELS_DIR = tmp_path / "models"
    assert preparation.prepare() == preparation.Prepared(installed=True, models=1)
    assert preparation.prepare() == preparation.Prepared(installed=False, models=1)


def test_a_server_is_a_web_process_and_three_clusters() -> None:
    names = [program.name for program in preparation.programs()]
    assert names == ["web", "worker", "io", "download"]


def test_the_io_cluster_starts_after_the_first_picture() -> None:
    assert [program.after > 0 for program in preparation.programs()] == [False, False, True, False]


@pytest.mark.django_db
@pytest.mark.parametrize(("set_to", "given"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_a_workers_threads_wait_in_peace_unless_the_operator_decides(
    set_to: str | None, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if set_to:
        monkeypatch.setenv("OMP_WAIT_POLICY", set_to)
    worker = preparation.programs()[1]
    assert worker.env["OMP_WAIT_POLICY"] == given

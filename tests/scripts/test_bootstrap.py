"""An environment is made once, filled when something changed, and left alone otherwise."""

from pathlib import Path

import pytest

from scripts import bootstrap

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A real environment and its requirements, which name nothing: no network is needed."""
    folder = tmp_path_factory.mktemp("bootstrap")
    requirements = folder / "requirements.txt"
    requirements.write_text("# nothing\n-r more.txt\n")
    (folder / "more.txt").write_text("# nothing either\n")
    bootstrap.main(folder / "venv", requirements)
    return folder / "venv", requirements


def test_the_environment_works(made: tuple[Path, Path]) -> None:
    assert bootstrap.works(made[0])


def test_a_second_run_does_nothing(made: tuple[Path, Path], capfd: Capture) -> None:
    bootstrap.main(*made)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("file", ["requirements.txt", "more.txt"])
def test_a_changed_line_installs_again(file: str, made: tuple[Path, Path], capfd: Capture) -> None:
    with (made[1].parent / file).open("a") as changed:
        changed.write("# another line\n")
    bootstrap.main(*made)
    assert "Installing requirements.txt" in capfd.readouterr().out


def test_what_cannot_be_installed_is_said_and_tried_again(
    made: tuple[Path, Path], capfd: Capture
) -> None:
    before = made[1].read_text()
    made[1].write_text("./no-such-package\n")
    with pytest.raises(SystemExit, match="The installation failed"):
        bootstrap.main(*made)
    made[1].write_text(before + "\n")
    bootstrap.main(*made)
    assert "Installing" in capfd.readouterr().out


def test_an_environment_of_another_python_does_not_work(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\necho 3.8.0\n")
    python.chmod(0o755)
    assert not bootstrap.works(tmp_path)


def test_a_full_disk_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "LEAST_FREE_MB", 10**12)
    (tmp_path / "requirements.txt").touch()
    with pytest.raises(SystemExit, match="The disk is full"):
        bootstrap.main(tmp_path / "venv", tmp_path / "requirements.txt")
    assert not (tmp_path / "venv").exists()

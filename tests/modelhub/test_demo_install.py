"""The demonstration model is installed whole, once, and mended when damaged."""

import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from modelhub import demo_install
from modelhub.detection import detect
from modelhub.families import Family
from modelhub.models import CatalogModel
from tests.modelhub.conftest import MakeModel


@pytest.fixture
def source(make_model: MakeModel, tmp_path: Path) -> Path:
    return Path(shutil.move(make_model("x"), tmp_path / "source"))


@pytest.fixture
def target(models_dir: Path) -> Path:
    return models_dir / "alice-demo"


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_install_copies_every_file(source: Path, target: Path) -> None:
    assert demo_install.install(source)
    assert files(target) == files(source)


def test_a_second_install_writes_nothing(source: Path, target: Path) -> None:
    demo_install.install(source)
    before = target.stat().st_ino
    assert not demo_install.install(source)
    assert target.stat().st_ino == before


@pytest.mark.parametrize("damage", ["cut", "removed", "added"])
def test_a_damaged_copy_is_mended(damage: str, source: Path, target: Path) -> None:
    demo_install.install(source)
    file = target / ("extra.py" if damage == "added" else "unet/config.json")
    file.unlink() if damage == "removed" else file.write_text("{")
    assert demo_install.install(source)
    assert files(target) == files(source)


def test_a_copy_cut_short_leaves_nothing_behind(
    source: Path, target: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(source: str, target: str) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(demo_install, "_copy", full_disk)
        with pytest.raises((OSError, shutil.Error)):
            demo_install.install(source)
    assert not target.exists()
    demo_install.install(source)
    assert [path.name for path in models_dir.iterdir()] == ["alice-demo"]


def test_a_file_in_the_way_is_replaced(source: Path, target: Path) -> None:
    target.write_text("in the way")
    assert demo_install.install(source)
    assert (target / "model_index.json").is_file()


def test_without_a_bundled_model_it_says_so(models_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(demo_install.NotBundled):
        demo_install.install(tmp_path)
    assert list(models_dir.iterdir()) == []


def test_the_bundled_model_is_recognised_and_small_enough() -> None:
    found = detect(demo_install.SOURCE, demo_install.SOURCE.parent)
    assert (found.state, found.family) == (CatalogModel.State.READY, Family.SD_CUSTOM)
    assert found.size_bytes <= 30_000_000


@pytest.mark.django_db
def test_the_command_installs_and_lists_the_model(
    source: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_install, "SOURCE", source)
    call_command("install_demo_model")
    assert CatalogModel.objects.get().public_id == "sd/alice-demo"


def test_the_command_fails_plainly(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_install, "SOURCE", tmp_path)
    with pytest.raises(CommandError, match="cannot be installed"):
        call_command("install_demo_model")

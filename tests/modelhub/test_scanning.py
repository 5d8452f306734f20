"""The rows follow the folder: added, changed, gone, back again."""

import shutil
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.models import AuditEntry
from modelhub.models import CatalogModel
from modelhub.scanning import scan
from tests.model_folders import change_json
from tests.modelhub.conftest import MakeModel

pytestmark = pytest.mark.django_db
State = CatalogModel.State


def test_a_folder_becomes_a_row(make_model: MakeModel) -> None:
    make_model("dream")
    assert scan().added == ["sd/dream"]
    row = CatalogModel.objects.get()
    assert (row.public_id, row.path, row.native_resolution) == ("sd/dream", "dream", 64)


def test_a_second_scan_changes_nothing(make_model: MakeModel) -> None:
    make_model("dream")
    scan()
    report = scan()
    assert (report.unchanged, report.added, report.changed) == (["sd/dream"], [], [])


def test_what_an_operator_set_survives_a_scan(make_model: MakeModel) -> None:
    make_model("dream")
    scan()
    CatalogModel.objects.update(enabled=False, defaults={"steps": 9})
    scan()
    row = CatalogModel.objects.get()
    assert (row.enabled, row.defaults) == (False, {"steps": 9})


def test_only_news_is_in_the_audit_log(make_model: MakeModel) -> None:
    make_model("dream")
    scan()
    scan()
    entry = AuditEntry.objects.get(action="models_refreshed")
    assert (entry.actor_name, entry.detail) == ("", {"added": ["sd/dream"]})


def test_a_changed_model_is_reported_and_updated(make_model: MakeModel) -> None:
    folder = make_model("dream")
    scan()
    change_json(folder / "unet" / "config.json", sample_size=32)
    assert scan().changed == ["sd/dream"]
    assert CatalogModel.objects.get().native_resolution == 128


def test_a_removed_model_is_missing_and_comes_back(make_model: MakeModel) -> None:
    folder = make_model("dream")
    scan()
    hidden = folder.rename(folder.with_name(".hidden"))
    assert scan().missing == ["sd/dream"]
    assert CatalogModel.objects.get().state == State.MISSING
    hidden.rename(folder)
    scan()
    assert CatalogModel.objects.get().state == State.READY


def test_a_model_without_its_index_is_corrupt_not_gone(make_model: MakeModel) -> None:
    (make_model("dream") / "model_index.json").unlink()
    scan()
    row = CatalogModel.objects.get()
    assert (row.state, row.detail) == (State.CORRUPT, "dream/model_index.json is missing")


def test_one_broken_model_does_not_hide_the_others(make_model: MakeModel) -> None:
    (make_model("bad") / "model_index.json").write_text("{")
    make_model("good")
    scan()
    states = dict(CatalogModel.objects.values_list("public_id", "state"))
    assert states == {"sd/bad": State.CORRUPT, "sd/good": State.READY}


def test_links_out_of_the_folder_are_left_out(
    make_model: MakeModel, models_dir: Path, tmp_path: Path
) -> None:
    shutil.move(make_model("dream"), tmp_path / "outside")
    (models_dir / "dream").symlink_to(tmp_path / "outside")
    (models_dir / "loop").symlink_to(models_dir / "loop")
    assert "link" in scan().skipped["dream"]
    assert not CatalogModel.objects.exists()


def test_a_link_within_the_folder_is_a_model(make_model: MakeModel, models_dir: Path) -> None:
    (models_dir / "alias").symlink_to(make_model("dream"))
    assert scan().added == ["sd/alias", "sd/dream"]


def test_names_that_cannot_be_ids_are_left_out(make_model: MakeModel, models_dir: Path) -> None:
    make_model("x" * 254)
    make_model("dream").rename(models_dir / "\udcff")
    assert len(scan().skipped) == 2


def test_a_file_gives_way_to_a_folder_of_its_name(make_model: MakeModel, models_dir: Path) -> None:
    (models_dir / "dream.ckpt").write_bytes(b"x")
    scan()
    make_model("dream")
    scan()
    ids = dict(CatalogModel.objects.values_list("path", "public_id"))
    assert ids == {"dream": "sd/dream", "dream.ckpt": "sd/dream.ckpt"}


def test_other_files_and_folders_are_no_models(models_dir: Path) -> None:
    (models_dir / "notes.txt").write_text("x")
    (models_dir / "loras").mkdir()
    assert scan().added == []


def test_an_absent_models_folder_is_empty(models_dir: Path) -> None:
    models_dir.rmdir()
    assert scan().added == []


def test_the_command_says_what_it_found(
    make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model("dream")
    call_command("scan_models")
    assert "sd/dream: ready, sd-custom, 64 px, fp16" in capsys.readouterr().out

"""Single files converted for real, by the command and in the background, and drawn from."""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from generation import tasks
from generation.engine.contract import JobSpec, Setup, Task
from generation.engine.runner import Runner
from modelhub import conversion, copies
from modelhub.models import CatalogModel
from tests import single_files, tiny_models

pytest.importorskip("torch")
from generation.engine.backends.diffusers_local.backend import DiffusersBackend

pytestmark = pytest.mark.django_db
ORDER = JobSpec(Task.TXT2IMG, "sd/one", "a boat", "", 64, 64, 2, 5.0, "ddim", 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.build_sd(tmp_path_factory.mktemp("tiny") / "sd")


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.ALICE_MODELS_DIR = tmp_path / "models"
    settings.ALICE_BACKEND, settings.ALICE_DEVICE = "diffusers", "cpu"
    settings.ALICE_MODELS_DIR.mkdir()
    return Path(settings.ALICE_MODELS_DIR)


def add(root: Path, folder: Path, name: str = "one") -> CatalogModel:
    single_files.write_sd(folder, root / f"{name}.safetensors")
    return CatalogModel.objects.create(
        public_id=f"sd/{name}",
        path=f"{name}.safetensors",
        layout="single_file",
        family="sd1",
        native_resolution=64,
    )


@pytest.fixture
def model(root: Path, folder: Path) -> CatalogModel:
    return add(root, folder)


def reread(model: CatalogModel) -> CatalogModel:
    return CatalogModel.objects.get(pk=model.pk)


def said(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command(*args, stdout=out, stderr=out, **options)
    return out.getvalue()


def drawn(model: CatalogModel) -> bytes:
    runner = Runner(DiffusersBackend(Setup("cpu")), 1, 0)
    [result] = runner.run(tasks.ref(model), [ORDER], lambda step: None)
    return result.pictures[0].raster.rgb


def test_a_copy_draws_the_same(model: CatalogModel) -> None:
    before = drawn(model)
    assert "sd/one: converted to float32" in said("convert_model", "one")
    after = reread(model)
    assert (after.converted_bytes > 0, after.conversion_problem) == (True, "")
    assert drawn(after) == before
    vae = conversion.copy_of(after) / "vae/config.json"
    vae.write_text(json.dumps(json.loads(vae.read_text()) | {"scaling_factor": 0.5}))
    # It is the copy that is read.
    assert drawn(after) != before


def test_what_is_said_of_the_file_later_counts_for_its_copy_too(model: CatalogModel) -> None:
    said("convert_model", "one")
    CatalogModel.objects.filter(pk=model.pk).update(prediction_type="v_prediction")
    later = reread(model)
    with_copy = drawn(later)
    later.converted_path = ""
    assert with_copy == drawn(later)


def test_a_copy_without_t5_takes_the_one_that_came_later(root: Path, tmp_path: Path) -> None:
    whole = tiny_models.build_sd3(tmp_path / "sd3")
    single_files.write_sd3(whole, root / "three.safetensors")
    model = CatalogModel.objects.create(
        public_id="sd/three", path="three.safetensors", layout="single_file", family="sd3",
        native_resolution=64,
    )  # fmt: skip
    tokenizer = root / "three.components/tokenizer_3"
    tokenizer.rename(tmp_path / "tokenizer_3")
    said("convert_model", "three")
    assert not (conversion.copy_of(reread(model)) / "text_encoder_3").exists()
    shelf = root / "text-encoders"
    shelf.mkdir()
    shutil.copy(tmp_path / "tokenizer_3/tokenizer.json", shelf)
    order = replace(ORDER, model="sd/three", scheduler="euler", prompt="a boat " * 20)
    runner = Runner(DiffusersBackend(Setup("cpu")), 1, 0)
    [result] = runner.run(tasks.ref(reread(model)), [order], lambda step: None)
    assert result.pictures


def test_a_damaged_copy_harms_nobody(model: CatalogModel, caplog: pytest.LogCaptureFixture) -> None:
    before = drawn(model)
    said("convert_model", "one")
    next(conversion.copy_of(reread(model)).glob("unet/*.safetensors")).unlink()
    assert drawn(reread(model)) == before
    assert "its copy cannot be read" in caplog.text


def test_a_stale_copy_is_not_read(model: CatalogModel, root: Path, tmp_path: Path) -> None:
    said("convert_model", "one")
    other = tiny_models.build_sd(tmp_path / "other", seed=1)
    shutil.rmtree(root / "one.components")
    single_files.write_sd(other, model.location)
    fresh = reread(model)
    assert not conversion.has_copy(fresh)
    with_copy = drawn(fresh)
    fresh.converted_path = ""
    assert with_copy == drawn(fresh)
    assert "1 copies removed" in said("prune_models")
    assert reread(model).converted_path == ""


def test_the_copy_is_a_whole_diffusers_folder(model: CatalogModel) -> None:
    said("convert_model", "one")
    copy = conversion.copy_of(reread(model))
    index = json.loads((copy / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert {path.name for path in copy.iterdir() if path.is_dir()} == {
        "unet", "vae", "text_encoder", "tokenizer", "scheduler",
    }  # fmt: skip
    assert all(path.stat().st_mode & 0o044 for path in copy.rglob("*"))


def test_the_kind_of_prediction_is_kept(model: CatalogModel) -> None:
    CatalogModel.objects.filter(pk=model.pk).update(prediction_type="v_prediction")
    said("convert_model", "one")
    copy = conversion.copy_of(reread(model))
    schedule = json.loads((copy / "scheduler/scheduler_config.json").read_text())
    assert schedule["prediction_type"] == "v_prediction"


def test_models_with_one_vae_share_it_on_the_disk(root: Path, folder: Path) -> None:
    models = [add(root, folder), add(root, folder, "two")]
    os.utime(models[1].location, (1, 1))
    said("convert_model", all=True)
    vaes = [next(conversion.copy_of(reread(m)).glob("vae/*.safetensors")) for m in models]
    assert vaes[0].samefile(vaes[1])


def test_a_broken_file_says_why_and_is_not_tried_again(
    model: CatalogModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.location.write_bytes(model.location.read_bytes()[:-100])
    with pytest.raises(CommandError, match="1 of 1 could not be converted"):
        said("convert_model", "one")
    assert "cannot be converted" in reread(model).conversion_problem
    assert str(model.location) not in reread(model).conversion_problem
    monkeypatch.setattr(subprocess, "run", None)
    conversion.run_next()


def test_a_file_that_is_away_just_now_leaves_no_problem(model: CatalogModel) -> None:
    aside = model.location.with_suffix(".aside")
    model.location.rename(aside)
    with pytest.raises(CommandError) as stopped:
        call_command("convert_model", "one")
    assert stopped.value.returncode == conversion.EXIT_NOT_NOW
    model.refresh_from_db()
    assert model.conversion_problem == ""
    aside.rename(model.location)
    call_command("convert_model", "one")
    model.refresh_from_db()
    assert model.converted_path


def test_while_another_conversion_is_under_way_nothing_is_wrong_with_the_model(
    model: CatalogModel, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / copies.CONVERTED).mkdir()
    with (root / copies.CONVERTED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CommandError) as refused:
            said("convert_model", "one")
    ended = refused.value.returncode
    monkeypatch.setattr(subprocess, "run", lambda _, **__: ends(ended))
    conversion.run_next()
    assert reread(model).conversion_problem == ""
    monkeypatch.setattr(subprocess, "run", lambda _, **__: ends(-signal.SIGKILL))
    conversion.run_next()
    assert reread(model).conversion_problem == "The conversion ended early; the log says more."


def ends(status: int) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], status, "", "")


def test_the_libraries_draw_no_bars_of_their_own(
    model: CatalogModel, capfd: pytest.CaptureFixture[str]
) -> None:
    import transformers

    transformers.utils.logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    call_command("convert_model", model.public_id)
    out, err = capfd.readouterr()
    assert out.startswith("sd/one: converted to ")
    assert err == ""


def test_the_command_wants_names_or_all() -> None:
    with pytest.raises(CommandError, match="Name the models"):
        said("convert_model")
    with pytest.raises(CommandError, match="no usable checkpoint in one file"):
        said("convert_model", "nothing")


def test_pruning_can_be_tried_first(model: CatalogModel) -> None:
    said("convert_model", "one")
    model.location.unlink()
    assert "1 copies would be removed" in said("prune_models", dry_run=True)
    assert conversion.copy_of(reread(model)).is_dir()
    said("prune_models")
    assert not list((model.location.parent / copies.CONVERTED).glob("*-float32"))


def test_off_means_off(
    model: CatalogModel, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALICE_CONVERT = "off"
    monkeypatch.setattr(conversion, "doorbell", None)
    conversion.ring()
    conversion.run_next()
    assert reread(model).converted_path == ""


@pytest.mark.django_db(transaction=True)
def test_the_background_converts_in_a_process_of_its_own(
    model: CatalogModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests import database

    caplog.set_level(logging.WARNING)
    environment = {
        "DATABASE_URL": database.url(),
        "ALICE_MODELS_DIR": str(model.location.parent),
        "ALICE_BACKEND": "diffusers",
        "ALICE_DEVICE": "cpu",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    conversion.run_next()
    assert not caplog.records
    assert conversion.has_copy(reread(model))
    assert replace(tasks.ref(reread(model)), copy="") == tasks.ref(model)

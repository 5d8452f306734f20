"""A model goes whole: not while it is used, not beyond its folder, and a crash leaves no half of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts import audit
from accounts.models import AuditEntry, User
from accounts.problems import Invalid
from generation import jobs
from generation.models import Job, Unload, WorkerStatus
from modelhub import aliases, catalog, deleting, home
from modelhub.models import CatalogModel
from modelhub.scanning import scan
from tests.generation.jobs.conftest import Submit, Take, order, submit, take
from tests.modelhub.conftest import MakeModel
from tests.modelhub.test_admin import installed

__all__ = ["order", "submit", "take"]

pytestmark = pytest.mark.django_db
SYSTEM = audit.SYSTEM
SIDE_CARS = ("tiny.json", "tiny.yaml", "tiny.civitai.info")


@pytest.fixture
def model(make_model: MakeModel, models_dir: Path) -> CatalogModel:
    """A whole folder, its side-cars, its fast copy, and a neighbour that must stay."""
    make_model("tiny")
    make_model("neighbour")
    for name in SIDE_CARS:
        (models_dir / name).write_text("{}")
    (models_dir / ".converted" / "tiny").mkdir(parents=True)
    # Left behind, it would describe the next file of this name.
    (models_dir / "tiny.components" / "unet").mkdir(parents=True)
    scan()
    CatalogModel.objects.filter(public_id="sd/tiny").update(converted_path=".converted/tiny")
    return CatalogModel.objects.get(public_id="sd/tiny")


def left(models_dir: Path) -> set[str]:
    """Everything below the models folder but the neighbour and empty folders of our own."""
    found = {str(path.relative_to(models_dir)) for path in models_dir.rglob("*")}
    ours = {".converted", ".trash", home.FILE}
    return {p for p in found if not p.startswith("neighbour")} - ours


def test_a_model_leaves_with_all_that_is_its_own(model: CatalogModel, models_dir: Path) -> None:
    aliases.point("mine", model, SYSTEM)
    assert deleting.delete(model, SYSTEM)
    assert left(models_dir) == set()
    assert [row.public_id for row in CatalogModel.objects.all()] == ["sd/neighbour"]
    assert not catalog.is_alias("mine")
    entry = AuditEntry.objects.get(action="model_deleted")
    assert entry.detail == {"model": "sd/tiny", "path": "tiny"}
    scan()
    assert [row.public_id for row in CatalogModel.objects.all()] == ["sd/neighbour"]


def test_a_model_that_is_missing_leaves_its_row(model: CatalogModel, models_dir: Path) -> None:
    (models_dir / "tiny").rename(models_dir / "elsewhere")
    assert deleting.delete(model, SYSTEM)
    assert not CatalogModel.objects.filter(pk=model.pk).exists()


def test_a_model_waits_for_the_job_that_runs_on_it(
    model: CatalogModel, submit: Submit, order: Any, take: Take, models_dir: Path
) -> None:
    running, waiting = submit(resolved=order(of=model)), submit(resolved=order(of=model))
    claim = take()
    assert claim.job == running
    assert not deleting.delete(model, SYSTEM)
    assert (models_dir / "tiny" / "model_index.json").exists()
    # Neither a scan nor asking again brings it back or takes it early.
    scan()
    assert not deleting.delete(model, SYSTEM)
    assert catalog.find("tiny", None) is None
    assert jobs.claim("w2") is None
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (Job.Status.FAILED, "model_not_found")
    jobs.fail(claim, "x", "y")
    assert deleting.finish() == 1
    assert left(models_dir) == set()
    assert AuditEntry.objects.filter(action="model_deleted").count() == 1


def test_workers_are_asked_to_let_go(
    model: CatalogModel, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    from django.db.models.functions import Now

    for worker, held in {"w1": ["sd/tiny"], "w2": ["sd/neighbour"]}.items():
        WorkerStatus.objects.create(worker=worker, host="h", models_loaded=held, updated_at=Now())
    with django_capture_on_commit_callbacks(execute=True):
        deleting.delete(model, SYSTEM)
    # All are: one may have loaded it since it last said what it holds.
    asked = Unload.objects.order_by("worker").values_list("worker", "model")
    assert list(asked) == [("w1", "sd/tiny"), ("w2", "sd/tiny")]


class Cut(BaseException):
    """The power goes."""


CALLS = ("rename", "mkdir", "unlink", "rmdir")


def test_whatever_step_was_the_last_the_next_try_leaves_nothing(
    model: CatalogModel, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real calls; each try is let one more than the last and then cut off."""
    deleting.ask(model, SYSTEM)
    tries = 0
    while True:
        with monkeypatch.context() as patch:
            _cut_after(tries, patch)
            try:
                deleting.finish()
                break
            except Cut:
                tries += 1
                # Half gone as it is, it must not be taken for a model again.
                scan()
                assert catalog.find("tiny", None) is None
    assert tries >= 5
    assert left(models_dir) == set()
    assert not CatalogModel.objects.filter(public_id="sd/tiny").exists()


def _cut_after(count: int, patch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > count:
                raise Cut
            return real(*arguments, **options)

        return counted

    for name in CALLS:
        patch.setattr(os, name, counting(getattr(os, name)))


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/passwd", "a/../../outside", "..", ".", "", ".trash", ".trash/x", "link/x"],
)
def test_nothing_outside_the_models_folder_is_ever_touched(
    path: str, models_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("precious")
    (models_dir / "link").symlink_to(outside)
    model = installed("one", path=path)
    with pytest.raises(Invalid):
        deleting.ask(model, SYSTEM)
    # Also when the row came to be marked some other way.
    CatalogModel.objects.update(state="deleting")
    assert deleting.finish() == 0
    assert (outside / "x").read_text() == "precious"
    model.refresh_from_db()
    assert "not inside the models folder" in model.detail


def test_a_link_is_removed_and_not_what_it_leads_to(
    models_dir: Path, make_model: MakeModel
) -> None:
    make_model("real")
    (models_dir / "one").symlink_to(models_dir / "real")
    assert deleting.delete(installed("one"), SYSTEM)
    assert not (models_dir / "one").is_symlink()
    assert (models_dir / "real" / "model_index.json").exists()


@pytest.mark.parametrize("other", ["one.ckpt", "one.sft", "one.gguf"])
def test_a_side_car_that_another_model_reads_stays(models_dir: Path, other: str) -> None:
    for name in ("one.safetensors", other, "one.json"):
        (models_dir / name).write_text("{}")
    assert deleting.delete(installed("one", path="one.safetensors", layout="single_file"), SYSTEM)
    assert {path.name for path in models_dir.iterdir()} == {other, "one.json", ".trash"}


def test_files_that_cannot_be_removed_are_said(model: CatalogModel, models_dir: Path) -> None:
    (models_dir / ".trash").write_text("in the way")
    assert not deleting.delete(model, SYSTEM)
    model.refresh_from_db()
    assert "cannot be deleted" in model.detail
    (models_dir / ".trash").unlink()
    assert deleting.finish() == 1
    assert left(models_dir) == set()


def test_a_job_is_not_repeated_on_what_is_gone(
    model: CatalogModel, submit: Submit, order: Any, alice: User
) -> None:
    from generation.errors import ModelNotFound

    job = submit(resolved=order(of=model))
    jobs.cancel(job.pk)
    deleting.delete(model, SYSTEM)
    job.refresh_from_db()
    with pytest.raises(ModelNotFound):
        jobs.repeat(job)

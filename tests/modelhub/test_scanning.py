"""The rows follow the folder: added, changed, gone, back again."""

import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.audit import Source
from accounts.models import AuditEntry, User
from modelhub import scanning, walking
from modelhub.api import shapes
from modelhub.kinds import NAMINGS, Kind
from modelhub.models import Alias, CatalogModel
from modelhub.scanning import look_at, scan
from tests import database
from tests.model_folders import change_json
from tests.modelhub import real_headers
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
    report = scan()
    assert len(report.skipped) == 2
    # Answers are UTF-8.
    assert all(told["name"].encode() for told in shapes.report(report)["skipped"])


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


KINDS = {
    Kind.CHECKPOINT: "checkpoint-sdxl",
    Kind.LORA: "lora-sdxl-kohya",
    Kind.LYCORIS: "lycoris-sd1-loha",
    Kind.EMBEDDING: "embedding-sd1",
    Kind.CONTROLNET: "controlnet-sd1-ldm",
    Kind.IP_ADAPTER: "ip-adapter-sd1",
    Kind.VAE: "vae-ldm",
    Kind.TEXT_ENCODER: "text-encoder-t5",
    Kind.UPSCALER: "upscaler-esrgan",
}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_row_and_an_id_of_its_own(kind: Kind, models_dir: Path) -> None:
    real_headers.build(KINDS[kind], models_dir / NAMINGS[kind].folder, called="x")
    assert scan().added == [f"{NAMINGS[kind].prefix}x"]
    assert CatalogModel.objects.get().kind == kind


def test_sub_folders_are_entered_and_models_are_not(
    make_model: MakeModel, models_dir: Path
) -> None:
    folder = make_model("families/one/dream")
    real_headers.build("lora-sd1-kohya", folder / "extra")
    real_headers.build("lora-sd1-kohya", models_dir / "loras" / "style", called="ink")
    real_headers.build("lora-sd1-kohya", models_dir / ".cache", called="hidden")
    (models_dir / "loras" / "style" / "ink.components" / "unet").mkdir(parents=True)
    assert scan().added == ["lora/ink", "sd/dream"]


def test_no_folder_is_too_deep_to_hurt(models_dir: Path) -> None:
    deep = models_dir / Path(*["d"] * 20)
    real_headers.build("lora-sd1-kohya", deep)
    (models_dir / "round").symlink_to(models_dir)
    assert scan().added == []


def test_links_that_are_not_followed_are_told(models_dir: Path, tmp_path: Path) -> None:
    (models_dir / "more").symlink_to(tmp_path)
    (models_dir / "gone.safetensors").symlink_to(tmp_path / "unmounted" / "gone.safetensors")
    (models_dir / "readme").symlink_to(tmp_path / "nowhere")
    assert scan().skipped == {
        "gone.safetensors": "a link that leads nowhere",
        "more": "a link to a folder is not entered",
    }


@contextmanager
def somebody_else() -> Iterator[None]:
    """Files of root are closed to us, if we are root."""
    us = os.geteuid()
    if us == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(us)


def test_a_folder_that_may_not_be_entered_hides_no_other() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        real_headers.build("lora-sd1-kohya", root, called="ink")
        real_headers.build("lora-sd1-kohya", root / "closed", called="hidden")
        (root / "closed").chmod(0)
        with somebody_else():
            walked = walking.walk(root)
            assert not walking.holds(root, root / "closed" / "hidden.safetensors")
        (root / "closed").chmod(0o755)
    assert walked.models == [root / "ink.safetensors"]
    assert walked.skipped == {"closed": "cannot be read: Permission denied"}


def test_files_of_one_name_have_their_path_in_the_id(models_dir: Path) -> None:
    for folder in ("loras", "loras/a", "loras/b"):
        real_headers.build("lora-sd1-kohya", models_dir / folder, called="ink")
    assert scan().added == ["lora/a/ink.safetensors", "lora/b/ink.safetensors", "lora/ink"]


def test_a_file_named_by_a_tool_is_called_as_its_folder(models_dir: Path) -> None:
    real_headers.build("lora-sdxl-peft", models_dir / "loras/ink", called="pytorch_lora_weights")
    # The shelf's own name would say no more.
    real_headers.build("lora-sdxl-peft", models_dir / "loras", called="pytorch_lora_weights")
    real_headers.build("embedding-sd1", models_dir, called="learned_embeds")
    assert scan().added == ["embedding/learned_embeds", "lora/ink", "lora/pytorch_lora_weights"]


def test_safetensors_have_the_name_before_a_pickle(models_dir: Path) -> None:
    (models_dir / "dream.ckpt").write_bytes(b"x")
    real_headers.build("checkpoint-sd1", models_dir, called="dream")
    scan()
    ids = dict(CatalogModel.objects.values_list("path", "public_id"))
    assert ids == {"dream.safetensors": "sd/dream", "dream.ckpt": "sd/dream.ckpt"}


def test_case_twins_are_two_models(models_dir: Path) -> None:
    for name in ("dream", "Dream"):
        real_headers.build("checkpoint-sd1", models_dir, called=name)
    assert sorted(scan().added) == ["sd/Dream", "sd/dream"]


def test_names_that_look_alike_are_told_apart(models_dir: Path) -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "caf\u00e9")
        real_headers.build("lora-sd1-kohya", models_dir, called=name)
    ids = [unicodedata.normalize("NFC", name) for name in sorted(scan().added)]
    assert ids == ["lora/caf\u00e9", "lora/caf\u00e9.safetensors"]


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", "a\x1b[2Jb", "\ufeffa", "l" * 242])
def test_names_that_nobody_can_read_are_left_out(name: str, models_dir: Path) -> None:
    real_headers.build("lora-sd1-kohya", models_dir, called=name)
    report = scan()
    assert (report.added, len(report.skipped)) == ([], 1)


def test_folders_of_other_programs_are_left_out(models_dir: Path) -> None:
    real_headers.build("text-encoder-llm", models_dir / "llama", called="model")
    (models_dir / "llama" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    report = scan()
    assert report.added == []
    assert "LlamaForCausalLM" in report.skipped["llama"]


def test_what_did_not_change_is_not_read_again(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_headers.build("lora-sd1-kohya", models_dir)
    scan()
    monkeypatch.setattr(scanning, "detect", None)
    assert len(scan().unchanged) == 1


def test_a_changed_file_loses_what_was_made_of_it(models_dir: Path) -> None:
    file = real_headers.build("lora-sd1-kohya", models_dir, called="x")
    scan()
    CatalogModel.objects.update(sha256="a" * 64, converted_path="y", defaults={"steps": 9})
    real_headers.build("lora-sd2-kohya", models_dir, called="x")
    os.utime(file, ns=(1, 1))
    assert scan().changed == ["lora/x"]
    row = CatalogModel.objects.get()
    assert (row.sha256, row.converted_path, row.family) == ("", "", "sd2")
    assert (row.defaults, row.changed_at is None) == ({"steps": 9}, False)


def test_a_changed_side_car_is_read_and_the_digest_stays(models_dir: Path) -> None:
    real_headers.build("lora-sd1-kohya", models_dir, called="x")
    scan()
    CatalogModel.objects.update(sha256="a" * 64)
    (models_dir / "x.json").write_text('{"trigger_words": ["ink"]}')
    assert scan().changed == ["lora/x"]
    row = CatalogModel.objects.get()
    assert (row.trigger_words, row.sha256) == (["ink"], "a" * 64)


@pytest.mark.parametrize("to", ["y.safetensors", "sub/x.safetensors"])
def test_a_moved_file_keeps_its_row(to: str, models_dir: Path) -> None:
    file = real_headers.build("checkpoint-sd1", models_dir, called="x")
    scan()
    row = CatalogModel.objects.get()
    Alias.objects.create(name="mine", model=row)
    CatalogModel.objects.update(visibility="staff", sha256="a" * 64)
    (models_dir / to).parent.mkdir(exist_ok=True)
    file.rename(models_dir / to)
    assert scan().moved == [f"sd/{Path(to).stem}"]
    now = CatalogModel.objects.get()
    assert (now.pk, now.path, now.visibility) == (row.pk, to, "staff")
    assert (now.sha256, now.aliases.get().name) == ("a" * 64, "mine")


def test_a_moved_folder_keeps_its_row(make_model: MakeModel, models_dir: Path) -> None:
    folder = make_model("dream")
    scan()
    pk = CatalogModel.objects.get().pk
    folder.rename(models_dir / "night")
    assert scan().moved == ["sd/night"]
    assert CatalogModel.objects.get().pk == pk


def test_what_takes_the_place_of_a_gone_model_has_its_row(
    make_model: MakeModel, models_dir: Path
) -> None:
    shutil.rmtree(make_model("dream"))
    make_model("dream")
    scan()
    CatalogModel.objects.update(visibility="staff")
    shutil.rmtree(models_dir / "dream")
    real_headers.build("checkpoint-sd1", models_dir, called="dream")
    assert scan().changed == ["sd/dream"]
    row = CatalogModel.objects.get()
    assert (row.path, row.layout, row.visibility) == ("dream.safetensors", "single_file", "staff")


def test_a_damaged_file_is_still_what_it_was(models_dir: Path) -> None:
    file = real_headers.build("lora-sd1-kohya", models_dir, called="x")
    scan()
    os.truncate(file, 100)
    assert scan().changed == ["lora/x"]
    row = CatalogModel.objects.get()
    assert (row.state, row.kind, row.family) == (State.CORRUPT, Kind.LORA, "sd1")


def test_a_damaged_new_file_is_what_its_folder_is_for(models_dir: Path) -> None:
    (models_dir / "loras").mkdir()
    (models_dir / "loras" / "x.safetensors").write_bytes(b"x" * 99)
    assert scan().added == ["lora/x"]


def test_what_is_being_deleted_is_left_alone(make_model: MakeModel) -> None:
    folder = make_model("dream")
    scan()
    CatalogModel.objects.update(state=State.DELETING)
    change_json(folder / "unet" / "config.json", sample_size=32)
    scan()
    shutil.rmtree(folder)
    scan()
    assert CatalogModel.objects.get().state == State.DELETING


def test_one_file_can_be_looked_at_alone(make_model: MakeModel, models_dir: Path) -> None:
    make_model("dream")
    file = real_headers.build("lora-sd1-kohya", models_dir / "loras", called="ink")
    row = look_at(file, sha256="a" * 64)
    assert row is not None
    assert (row.public_id, row.family, row.sha256) == ("lora/ink", "sd1", "a" * 64)
    assert CatalogModel.objects.get() == row
    assert scan().added == ["sd/dream"]


@pytest.mark.parametrize("name", ["notes.txt", "dream/unet/x.safetensors", ".x.safetensors", ""])
def test_what_is_no_model_is_looked_at_in_vain(
    name: str, make_model: MakeModel, models_dir: Path
) -> None:
    make_model("dream")
    (models_dir / "notes.txt").write_text("x")
    assert look_at(models_dir / name) is None
    assert look_at(models_dir.parent / "x.safetensors") is None
    assert not CatalogModel.objects.exists()


def test_a_refresh_is_in_the_audit_log(make_model: MakeModel, alice: User) -> None:
    make_model("dream")
    scanning.scan(Source(alice))
    scanning.scan(Source(alice))
    first, second = AuditEntry.objects.filter(action="models_refreshed").order_by("pk")
    assert (first.actor_name, first.detail) == ("alice", {"added": ["sd/dream"]})
    assert (second.actor_name, second.detail) == ("alice", {})


SCAN = "from modelhub.scanning import scan; print(len(scan().added))"


@pytest.mark.django_db(transaction=True)
def test_scans_of_several_processes_make_one_row_a_model(models_dir: Path) -> None:
    for number in range(20):
        real_headers.build("lora-sd1-kohya", models_dir, called=f"x{number}")
    env = os.environ | {"DATABASE_URL": database.url(), "ALICE_MODELS_DIR": str(models_dir)}
    running = [
        subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-v0", "-c", SCAN],
            env=env, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    added = [int(process.communicate(timeout=120)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(added) == 20
    assert CatalogModel.objects.count() == 20


def test_the_command_names_kinds_and_what_is_wrong(
    models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real_headers.build("lora-sd1-kohya", models_dir, called="ink")
    (models_dir / "ink.json").write_text('{"speed": 1}')
    call_command("scan_models")
    line = "lora/ink: ready, LoRA, sd1, 512 px, fp16 (side-car: ink.json: speed is no key"
    assert line in capsys.readouterr().out


def test_the_command_says_what_it_found(
    make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model("dream")
    call_command("scan_models")
    assert "sd/dream: ready, sd-custom, 64 px, fp16" in capsys.readouterr().out


def test_configurations_beside_a_file_are_no_model(models_dir: Path) -> None:
    (models_dir / "tiny.components/unet").mkdir(parents=True)
    assert scan().added == []
    assert not CatalogModel.objects.exists()

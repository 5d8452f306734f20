"""Two folders on one database: one is the home of the models, and the other disturbs nothing."""

import logging
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import audit
from accounts.models import AuditEntry, User
from aliceproject import chores, diagnosis
from aliceproject.diagnosis import Level
from modelhub import deleting, home, scanning
from modelhub.downloads import lanes
from modelhub.home import AnotherFolder
from modelhub.models import CatalogModel, Download, ModelsHome
from tests.model_folders import build
from tests.modelhub.programs import LORA, Sender

pytestmark = pytest.mark.django_db
Enter = Callable[[str], Path]


@pytest.fixture
def at(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """at(host): be on that host, with a models folder of its own."""

    def go(host: str) -> Path:
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        settings.ALICE_MODELS_DIR = tmp_path / host
        settings.ALICE_MODELS_DIR.mkdir(exist_ok=True)
        return tmp_path / host

    return go


@pytest.fixture
def two(at: Enter) -> Enter:
    """`lake` is known from host one; host two has a copy of the folder that nobody has read."""
    build(at("one") / "lake")
    scanning.scan()
    ignore = shutil.ignore_patterns(".*")
    shutil.copytree(at("one"), at("two"), ignore=ignore, dirs_exist_ok=True)
    return at


def texts(level: Level) -> str:
    return "\n".join(found.text for found in diagnosis.examine() if found.level is level)


def test_what_one_host_deleted_does_not_come_back_from_another(
    two: Enter, caplog: pytest.LogCaptureFixture
) -> None:
    two("one")
    assert deleting.delete(CatalogModel.objects.get(), audit.SYSTEM)
    there = two("two")
    with caplog.at_level(logging.WARNING):
        chores.scan()
    assert (there / "lake").is_dir()
    assert not CatalogModel.objects.exists()
    assert "another folder: it is not read" in caplog.text


def test_what_only_one_host_has_is_not_missing_on_the_other(two: Enter) -> None:
    shutil.rmtree(two("two") / "lake")
    with pytest.raises(AnotherFolder, match=r"lie in .*one on one"):
        scanning.scan()
    assert CatalogModel.objects.get().state == "ready"


def test_deleting_waits_for_the_host_that_has_the_files(two: Enter) -> None:
    there, model = two("two"), CatalogModel.objects.get()
    assert not deleting.delete(model, audit.SYSTEM)
    assert deleting.waits_for(model) == "it goes when the host with the models folder comes to it"
    assert (there / "lake").is_dir()
    here = two("one")
    assert deleting.finish() == 1
    assert not (here / "lake").exists()


def test_the_same_folder_is_known_under_any_path_on_any_host(
    two: Enter, tmp_path: Path, settings: Settings
) -> None:
    two("three")
    settings.ALICE_MODELS_DIR = tmp_path / "mounted"
    settings.ALICE_MODELS_DIR.symlink_to(tmp_path / "one")
    assert scanning.scan().unchanged == ["sd/lake"]
    assert ModelsHome.objects.get().host == "three"


def test_the_doctor_names_the_folder_and_the_way_out(two: Enter) -> None:
    two("two")
    assert f"one on one, and {two('two')} of two is another folder" in texts(Level.ERROR)
    assert "manage.py scan_models --take-over" in texts(Level.ERROR)
    two("one")
    assert "another folder" not in texts(Level.ERROR) + texts(Level.WARNING)


def test_the_command_refuses_until_it_is_told_to_take_over(two: Enter) -> None:
    build(two("two") / "hill")
    with pytest.raises(CommandError, match="another folder"):
        call_command("scan_models")
    call_command("scan_models", "--take-over")
    assert set(CatalogModel.objects.values_list("public_id", flat=True)) == {"sd/hill", "sd/lake"}
    told = AuditEntry.objects.filter(detail__has_key="before").get().detail
    assert (told["folder"], told["before"]) == (str(two("two")), f"{two('one')} on one")
    with pytest.raises(AnotherFolder):
        scanning.scan()


def test_a_home_that_nobody_reads_any_more_is_left(two: Enter) -> None:
    two("two")
    ModelsHome.objects.update(seen_at=Now() - home.RECENT - timedelta(seconds=1))
    assert scanning.scan().unchanged == ["sd/lake"]
    assert ModelsHome.objects.get().host == "two"


def test_a_setting_that_names_another_folder_is_followed_and_told(
    two: Enter, tmp_path: Path, settings: Settings
) -> None:
    two("one")
    settings.ALICE_MODELS_DIR = tmp_path / "new"
    settings.ALICE_MODELS_DIR.mkdir()
    assert "the next scan reads" in texts(Level.WARNING)
    assert scanning.scan().missing == ["sd/lake"]
    assert AuditEntry.objects.filter(detail__folder=str(tmp_path / "new")).exists()


def test_a_folder_that_cannot_be_marked_is_read_as_ever(
    at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(at("one") / "lake")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert scanning.scan().added == ["sd/lake"]
    assert not ModelsHome.objects.exists()


def test_uploads_and_downloads_go_to_the_home(
    sender: Sender, two: Enter, staff: User, caplog: pytest.LogCaptureFixture
) -> None:
    two("two")
    body = {"filename": "ink.safetensors", "sizeBytes": len(LORA), "sha256": "0" * 64}
    reply = sender.post("/v1/models/uploads", body, "application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "another_models_folder")
    row = Download.objects.create(source="url", name="x", asked={"url": "https://x/y", "name": ""})
    lanes.run(1, bool)
    assert "no downloads here" in caplog.text
    row.refresh_from_db()
    assert row.status == "queued"
    page = Client()
    page.force_login(staff)
    said = page.post("/web/models/refresh", follow=True).content.decode()
    assert "another folder: it is not read" in said

"""The doctor finds what is broken and says how to mend it."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import User
from aliceproject import diagnosis, instance
from aliceproject.diagnosis import Level
from modelhub.models import CatalogModel
from modelhub.scanning import scan
from tests.accounts.openid.conftest import forger
from tests.accounts.openid.forger import Forger
from tests.live import free_port
from tests.model_folders import build

__all__ = ["forger"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def installation(settings: Settings, tmp_path: Path) -> None:
    """One in order: a model, an administrator, a free port."""
    settings.ALICE_DATA_DIR = tmp_path
    settings.ALICE_MODELS_DIR = tmp_path / "models"
    settings.ALICE_PORT = free_port()
    build(tmp_path / "models" / "tiny")
    scan()
    User.objects.create_superuser("admin", password="x")


def texts(level: Level) -> str:
    return "\n".join(f.text for f in diagnosis.examine() if f.level is level)


def test_an_installation_in_order_has_nothing_broken(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("doctor")
    assert "Nothing is broken." in capsys.readouterr().out


def test_a_provider_is_asked_and_the_way_back_from_it_told(
    forger: Forger, settings: Settings
) -> None:
    settings.ALICE_PUBLIC_URL = "https://pictures.example"
    told = texts(Level.OK)
    assert f"the provider {forger.issuer} answers, with 1 keys" in told
    assert "https://pictures.example/web/login/openid/callback" in told


def test_a_provider_of_another_name_is_broken(forger: Forger, settings: Settings) -> None:
    settings.ALICE_OIDC_ISSUER += "/"
    assert f"the provider {forger.issuer}/ cannot be used" in texts(Level.ERROR)


def test_anything_broken_ends_with_an_error(settings: Settings) -> None:
    CatalogModel.objects.all().delete()
    with pytest.raises(CommandError, match="Broken: 1"):
        call_command("doctor")


def test_a_missing_model_is_an_error() -> None:
    CatalogModel.objects.all().delete()
    assert "install_demo_model" in texts(Level.ERROR)


def test_a_corrupt_model_is_a_warning_with_its_reason(tmp_path: Path) -> None:
    build(tmp_path / "models" / "bad").joinpath("model_index.json").write_text("{")
    scan()
    assert "sd/bad is corrupt: bad/model_index.json is not readable JSON" in texts(Level.WARNING)


def test_a_missing_administrator_is_a_warning() -> None:
    User.objects.all().delete()
    assert "`manage.py prepare` makes one" in texts(Level.WARNING)


def test_a_models_folder_in_the_way_is_an_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.ALICE_MODELS_DIR = tmp_path / "file"
    assert "ALICE_MODELS_DIR" in texts(Level.ERROR)


def test_refused_settings_are_errors(settings: Settings) -> None:
    settings.ALICE_HOST, settings.ALICE_REQUIRE_AUTH = "0.0.0.0", False
    assert "alice.E001" in texts(Level.ERROR)


def test_settings_in_order_are_said_to_be() -> None:
    assert "the settings fit together" in texts(Level.OK)


def test_the_libraries_are_tried_in_a_process_of_their_own(settings: Settings) -> None:
    settings.ALICE_BACKEND = "diffusers"
    assert "torch 2." in texts(Level.OK)


def test_libraries_that_do_not_load_are_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALICE_BACKEND = "diffusers"
    monkeypatch.setattr(diagnosis, "LIBRARIES", "import no_such_library")
    assert "No module named 'no_such_library'" in texts(Level.ERROR)


def test_a_server_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with instance.only_one(tmp_path):
        errors = texts(Level.ERROR)
    assert "does not answer" in errors
    assert "no worker is alive" in errors


def test_it_says_what_the_server_needs_next(tmp_path: Path) -> None:
    assert "`make start` starts it" in texts(Level.WARNING)

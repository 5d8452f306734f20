"""Models that the settings want, and the command that fetches in the foreground."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from modelhub.downloads import asking, at_start
from modelhub.models import Download
from tests.hub.server import Hub
from tests.hub.weights import pipeline, safetensors
from tests.modelhub.downloads.conftest import Fetch


@pytest.fixture
def wants(settings: Settings, models_dir: Path) -> Settings:
    settings.ALICE_DOWNLOAD_MODELS = []
    settings.ALICE_DEFAULT_MODEL = settings.ALICE_MODEL_S3_PATH = ""
    settings.ALICE_AUTO_DOWNLOAD = False
    return settings


def test_the_settings_of_the_replaced_systems_are_honoured(wants: Settings) -> None:
    wants.ALICE_DEFAULT_MODEL = "runwayml/stable-diffusion-v1-5"
    assert list(at_start.wanted()) == []
    wants.ALICE_AUTO_DOWNLOAD = True
    wants.S3_BUCKET_NAME, wants.ALICE_MODEL_S3_PATH = "models", "/sdxl/base.safetensors"
    assert list(at_start.wanted()) == [
        "runwayml/stable-diffusion-v1-5",
        "s3://models/sdxl/base.safetensors",
    ]
    wants.ALICE_DEFAULT_MODEL, wants.ALICE_MODEL_S3_PATH = "sd/demo", "s3://b/k.safetensors"
    assert list(at_start.wanted()) == ["s3://b/k.safetensors"]


@pytest.mark.django_db
def test_every_start_asks_and_only_the_first_begins(wants: Settings) -> None:
    wants.ALICE_DOWNLOAD_MODELS = ["maker/tiny", "civitai:7", "not a model", "https://[bad"]
    assert [row.name for row in at_start.ask()] == ["maker/tiny", "CivitAI model 7"]
    assert at_start.ask() == []
    asking.cancel(Download.objects.get(name="maker/tiny"))
    Download.objects.filter(source="civitai").update(status="failed")
    assert [row.source for row in at_start.ask()] == ["civitai"]


def test_what_is_here_is_not_fetched_again_and_what_is_gone_is(
    hub: Hub, fetch: Fetch, wants: Settings
) -> None:
    hub.repo("maker/one", {"one.safetensors": safetensors(1000)})
    wants.ALICE_DOWNLOAD_MODELS = ["maker/one"]
    done = fetch("huggingface", repo="maker/one")
    assert at_start.ask() == []
    hub.civitai(7, "lake.safetensors", safetensors(2000))
    wants.ALICE_DOWNLOAD_MODELS = ["maker/one", "civitai:7"]
    fetch("civitai", modelId=7)
    assert at_start.ask() == []
    (wants.ALICE_MODELS_DIR / done.target).unlink()
    assert [row.name for row in at_start.ask()] == ["maker/one"]


@pytest.mark.django_db(transaction=True)
def test_the_command_fetches_and_shows_how_far_it_is(hub: Hub, wants: Settings) -> None:
    hub.repo("maker/tiny", pipeline(size=200_000))
    hub.civitai(7, "lake.safetensors", safetensors(400_000))
    hub.faults.pause = 0.1
    out = StringIO()
    call_command("download_models", "maker/tiny", "civitai:7", stdout=out)
    assert re.search(r"\[#*\.*\] +\d+\.\d %", out.getvalue())
    assert "maker/tiny: done" in out.getvalue()
    assert (wants.ALICE_MODELS_DIR / "loras/lake.safetensors").exists()
    sent = hub.sent
    out = StringIO()
    call_command("download_models", "maker/tiny", "--no-force", stdout=out)
    assert "here already" in out.getvalue()
    assert hub.sent == sent
    call_command("download_models", "maker/tiny", stdout=out)
    assert hub.sent > sent


@pytest.mark.django_db(transaction=True)
def test_the_command_says_which_failed_and_fetches_the_others(hub: Hub, wants: Settings) -> None:
    hub.repo("maker/one", {"one.safetensors": safetensors(1000)})
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError, match="2 of 3"):
        call_command(
            "download_models", "maker/none", "what?", "maker/one", stdout=out, stderr=errors
        )
    assert "maker/none" in errors.getvalue()
    assert "maker/one: done" in out.getvalue()


def test_the_command_without_anything_to_do_says_so(wants: Settings) -> None:
    with pytest.raises(CommandError, match="settings want none"):
        call_command("download_models")

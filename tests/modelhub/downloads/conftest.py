"""A hub on this machine, and downloads that threads of this process work at."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from modelhub import downloads
from modelhub.downloads import Asked, lanes
from modelhub.models import Download
from tests.hub import server
from tests.hub.server import Hub

Fetch = Callable[..., Download]


@pytest.fixture
def hub(settings: Settings, models_dir: Path) -> Iterator[Hub]:
    with server.running() as running:
        settings.ALICE_HUGGINGFACE_URL = settings.ALICE_CIVITAI_URL = running.url
        settings.ALICE_HUGGINGFACE_TOKEN = settings.ALICE_CIVITAI_TOKEN = ""
        settings.ALICE_HUB_HOSTS = [server.STORAGE_HOST]
        yield running


@pytest.fixture
def fetch(hub: Hub, transactional_db: None) -> Fetch:
    """fetch(source, kind="", force=False, **ref) -> the download when nothing more happens to it."""

    def run(source: str, *, kind: str = "", force: bool = False, **ref: Any) -> Download:
        return work(downloads.start(Asked(source, ref, kind, force)))

    return run


def work(download: Download, seconds: float = 120) -> Download:
    """Have threads of this process work until the download has ended; pauses are cut short."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lanes.run(seconds, bool)
        download.refresh_from_db()
        if download.status not in Download.OPEN:
            return download
        Download.objects.update(next_try_at=F("created_at"))
    raise AssertionError(f"{download} {download.error_message}")

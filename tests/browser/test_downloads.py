"""The page of downloads in a real browser: live, and as good without a script."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, Scheme, Window, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

PAGE = "/web/models/downloads"
SHOTS = os.environ.get("ALICE_TESTS_SHOTS")
SET_UP = f"""
from accounts.models import User
from modelhub.models import Download
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
asked = {{"repo": "maker/lakes", "revision": "main", "file": ""}}
def make(name, status, total, done, source="huggingface", **more):
    Download.objects.create(name=name, status=status, total_bytes=total, done_bytes=done,
        source=source, asked=asked, **more)
make("stabilityai/sd-turbo", "completed", 2_600_000_000, 2_600_000_000)
make("Lake style v1.0", "failed", 144_000_000, 20_000_000, "civitai",
    error_code="source_token_needed", error_message="CivitAI wants a login for this file: set "
    "ALICE_CIVITAI_TOKEN to an API key.")
make("maker/lakes", "downloading", 4_200_000_000, 1_300_000_000, bytes_per_second=23_000_000,
    holder="x", lease_until="2100-01-01T00:00Z")
"""
MOVE = """
import time
from modelhub.downloads import telling
from modelhub.models import Download
Download.objects.filter(name="maker/lakes").update(done_bytes=2_100_000_000)
telling.tell()
time.sleep(1)
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False) as started:
        started.manage("shell", "-v0", "-c", SET_UP)
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_the_page_is_open_to_all(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width, storage_state=carols) as window:
        await window.visit(PAGE)
        await expect(window.page.get_by_text("maker/lakes", exact=True)).to_be_visible()
        await window.is_open_to_all()
        if SHOTS:
            shot = Path(SHOTS) / f"downloads-{scheme}-{width}.png"
            await window.page.screenshot(path=shot, full_page=True)
        assert window.troubles == []


async def test_what_comes_is_seen_as_it_comes(carol: Window, live: Live) -> None:
    await carol.visit(PAGE)
    await expect(carol.page.get_by_text("1.3 GB of 4.2 GB")).to_be_visible()
    live.manage("shell", "-v0", "-c", MOVE)
    await expect(carol.page.get_by_text("2.1 GB of 4.2 GB")).to_be_visible()


async def test_one_is_begun_cancelled_and_removed(carol: Window) -> None:
    await carol.visit(PAGE)
    await carol.page.get_by_label("Repository, link or number").fill("maker/waves")
    await carol.page.get_by_role("button", name="Download", exact=True).click()
    await expect(carol.page.get_by_text("maker/waves is on its way.")).to_be_visible()
    await carol.page.get_by_role("button", name="Cancel: maker/waves").focus()
    await carol.page.keyboard.press("Enter")
    # The button is gone with its state: who works by keys is on the next one.
    await expect(carol.page.get_by_role("button", name="Resume: maker/waves")).to_be_focused()
    await carol.page.keyboard.press("Enter")
    await carol.page.get_by_role("button", name="Cancel: maker/waves").click()
    await carol.page.get_by_role("button", name="Remove from list: maker/waves").click()
    await expect(carol.page.get_by_text("maker/waves", exact=True)).to_have_count(0)


async def test_it_all_works_without_a_script(
    chromium: Browser, live: Live, carols: StorageState
) -> None:
    async with opened(chromium, live, storage_state=carols, java_script_enabled=False) as window:
        await window.visit(PAGE)
        await window.page.get_by_label("Repository, link or number").fill("not a model")
        await window.page.get_by_role("button", name="Download", exact=True).click()
        await expect(window.page.get_by_role("alert")).to_contain_text("neither a repository")
        await window.page.get_by_role("button", name="Resume: Lake style v1.0").click()
        await window.page.get_by_role("button", name="Cancel: Lake style v1.0").click()
        await expect(
            window.page.get_by_role("button", name="Resume: Lake style v1.0")
        ).to_be_visible()

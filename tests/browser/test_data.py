"""A person takes everything home, chooses how long pictures stay, and leaves for good."""

import zipfile

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS, Scheme, Window, opened
from tests.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/web/account/data"
PHONE, DESK = 390, 1280
expect.set_options(timeout=PATIENCE_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_the_page_is_open_to_all(window: Window, width: int, scheme: Scheme) -> None:
    await window.page.set_viewport_size({"width": width, "height": 900})
    await window.page.emulate_media(color_scheme=scheme)
    await window.visit(PAGE)
    await window.is_open_to_all()


async def test_the_menu_leads_there(window: Window) -> None:
    await window.visit("/web/")
    await window.page.get_by_label("Account menu").click()
    await window.page.get_by_role("link", name="Your data").click()
    await expect(window.page.get_by_role("heading", name="Download everything")).to_be_visible()


async def test_days_are_kept_and_taken_back(window: Window) -> None:
    field = window.page.get_by_label("Delete my pictures after this many days")
    for days in ("30", ""):
        await window.visit(PAGE)
        await field.fill(days)
        await window.page.get_by_role("button", name="Save").click()
        await expect(window.page.get_by_text("Saved.")).to_be_visible()
        await window.visit(PAGE)
        await expect(field).to_have_value(days)


async def test_everything_is_downloaded_with_one_click(window: Window) -> None:
    await window.order("a boat to take home")
    await expect(window.page.locator(".result-image").first).to_be_visible()
    await window.visit(PAGE)
    async with window.page.expect_download() as coming:
        await window.page.get_by_role("button", name="Download everything").click()
    download = await coming.value
    assert download.suggested_filename == "alice-alice.zip"
    archive = zipfile.ZipFile(await download.path())
    assert archive.testzip() is None
    assert [name for name in archive.namelist() if name.endswith(".png")]


async def test_who_leaves_is_gone(chromium: Browser, live: Live) -> None:
    async with opened(chromium, live) as window:
        await window.sign_in("bob")
        await window.visit(PAGE)
        await window.page.get_by_label("Type your user name").fill("bob")
        await window.page.get_by_role("button", name="Erase my account").click()
        await expect(window.page.get_by_text("Your account is erased.")).to_be_visible()
        await window.page.get_by_label("User name").fill("bob")
        await window.page.get_by_label("Password").fill("correct horse battery")
        await window.page.get_by_role("button", name="Sign in").click()
        await expect(window.page.get_by_role("alert")).to_be_visible()

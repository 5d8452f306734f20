"""The administration in a real browser: works under the strict policy, with no inline code."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import PASSWORD, Window, opened
from tests.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADD_ROOT = f"""
from accounts.models import User
User.objects.create_superuser("root", password="{PASSWORD}")
"""
LISTS = (
    "/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/", "/admin/accounts/apikey/",
    "/admin/gallery/image/", "/admin/generation/job/", "/admin/modelhub/catalogmodel/",
)  # fmt: skip


@pytest.fixture(scope="module")
def with_root(live: Live) -> Live:
    live.manage("shell", "-v0", "-c", ADD_ROOT)
    return live


@pytest_asyncio.fixture(loop_scope="module")
async def root(chromium: Browser, with_root: Live) -> AsyncIterator[Window]:
    """An administrator's window; fails the test for anything the policy blocked."""
    async with opened(chromium, with_root) as window:
        await window.sign_in("root")
        yield window
        assert window.troubles == []


async def test_every_page_opens_with_nothing_blocked(root: Window) -> None:
    for path in LISTS:
        await root.visit(path)
        await expect(root.page.locator("#content")).to_be_visible()


async def test_key_is_made_with_the_user_search(root: Window) -> None:
    await root.visit("/admin/accounts/apikey/add/")
    page = root.page
    await page.locator("#id_name").fill("laptop")
    await page.locator(".select2-selection").click()
    await page.locator(".select2-search__field").fill("ali")
    await page.locator(".select2-results__option", has_text="alice").click()
    await page.locator("input[name=_save]").click()
    assert (await page.get_by_label("API key", exact=True).input_value()).startswith("sk-alice-")


async def test_picture_and_job_of_others_are_seen_and_the_picture_deleted(root: Window) -> None:
    await root.order("<script>alert(1)</script> a boat")
    await expect(root.page.locator(".result-image").first).to_be_visible()
    await root.visit("/admin/generation/job/")
    await root.page.locator("#result_list tbody th a").first.click()
    await expect(root.page.locator("pre", has_text="a boat").first).to_be_visible()
    await root.visit("/admin/gallery/image/")
    thumbnail = root.page.locator(".field-thumb img").first
    await expect(thumbnail).to_have_js_property("naturalWidth", 256)
    await root.page.locator("#action-toggle").click()
    await root.page.locator("select[name=action]").select_option("delete_selected")
    await root.page.get_by_role("button", name="Go").click()
    await root.page.locator("input[type=submit]").click()
    await expect(root.page.locator("#result_list")).to_have_count(0)

"""Quotas in a real browser: staff set them, and a person sees what is left."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)
QUOTAS, USAGE = "/web/administration/quotas", "/web/account/usage"
STAFF = f"""
from accounts.models import Quota, Usage
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
Quota.objects.create(role="staff", queued_jobs=20, stored_bytes=10**10)
Quota.objects.create(user=User.objects.get(username="bob"), images_per_day=50, running_jobs=1)
Usage.objects.create(user=User.objects.get(username="bob"), running_jobs=1)
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False) as started:
        started.manage("shell", "-v0", "-c", SET_UP + STAFF)
        yield started


async def test_staff_set_a_limit_and_its_owner_sees_it(
    chromium: Browser, live: Live, carols: StorageState
) -> None:
    async with opened(chromium, live, storage_state=carols) as door:
        await door.visit(QUOTAS)
        page = door.page
        await page.get_by_label("User name").fill("alice")
        await page.get_by_role("button", name="Set limits").click()
        await page.get_by_label("Pictures").fill("-3")
        await page.get_by_role("button", name="Save limits").click()
        await expect(page.get_by_label("Pictures")).to_have_attribute("aria-invalid", "true")
        door.troubles.clear()
        await page.get_by_label("Pictures").fill("12")
        await page.get_by_role("button", name="Save limits").click()
        await expect(page.locator(".notices")).to_contain_text("alice")
    async with opened(chromium, live) as window:
        await window.sign_in("alice")
        await window.visit(USAGE)
        await expect(window.page.get_by_text("0 of 12")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_pages_are_for_everybody(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width, storage_state=carols) as door:
        for path in (USAGE, QUOTAS, f"{QUOTAS}/user", f"{QUOTAS}?name=bob"):
            await door.visit(path)
            await door.is_open_to_all()

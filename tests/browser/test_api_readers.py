"""The description of the API in a browser: what is tried there is sent in one's own session."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)


async def test_a_change_can_be_tried_without_a_key(window: Window) -> None:
    await window.visit("/docs")
    block = window.page.locator(".opblock-post").filter(
        has=window.page.locator('[data-path="/v1/estimate"]')
    )
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Try it out").click()
    await block.locator("textarea").first.fill('{"prompt": "a lake"}')
    await block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table")
    await expect(answer).to_contain_text("megapixel_steps")

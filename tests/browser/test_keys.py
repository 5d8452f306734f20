"""People make, rotate and revoke their keys, and staff everybody's: in a real browser."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, Window, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

ACCOUNT, STAFF = "/web/account", "/web/administration/keys"
PHONE, DESK = 390, 1280
MORE = f"""
from accounts import keys
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
keys.mint(User.objects.get(username="bob"), "bob's robot", ["generate"], rate_limit=60)
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False) as started:
        started.manage("shell", "-v0", "-c", SET_UP + MORE)
        yield started


def answer(live: Live, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx2.get(f"{live.url}/v1/auth/me", headers=headers, timeout=30).status_code


async def make(window: Window, name: str) -> str:
    await window.visit(ACCOUNT)
    await window.page.get_by_label("Name").fill(name)
    await window.page.get_by_role("button", name="Make key").click()
    await window.page.wait_for_load_state()
    return await window.page.get_by_label("Your new key.").input_value()


async def test_a_key_is_made_copied_and_gone_from_the_page(window: Window, live: Live) -> None:
    secret = await make(window, "laptop")
    assert answer(live, secret) == 200
    await window.page.get_by_role("button", name="Copy").click()
    await expect(window.page.get_by_text("Copied.")).to_be_visible()
    await window.visit(ACCOUNT)
    assert secret not in await window.page.content()


async def test_a_key_is_rotated_after_a_question(window: Window, live: Live) -> None:
    old = await make(window, "robot")
    await window.page.get_by_role("button", name="Rotate the key robot").click()
    await expect(window.page.get_by_role("dialog")).to_contain_text("Rotate “robot”?")
    await window.page.keyboard.press("Escape")
    assert answer(live, old) == 200
    await window.page.get_by_role("button", name="Rotate the key robot").click()
    await window.page.get_by_label("The old key ends").select_option("at once")
    await window.page.get_by_role("button", name="Rotate", exact=True).click()
    shown = window.page.get_by_label("Your new key.")
    await expect(shown).not_to_have_value(old)
    new = await shown.input_value()
    assert [answer(live, secret) for secret in (old, new)] == [401, 200]


async def test_a_key_is_revoked_after_a_question(window: Window, live: Live) -> None:
    secret = await make(window, "phone")
    await window.page.get_by_role("button", name="Revoke the key phone").click()
    await window.page.get_by_role("button", name="Cancel").click()
    assert answer(live, secret) == 200
    await window.page.get_by_role("button", name="Revoke the key phone").click()
    await window.page.get_by_role("button", name="Revoke", exact=True).click()
    await expect(window.page.get_by_text("no longer opens anything")).to_be_visible()
    assert answer(live, secret) == 401


async def test_staff_finds_and_revokes_the_key_of_another(carol: Window) -> None:
    await carol.visit(STAFF)
    await carol.page.get_by_label("Owner, name or beginning").fill("bob")
    await carol.page.get_by_role("button", name="Find").click()
    # The page before the search holds the row as well.
    await carol.page.wait_for_url("**q=bob*")
    row = carol.page.get_by_role("row", name=re.compile("bob's robot"))
    await expect(row).to_contain_text("Live")
    await row.get_by_role("button", name="Revoke").click()
    await carol.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(carol.page.get_by_text("no longer opens anything")).to_be_visible()
    await carol.visit(f"{STAFF}?state=revoked")
    await expect(row).to_contain_text("Revoked")


@pytest.mark.parametrize(("scheme", "width"), [("dark", PHONE), ("light", DESK), ("light", PHONE)])
async def test_the_pages_fit_and_are_open_to_all(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, storage_state=carols, scheme=scheme, width=width) as window:
        await make(window, f"{scheme} {width}")
        await window.is_open_to_all()
        await window.page.get_by_role("button", name=re.compile("Rotate the key")).first.click()
        await expect(window.page.get_by_role("dialog")).to_be_visible()
        await window.is_open_to_all()
        await window.visit(f"{STAFF}?state=all")
        await window.is_open_to_all()
        assert window.troubles == []

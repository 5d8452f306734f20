"""To a real provider and back in a real browser, with our content security policy on."""

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS, SET_UP, Scheme, Window, opened
from tests.identity_provider.running import SECRET, Provider, provider
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

PHONE, DESK = 360, 1280
LINK, BEGIN = "/web/account/openid/link", "/web/account/openid/begin"
SECURITY, PROBLEM = "/web/account/security", "/web/login/openid/callback?state=x"


@pytest.fixture(scope="module")
def house() -> Iterator[Provider]:
    with provider("alice", "erin", "frank") as running:
        yield running


@pytest.fixture(scope="module")
def live(house: Provider) -> Iterator[Live]:
    """Staff approve whom the provider brings."""
    with service(worker=True, ALICE_REGISTRATION="approval", **house.settings) as started:
        started.manage("shell", "-v0", "-c", SET_UP)
        house.knows(started)
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def guest(chromium: Browser, live: Live, house: Provider) -> AsyncIterator[Window]:
    """A browser that may go to the provider as well."""
    async with opened(chromium, live) as fresh:
        fresh.friend = house.url
        yield fresh
        assert fresh.troubles == []


async def sign_in_there(window: Window, name: str) -> None:
    await window.page.get_by_label("Name").fill(name)
    await window.page.get_by_label("Secret").fill(SECRET)
    await window.page.get_by_role("button", name="Log in").click()


async def go_there(window: Window, name: str) -> None:
    await window.visit("/web/login")
    await window.page.get_by_role("link", name="Sign in with House").click()
    await sign_in_there(window, name)


async def test_a_person_links_the_provider_and_signs_in_by_it(
    guest: Window, chromium: Browser, live: Live, house: Provider
) -> None:
    await guest.sign_in()
    await guest.visit(SECURITY)
    await guest.page.get_by_role("link", name="Link an identity").click()
    await guest.page.get_by_role("link", name="Go to House").click()
    await sign_in_there(guest, "alice")
    await guest.page.get_by_role("button", name="Link this identity").click()
    await expect(guest.page.get_by_text("You can sign in with House")).to_be_visible()
    async with opened(chromium, live) as elsewhere:
        elsewhere.friend = house.url
        await go_there(elsewhere, "alice")
        await elsewhere.page.wait_for_url("**/web/")
        assert elsewhere.troubles == []


async def test_after_a_password_the_way_to_the_provider_is_a_link(guest: Window) -> None:
    """A form that led on to another server would be stopped by the policy."""
    await guest.visit(BEGIN)
    await guest.sign_in("bob", then=LINK)
    await guest.page.get_by_role("link", name="Go to House").click()
    await expect(guest.page.get_by_role("heading", name="The provider")).to_be_visible()


async def test_a_newcomer_asks_and_waits(guest: Window) -> None:
    await go_there(guest, "erin")
    await expect(guest.page.get_by_label("User name")).to_have_value("erin")
    await guest.page.get_by_label("A word about you").fill("From next door.")
    await guest.page.get_by_role("button", name="Ask for an account").click()
    await expect(guest.page.get_by_role("heading", name="Your request waits")).to_be_visible()


async def test_it_works_without_scripts(chromium: Browser, live: Live, house: Provider) -> None:
    async with opened(chromium, live, java_script_enabled=False) as plain:
        await go_there(plain, "erin")
        await expect(plain.page.get_by_role("heading", name="Your request waits")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [PHONE, DESK])
async def test_every_page_is_open_to_all(
    chromium: Browser, live: Live, house: Provider, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width) as window:
        window.friend = house.url
        await window.visit("/web/login")
        await window.is_open_to_all()
        await go_there(window, "frank")
        await expect(window.page).to_have_url(re.compile("welcome$"))
        await window.is_open_to_all()
        await window.visit("/web/login")
        await window.sign_in("bob")
        for path in (SECURITY, LINK, PROBLEM):
            await window.visit(path)
            await window.is_open_to_all()
        await expect(window.page.get_by_role("heading")).to_have_text("That did not work")

"""Strangers become people, and staff look after them: in a real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, Window, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

PHONE, DESK = 390, 1280
USERS, REQUESTS, INVITES = (
    f"/web/administration/{name}" for name in ("users", "requests", "invites")
)
STAFF = f"""
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server on which staff approve; an invite opens it as well."""
    with service(worker=True, ALICE_REGISTRATION="approval") as started:
        started.manage("shell", "-v0", "-c", SET_UP + STAFF)
        yield started


async def register(window: Window, name: str, path: str = "/web/register") -> None:
    await window.visit(path)
    await window.page.get_by_label("User name").fill(name)
    await window.page.get_by_label("Password", exact=True).fill(PASSWORD)
    await window.page.get_by_label("Password once more").fill(PASSWORD)
    await window.page.get_by_role("button", name=re.compile("account")).click()


async def test_an_invite_lets_somebody_in(carol: Window, stranger: Window) -> None:
    await carol.visit(INVITES)
    await carol.page.get_by_label("Note").fill("my sister")
    await carol.page.get_by_role("button", name="Make invite").click()
    link = await carol.page.get_by_label("The new invite").input_value()
    await register(stranger, "dora", link.removeprefix(stranger.url))
    await expect(stranger.page.get_by_role("heading", name="Your account is ready")).to_be_visible()
    await stranger.page.get_by_role("link", name="Sign in").click()
    await stranger.sign_in("dora")
    await carol.visit(INVITES)
    await expect(carol.page.get_by_role("row", name=re.compile("my sister"))).to_contain_text(
        "1 of 1"
    )


async def test_revoking_an_invite_is_asked_about(carol: Window) -> None:
    await carol.visit(INVITES)
    await carol.page.get_by_label("Note").fill("the choir")
    await carol.page.get_by_role("button", name="Make invite").click()
    row = carol.page.get_by_role("row", name=re.compile("the choir"))
    await row.get_by_role("button", name="Revoke").click()
    await carol.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("Revoked")


async def test_somebody_waits_is_approved_and_signs_in(carol: Window, stranger: Window) -> None:
    await register(stranger, "erin")
    await expect(stranger.page.get_by_role("heading", name="Your request waits")).to_be_visible()
    await carol.visit(REQUESTS)
    await carol.page.get_by_role("button", name="Approve erin").click()
    await expect(carol.page.get_by_text("erin has an account now.")).to_be_visible()
    await stranger.page.get_by_role("link", name="Look again").click()
    await expect(stranger.page.get_by_role("heading", name="Your account is ready")).to_be_visible()
    await stranger.sign_in("erin")


async def test_somebody_is_rejected_and_reads_why(carol: Window, stranger: Window) -> None:
    await register(stranger, "mallory")
    await expect(stranger.page.get_by_role("heading", name="Your request waits")).to_be_visible()
    await carol.visit(REQUESTS)
    await carol.page.get_by_role("button", name="Reject mallory").click()
    await carol.page.get_by_label("Reason").fill("We do not know you.")
    await carol.page.get_by_role("button", name="Reject", exact=True).click()
    await expect(carol.page.get_by_text("The request of mallory is rejected.")).to_be_visible()
    await stranger.page.get_by_role("link", name="Look again").click()
    await expect(stranger.page.get_by_text("We do not know you.")).to_be_visible()


async def test_the_sign_in_page_leads_to_registration(stranger: Window) -> None:
    await stranger.visit("/web/login")
    await stranger.page.get_by_role("link", name="Create an account").click()
    await expect(stranger.page.get_by_role("heading", name="Create an account")).to_be_visible()


async def test_a_mistake_is_told_where_it_is(stranger: Window) -> None:
    await register(stranger, "two words")
    await expect(stranger.page.get_by_role("alert")).to_contain_text("valid username")
    await expect(stranger.page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    # The browser itself reports every 400 on its console.
    assert [t for t in stranger.troubles if "400" not in t] == []
    stranger.troubles.clear()


async def test_a_deactivated_person_s_open_page_ends(carol: Window, stranger: Window) -> None:
    await stranger.sign_in("bob")
    await expect(stranger.page.locator("#workers")).to_contain_text("Ready")
    await carol.visit(USERS)
    await carol.page.get_by_role("button", name="Deactivate: bob").click()
    await carol.page.get_by_role("button", name="Cancel").click()
    await expect(carol.page.get_by_role("dialog")).not_to_be_visible()
    await carol.page.get_by_role("button", name="Deactivate: bob").click()
    await carol.page.get_by_role("button", name="Deactivate", exact=True).click()
    # A second for the socket, the rest for the deed itself and a busy machine.
    await expect(stranger.page.get_by_text("You are signed out.")).to_be_visible(timeout=10_000)
    await stranger.visit("/web/gallery")
    await expect(stranger.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(carol.page.get_by_role("button", name="Reactivate: bob")).to_be_visible()
    await carol.page.get_by_role("button", name="Reactivate: bob").click()
    await carol.page.get_by_role("button", name="Reactivate", exact=True).click()
    await expect(carol.page.get_by_text("bob is active again.")).to_be_visible()
    await stranger.sign_in("bob", then="/web/gallery")


async def test_making_staff_is_asked_and_done(carol: Window) -> None:
    await carol.visit(f"{USERS}?q=alice")
    await carol.page.get_by_role("button", name="Make staff: alice").click()
    await expect(carol.page.get_by_role("dialog")).to_contain_text("Make alice staff?")
    await carol.page.keyboard.press("Escape")
    await expect(carol.page.get_by_role("button", name="Make staff: alice")).to_be_visible()
    await carol.page.get_by_role("button", name="Make staff: alice").click()
    await carol.page.get_by_role("button", name="Make staff", exact=True).click()
    await expect(carol.page.get_by_text("alice is staff now.")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("dark", PHONE), ("light", DESK), ("light", PHONE)])
async def test_the_pages_fit_and_are_open_to_all(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width) as door:
        await register(door, f"frida-{scheme}-{width}")
        await expect(door.page.get_by_role("heading", name="Your request waits")).to_be_visible()
        await door.is_open_to_all()
        await door.visit("/web/register")
        await door.is_open_to_all()
    look = {"scheme": scheme, "width": width, "storage_state": carols}
    async with opened(chromium, live, **look) as window:  # type: ignore[arg-type]  # by name
        for path in (USERS, REQUESTS, f"{REQUESTS}?status=rejected", INVITES):
            await window.visit(path)
            await window.is_open_to_all()
        await window.page.get_by_role("button", name="Make invite").click()
        await expect(window.page.get_by_label("The new invite")).to_be_visible()
        await window.is_open_to_all()
        await window.visit(USERS)
        await window.page.get_by_role("button", name=re.compile("Deactivate:")).first.click()
        await expect(window.page.get_by_role("dialog")).to_be_visible()
        await window.is_open_to_all()
        assert window.troubles == []

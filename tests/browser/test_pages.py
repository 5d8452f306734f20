"""A person at the pages: signs in, watches a picture develop, finds it, takes it, deletes it."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, StorageState, WebSocketRoute, expect

from tests.browser.conftest import PATIENCE_MS, Scheme, Window, opened
from tests.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE, DESK = 360, 1280
SLOW = "a boat [mock:slow=0.2]"
# The focused control of a page's main part, if a bar lies over it, else nothing.
COVERED = """() => {
  const held = document.activeElement;
  const box = held.getBoundingClientRect();
  const bars = [...document.querySelectorAll(".masthead, .tabs, .order-foot")];
  const over = bars.filter((bar) => !bar.contains(held)).map((bar) => bar.getBoundingClientRect());
  const covered = over.some((bar) => box.top < bar.bottom - 1 && box.bottom > bar.top + 1);
  return held.closest("main *") && covered ? held.outerHTML.slice(0, 120) : "";
}"""
# Every value that the bar ever shows, however late somebody looks.
NOTE_STEPS = """
window.steps = [];
new MutationObserver((changes) => {
  for (const { target } of changes) if (target.id === "bar") window.steps.push(target.value);
}).observe(document, { attributes: true, attributeFilter: ["value"], subtree: true });
"""
PAGES = ("/web/", "/web/generate", "/web/gallery", "/web/account")
expect.set_options(timeout=PATIENCE_MS)


async def draw(window: Window, prompt: str, **values: str) -> None:
    """Order a picture and wait for it."""
    await window.order(prompt, **values)
    await expect(window.page.locator(".result-image").first).to_be_visible()


async def test_a_picture_develops_before_ones_eyes(window: Window) -> None:
    await window.order(SLOW)
    page = window.page
    await expect(page.locator("#stand")).to_have_text(re.compile(r"Step \d+ of 12"))
    await expect(page.locator(".latent-image")).to_be_visible()
    await expect(page.locator(".result-image")).to_be_visible()
    for name, value in (("complete", True), ("naturalWidth", 256)):
        await expect(page.locator(".result-image")).to_have_js_property(name, value)


async def test_the_steps_grow_one_by_one(window: Window) -> None:
    await window.page.add_init_script(NOTE_STEPS)
    await window.order(SLOW)
    await expect(window.page.locator(".result-image")).to_be_visible()
    seen: list[float] = await window.page.evaluate("window.steps")
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


async def test_cancelling_ends_the_job_within_a_step(window: Window) -> None:
    await window.order("a boat [mock:slow=2]")
    await expect(window.page.locator("#stand")).to_have_text(re.compile("Step"))
    await window.page.get_by_role("button", name="Cancel").click()
    # All twelve would take 24 seconds.
    await expect(window.page.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=10_000)


async def test_several_pictures_come_as_a_sheet(window: Window) -> None:
    await draw(window, "four boats", n="4", seed="7")
    await expect(window.page.locator(".result-image")).to_have_count(4)
    await expect(window.page.get_by_text("Seed 10", exact=True)).to_be_visible()


async def test_a_failure_is_told_with_its_code(window: Window) -> None:
    await window.order("a boat [mock:nan]")
    await expect(
        window.page.get_by_role("heading", name="The picture could not be made")
    ).to_be_visible()
    await expect(window.page.get_by_text("numerical_error")).to_be_visible()


async def test_a_refusal_marks_the_field(window: Window) -> None:
    await window.visit("/web/generate")
    await window.page.locator("#more summary").click()
    await window.page.locator("#num_inference_steps").fill("150")
    await window.page.locator("#more summary").click()
    await window.fill_and_send("x", width="2048", height="2048", n="10")
    await expect(window.page.get_by_role("alert")).to_contain_text("megapixels")
    await expect(window.page.locator("#num_inference_steps")).to_have_attribute(
        "aria-invalid", "true"
    )
    # The browser itself reports every 400 on its console.
    assert [t for t in window.troubles if "400" not in t] == []
    window.troubles.clear()


async def test_an_ended_session_is_said(stranger: Window) -> None:
    await stranger.sign_in("bob")
    await stranger.visit("/web/generate")
    await stranger.page.context.clear_cookies()
    await stranger.fill_and_send("a boat")
    await expect(stranger.page.get_by_role("alert")).to_contain_text("Your session has ended")
    assert all("401" in trouble for trouble in stranger.troubles)
    stranger.troubles.clear()


async def test_an_adjustment_is_said(window: Window) -> None:
    await draw(window, "a boat", width="260")
    await expect(window.page.locator("#adjusted")).to_contain_text("260 became 256")


async def test_the_form_follows_the_model(window: Window) -> None:
    await window.visit("/web/generate")
    await window.page.get_by_label("Model").select_option("sd/other")
    await expect(window.page.locator("#width")).to_have_value("512")
    await expect(window.page.locator("#sampling-now")).to_contain_text("28 steps")
    await expect(window.page.get_by_label("Negative prompt")).to_be_disabled()
    await window.page.get_by_role("button", name="Wide").click()
    await expect(window.page.locator("#width")).to_have_value("704")


async def test_the_keyboard_alone_is_enough(window: Window) -> None:
    await window.visit("/web/generate")
    await window.page.keyboard.press("Tab")
    await expect(window.page.get_by_text("Skip to content")).to_be_focused()
    await window.page.get_by_label("Prompt", exact=True).focus()
    await window.page.keyboard.type("a boat")
    await window.page.keyboard.press("Control+Enter")
    await expect(window.page.locator(".result-image")).to_be_visible()


async def test_no_bar_covers_what_has_the_focus(
    chromium: Browser, live: Live, alices: StorageState
) -> None:
    async with opened(chromium, live, width=PHONE, storage_state=alices) as window:
        for path in ("/web/account", "/web/account/data", "/web/generate"):
            await window.visit(path)
            await window.page.locator("main").focus()
            for _ in range(30):
                await window.page.keyboard.press("Tab")
                assert await window.page.evaluate(COVERED) == ""


async def test_leaving_and_coming_back_finds_the_job_again(window: Window) -> None:
    await window.order(SLOW)
    await window.visit("/web/gallery")
    await window.visit("/web/generate")
    await expect(window.page.locator(".result-image")).to_be_visible()


async def test_where_no_websocket_gets_through_the_picture_comes_all_the_same(
    window: Window,
) -> None:
    async def refuse(route: WebSocketRoute) -> None:
        await route.close(code=1011)

    await window.page.route_web_socket("**/ws/**", refuse)
    await draw(window, SLOW)


async def test_a_restart_of_the_web_process_costs_no_picture(window: Window, live: Live) -> None:
    await window.order("a boat [mock:slow=0.5]")
    await expect(window.page.locator("#stand")).to_have_text(re.compile("Step"))
    live.stop("web")
    live.start("web", "web")
    live.wait("/readyz")
    await expect(window.page.locator(".result-image")).to_be_visible()
    # A connection that is cut is the browser's to report, and none of ours to hide.
    assert [t for t in window.troubles if "net::ERR_" not in t and "WebSocket" not in t] == []
    window.troubles.clear()


async def test_the_dashboard_shows_the_job_and_cancels_it(window: Window) -> None:
    await window.order("a long voyage [mock:slow=1]")
    await expect(window.page.locator("#stand")).to_have_text(re.compile("Step"))
    await window.visit("/web/")
    row = window.page.locator("#jobs").get_by_text("a long voyage")
    await expect(row).to_be_visible()
    await expect(window.page.get_by_text("Working")).to_be_visible()
    await window.page.get_by_role("button", name="Cancel: a long voyage").click()
    await expect(row).not_to_be_visible()
    await expect(window.page.get_by_text("0 running, 0 waiting")).to_be_visible()


async def test_the_dashboard_s_line_begins_a_picture(window: Window) -> None:
    await window.visit("/web/")
    await window.page.get_by_label("Prompt").fill("a tree & a house")
    await window.page.keyboard.press("Enter")
    await expect(window.page.get_by_label("Prompt", exact=True)).to_have_value("a tree & a house")


async def test_a_picture_is_found_taken_and_deleted(window: Window, tmp_path: Path) -> None:
    await draw(window, "the one to keep", seed="4242")
    page = window.page
    await window.visit("/web/gallery")
    await expect(page.locator("#wall > [data-drawn]").first).to_be_visible()
    await page.get_by_alt_text("the one to keep").first.click()
    await page.get_by_role("button", name="Details").click()
    await page.get_by_role("link", name="Open its page").click()
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download PNG").click()
    download = await waiting.value
    assert download.suggested_filename.endswith("-4242.png")
    assert Image.open(BytesIO(Path(await download.path()).read_bytes())).size == (256, 256)
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_text("The picture is deleted.")).to_be_visible()
    await expect(page.get_by_alt_text("the one to keep")).to_have_count(0)


async def test_deleting_can_be_thought_better_of(window: Window) -> None:
    await draw(window, "stays")
    await window.page.get_by_role("link", name="Details").click()
    await window.page.get_by_role("link", name="Delete").click()
    await window.page.keyboard.press("Escape")
    await window.page.reload()
    await expect(window.page.get_by_role("heading", name="stays")).to_be_visible()


async def test_the_copied_link_opens_without_a_session(window: Window, stranger: Window) -> None:
    await draw(window, "to be shown")
    await window.page.get_by_role("link", name="Details").click()
    link = await window.page.locator("#link").input_value()
    await window.page.get_by_role("button", name="Copy link").click()
    await expect(window.page.get_by_text("Copied.")).to_be_visible()
    reply = await stranger.page.goto(link)
    assert reply is not None
    assert reply.headers["content-type"] == "image/png"


async def test_a_recipe_is_used_again(window: Window) -> None:
    await draw(window, "again", seed="99", negative_prompt="fog")
    await window.page.get_by_role("link", name="Details").click()
    await window.page.get_by_role("link", name="Use these settings").click()
    await expect(window.page.locator("#seed")).to_have_value("99")
    await expect(window.page.locator("#negative_prompt")).to_have_value("fog")


async def test_what_people_write_never_runs(window: Window) -> None:
    hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    await draw(window, hostile)
    for path in PAGES:
        await window.visit(path)
    await window.visit("/web/gallery")
    await expect(window.page.locator("#wall > [data-drawn]").first).to_be_visible()
    await window.page.get_by_alt_text(hostile).first.click()
    await window.page.get_by_role("button", name="Details").click()
    await window.page.get_by_role("link", name="Open its page").click()
    await expect(window.page.get_by_role("heading", name=hostile)).to_be_visible()


async def test_the_theme_stays_as_chosen(window: Window) -> None:
    await window.visit("/web/")
    before = await _ground(window)
    await window.page.get_by_role("button", name="Switch between light and dark").click()
    after = await _ground(window)
    await window.visit("/web/gallery")
    assert before != after == await _ground(window)


async def test_an_error_has_the_chosen_theme_too(window: Window) -> None:
    await window.visit("/web/")
    await window.page.get_by_role("button", name="Switch between light and dark").click()
    chosen = await _ground(window)
    await window.visit("/web/nowhere")
    assert await _ground(window) == chosen
    window.troubles.clear()


async def test_one_signs_in_and_out(stranger: Window) -> None:
    await stranger.visit("/web/gallery")
    await stranger.sign_in("bob", then="/web/gallery")
    await stranger.page.get_by_label("Account menu").click()
    await stranger.page.get_by_role("button", name="Sign out").click()
    await expect(stranger.page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("dark", PHONE), ("light", DESK)])
async def test_every_page_fits_and_is_open_to_all(
    chromium: Browser, live: Live, alices: StorageState, scheme: Scheme, width: int
) -> None:
    look: dict[str, Any] = {"scheme": scheme, "width": width}
    async with opened(chromium, live, **look) as door:
        await door.visit("/web/login")
        await door.is_open_to_all()
    async with opened(chromium, live, storage_state=alices, **look) as window:
        await draw(window, "for everybody", n="2")
        await window.is_open_to_all()
        for path in PAGES:
            await window.visit(path)
            await window.is_open_to_all()
        await window.visit("/web/gallery")
        await expect(window.page.locator("#wall > [data-drawn]").first).to_be_visible()
        await window.page.get_by_alt_text("for everybody").first.click()
        await window.is_open_to_all()
        await window.page.get_by_role("button", name="Details").click()
        await window.page.get_by_role("link", name="Open its page").click()
        await window.is_open_to_all()
        await window.page.goto(f"{window.page.url}/delete")
        await window.is_open_to_all()
        assert window.troubles == []


async def test_a_page_that_is_none_is_open_to_all_too(window: Window) -> None:
    await window.visit("/web/nowhere")
    await window.is_open_to_all()
    assert all("404" in trouble for trouble in window.troubles)
    window.troubles.clear()


async def _ground(window: Window) -> str:
    color: str = await window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return color

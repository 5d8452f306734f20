"""A person in the gallery: by keys, by mouse, by touch, and without scripts."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, StorageState, expect

from tests.browser.conftest import PATIENCE_MS, Scheme, Window, opened
from tests.browser.pictures import HOSTILE
from tests.live import Live

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE, DESK = 390, 1280
WALL = "/web/gallery"
ROOMS = (WALL, f"{WALL}/albums", f"{WALL}/shares", f"{WALL}/compare", f"{WALL}?q=nothing+like+it")
FOCUSED = """() => [...document.querySelectorAll('#wall > .print')]
    .findIndex((print) => print.contains(document.activeElement))"""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module", autouse=True)
def hung(live: Live) -> None:
    live.manage("shell", "-v0", "-c", "from tests.browser.pictures import hang; hang()")


async def wall(window: Window, kind: str, address: str = WALL) -> Locator:
    """The wall of one kind of picture, drawn."""
    await window.visit(f"{address}?q={kind}")
    return await drawn(window)


async def drawn(window: Window) -> Locator:
    """The prints of the wall, whose script runs."""
    prints = window.page.locator("#wall > .print")
    await expect(prints.first).to_have_attribute("data-drawn", "yes")
    return prints


async def focused(window: Window) -> int:
    """The place of the print that has the focus."""
    found: int = await window.page.evaluate(FOCUSED)
    return found


async def press(window: Window, *keys: str) -> None:
    # A key means nothing before the page's scripts run.
    await window.page.wait_for_load_state("domcontentloaded")
    for key in keys:
        await window.page.keyboard.press(key)


async def chosen(window: Window) -> int:
    return await window.page.locator(".print-check:checked").count()


async def open_page(window: Window, prompt: str) -> None:
    """The page of one picture."""
    await wall(window, prompt.replace(" ", "+"))
    link = window.page.locator("#wall .print-link").first
    await window.visit(str(await link.get_attribute("href")))


# --- Keys ---------------------------------------------------------------------------------------


async def test_arrows_move_over_the_wall(window: Window) -> None:
    prints = await wall(window, "keys")
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home"):
        await press(window, key)
        walked.append(await focused(window))
    assert walked == [0, 1, 2, 1, 7, 0]
    await press(window, "ArrowDown")
    below = await prints.nth(await focused(window)).bounding_box()
    first = await prints.nth(0).bounding_box()
    assert below is not None
    assert first is not None
    assert below["y"] > first["y"]
    await press(window, "ArrowUp")
    assert await focused(window) == 0


async def test_the_wall_is_one_stop_of_the_tabulator(window: Window) -> None:
    await wall(window, "keys")
    await press(window, "ArrowRight", "ArrowRight", "Tab")
    assert await focused(window) == -1
    await press(window, "Shift+Tab")
    assert await focused(window) == 1


async def test_space_selects_and_shift_extends(window: Window) -> None:
    await wall(window, "range")
    await press(window, "ArrowRight", "Space")
    await expect(window.page.locator("#count")).to_have_text("1 selected")
    await press(window, "Shift+ArrowRight", "Shift+ArrowRight")
    assert await chosen(window) == 3
    await press(window, "Control+a")
    assert await chosen(window) == 6
    await press(window, "Escape")
    assert await chosen(window) == 0
    await expect(window.page.locator("#bulk")).to_be_hidden()


async def test_shift_and_click_select_a_range(window: Window) -> None:
    prints = await wall(window, "range")
    await prints.nth(1).hover()
    await prints.nth(1).locator(".print-check").click()
    await prints.nth(4).locator(".print-link").click(modifiers=["Shift"])
    assert await chosen(window) == 4
    await expect(window.page.locator("#lightbox")).to_be_hidden()


async def test_marks_by_keys_are_kept(window: Window) -> None:
    prints = await wall(window, "marked")
    await press(window, "ArrowRight", "f", "ArrowRight", "k")
    await expect(prints.nth(0)).to_have_attribute("data-favourite", "")
    await expect(prints.nth(1)).to_have_attribute("data-keep", "")
    prints = await wall(window, "marked")
    await expect(prints.nth(0).locator(".mark-favourite")).to_be_visible()
    await expect(prints.nth(1).locator(".mark-keep")).to_be_visible()
    await press(window, "ArrowRight", "f")
    await expect(prints.nth(0).locator(".mark-favourite")).to_be_hidden()


async def test_delete_asks_and_leads_on_to_the_next(window: Window) -> None:
    prints = await wall(window, "doomed")
    await press(window, "ArrowRight", "Delete")
    await expect(window.page.get_by_role("heading", name="Delete 1 picture?")).to_be_visible()
    await press(window, "Escape")
    await expect(prints).to_have_count(4)
    await press(window, "Delete")
    await window.page.get_by_role("button", name="Delete for good").click()
    await expect(prints).to_have_count(3)
    assert await focused(window) == 0
    await expect(await wall(window, "doomed")).to_have_count(3)


async def test_slash_searches_as_one_types(window: Window) -> None:
    await wall(window, "keys")
    await press(window, "/")
    await expect(window.page.get_by_label("Search in prompts and tags")).to_be_focused()
    await window.page.keyboard.type("range")
    # Whoever types slowly is shown "ra" before.
    await expect(window.page).to_have_url(re.compile(r"\?q=range$"))
    await expect(window.page.locator("#wall > .print")).to_have_count(6)
    await expect(window.page.get_by_label("Search in prompts and tags")).to_be_focused()


async def test_a_question_mark_tells_the_keys(window: Window) -> None:
    await wall(window, "keys")
    await press(window, "?")
    await expect(window.page.get_by_role("heading", name="Keys")).to_be_visible()
    await press(window, "Escape")
    await expect(window.page.get_by_role("heading", name="Keys")).to_be_hidden()


# --- Filters and pages --------------------------------------------------------------------------


async def test_the_next_page_comes_as_one_scrolls(window: Window) -> None:
    prints = await wall(window, "many")
    await expect(prints).to_have_count(48)
    for _ in range(600):
        if await prints.count() == 60:
            break
        await window.page.mouse.wheel(0, 2000)
        await window.page.wait_for_timeout(50)
    await expect(prints).to_have_count(60)
    await expect(window.page.locator("#older")).to_have_count(0)
    ids = await prints.evaluate_all("(all) => all.map((print) => print.dataset.id)")
    assert len(set(ids)) == 60


async def test_nothing_moves_while_pictures_arrive(window: Window) -> None:
    await window.page.add_init_script(
        """window.moved = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.moved += entry.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    await wall(window, "many")
    await window.page.wait_for_load_state("networkidle")
    assert await window.page.evaluate("window.moved") < 0.01


async def test_filters_live_in_the_address(window: Window) -> None:
    await window.visit(WALL)
    await drawn(window)
    await window.page.get_by_label("Whose pictures").select_option("others")
    await expect(window.page.get_by_alt_text("lent")).to_be_visible()
    await expect(window.page).to_have_url(re.compile(r"\?whose=others$"))
    await window.page.go_back()
    await expect(window.page.get_by_alt_text("lent")).to_have_count(0)
    await expect(window.page.get_by_label("Whose pictures")).to_have_value("")


async def test_what_is_not_found_is_said_with_a_way_out(window: Window) -> None:
    await window.visit(f"{WALL}?q=nothing+like+it")
    await window.page.get_by_role("link", name="Clear the filters").click()
    await expect(window.page.locator("#wall > .print").first).to_be_visible()
    await expect(window.page).to_have_url(re.compile(f"{WALL}$"))


# --- The large view -----------------------------------------------------------------------------


async def test_enter_opens_the_large_view_and_escape_returns(window: Window) -> None:
    await wall(window, "large")
    page = window.page
    await press(window, "ArrowRight", "Enter")
    await expect(page.locator("#lightbox-image")).to_have_js_property("complete", True)
    await expect(page.locator("#lightbox-title")).to_have_text("large 0")
    await press(window, "ArrowRight", "ArrowRight")
    await expect(page.locator("#lightbox-title")).to_have_text("large 2")
    await press(window, "Escape")
    await expect(page.locator("#lightbox")).to_be_hidden()
    assert await focused(window) == 2
    await expect(page).to_have_url(re.compile(r"\?q=large$"))


async def test_the_large_view_has_an_address(window: Window) -> None:
    prints = await wall(window, "large")
    await prints.nth(1).click()
    await expect(window.page.locator("#lightbox-title")).to_have_text("large 1")
    address = window.page.url
    await window.page.go_back()
    await expect(window.page.locator("#lightbox")).to_be_hidden()
    await window.visit(f"{WALL}?q=keys#{address.split('#')[1]}")
    await expect(window.page.locator("#lightbox-title")).to_have_text("large 1")
    await press(window, "Escape")
    await expect(window.page.locator("#lightbox")).to_be_hidden()
    await expect(window.page).to_have_url(re.compile("^[^#]+$"))


async def test_its_neighbours_are_there_before_one_goes_to_them(window: Window) -> None:
    prints = await wall(window, "large")
    following = await prints.nth(2).get_attribute("data-id")
    async with window.page.expect_request(f"**/{following}/picture.png"):
        await prints.nth(1).click()


async def test_zoom_shows_more_than_fits(window: Window) -> None:
    prints = await wall(window, "large")
    await prints.nth(0).click()
    image = window.page.locator("#lightbox-image")
    await expect(image).to_be_visible()
    before = await image.evaluate("(image) => image.clientWidth")
    await press(window, "z")
    assert await image.evaluate("(image) => image.clientWidth") == 2 * before
    await press(window, "z")
    assert await image.evaluate("(image) => image.clientWidth") == before


async def test_the_drawer_tells_the_recipe(window: Window) -> None:
    prints = await wall(window, "large")
    await prints.nth(3).click()
    await press(window, "i")
    await expect(window.page.locator("#drawer")).to_contain_text("DDIM", ignore_case=True)
    await press(window, "ArrowRight")
    await expect(window.page.locator(".drawer-prompt")).to_have_text("large 4")
    await press(window, "f")
    favourite = window.page.locator("#lightbox [data-do=favourite]")
    await expect(favourite).to_have_attribute("aria-pressed", "true")
    await expect(prints.nth(4)).to_have_attribute("data-favourite", "")


async def test_a_swipe_leads_to_the_next(
    chromium: Browser, live: Live, alices: StorageState
) -> None:
    phone = opened(chromium, live, width=PHONE, storage_state=alices, has_touch=True)
    async with phone as window:
        prints = await wall(window, "large")
        await prints.nth(0).tap()
        title = window.page.locator("#lightbox-said")
        await expect(title).to_have_text("large 0")
        await swipe(window, 300, 60)
        await expect(title).to_have_text("large 1")
        await swipe(window, 60, 300)
        await expect(title).to_have_text("large 0")
        assert window.troubles == []


async def swipe(window: Window, start: int, end: int) -> None:
    session = await window.page.context.new_cdp_session(window.page)
    for kind, x in (("touchStart", start), ("touchMove", (start + end) // 2), ("touchMove", end)):
        touch = {"type": kind, "touchPoints": [{"x": x, "y": 400}]}
        await session.send("Input.dispatchTouchEvent", touch)
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


# --- Menus --------------------------------------------------------------------------------------


async def test_a_menu_closes_behind_who_tabs_on(window: Window) -> None:
    await wall(window, "many")
    menu = window.page.locator(".more-filters")
    await menu.locator("summary").click()
    await expect(window.page.get_by_label("Size", exact=True)).to_be_visible()
    await window.page.get_by_label("Whose pictures").focus()
    await expect(window.page.get_by_label("Size", exact=True)).to_be_hidden()


async def test_the_menu_of_an_album_lies_within_a_phone(
    chromium: Browser, live: Live, alices: StorageState
) -> None:
    async with opened(chromium, live, width=360, storage_state=alices) as window:
        await window.visit(f"{WALL}/albums")
        await window.page.locator(".album").first.click()
        await window.page.get_by_text("Edit", exact=True).click()
        box = await window.page.get_by_label("Name", exact=True).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360


async def test_who_clears_a_selection_goes_on_at_the_wall(window: Window) -> None:
    await wall(window, "many")
    await press(window, "ArrowRight", "ArrowRight", "Space")
    await window.page.get_by_role("button", name="Clear the selection").focus()
    await press(window, "Enter")
    assert await focused(window) == 1


# --- Many at once -------------------------------------------------------------------------------


async def select_all(window: Window, kind: str) -> Locator:
    prints = await wall(window, kind)
    await window.page.get_by_role("button", name="Select", exact=True).click()
    for at in range(await prints.count()):
        await prints.nth(at).click()
    return prints


async def test_several_are_shared_and_made_private(window: Window) -> None:
    prints, page = await select_all(window, "crowd"), window.page
    await page.locator("#bulk summary", has_text="Share").click()
    await page.get_by_label("For", exact=True).select_option("24")
    await page.get_by_role("button", name="Share", exact=True).click()
    await expect(page.get_by_text("4 pictures shared.")).to_be_visible()
    await expect(prints.nth(3).locator(".mark-shared")).to_be_visible()
    await page.locator("#bulk summary", has_text="Share").click()
    await page.get_by_role("button", name="Make private").click()
    await expect(page.get_by_text("4 pictures private now.")).to_be_visible()
    await expect(prints.nth(3).locator(".mark-shared")).to_be_hidden()


async def test_several_are_deleted(window: Window) -> None:
    prints = await wall(window, "doomed")
    count = await prints.count()
    await press(window, "ArrowRight", "Space", "Shift+ArrowRight")
    await window.page.locator("#bulk [value=delete]").click()
    await window.page.get_by_role("button", name="Delete for good").click()
    await expect(prints).to_have_count(count - 2)
    await expect(window.page.get_by_text("2 pictures deleted.")).to_be_visible()


async def test_tags_are_put_on_many_and_taken_off_one(window: Window) -> None:
    page = window.page
    await select_all(window, "tagged")
    await page.locator("#bulk summary", has_text="Tag").click()
    await page.get_by_label("Tags, with commas between", exact=True).fill("dusk, Harbour")
    await press(window, "Enter")
    await expect(page.get_by_text("2 pictures tagged.")).to_be_visible()
    await window.visit(WALL)
    await drawn(window)
    await page.get_by_role("link", name="harbour 2").click()
    await expect(page.locator("#wall > .print")).to_have_count(2)
    await open_page(window, "tagged 0")
    await page.get_by_role("button", name="Take the tag away: dusk").click()
    await expect(page.locator("#tags .chip")).to_have_text(["harbour"])
    await page.get_by_label("Add tags").fill("pier")
    await press(window, "Enter")
    await expect(page.locator("#tags .chip")).to_have_text(["harbour", "pier"])


async def test_an_album_is_made_filled_emptied_and_deleted(window: Window) -> None:
    page = window.page
    await select_all(window, "filed")
    await page.locator("#bulk summary", has_text="Album").click()
    await page.get_by_label("Name of a new album").fill("Harbours")
    await page.get_by_role("button", name="Add to album").click()
    await expect(page.get_by_text("4 pictures in “Harbours”.")).to_be_visible()
    await window.visit(f"{WALL}/albums")
    await page.get_by_role("link", name="Harbours 4 pictures").click()
    prints = await drawn(window)
    await expect(prints).to_have_count(4)
    await press(window, "ArrowRight", "Space")
    await page.get_by_role("button", name="Take out").click()
    await expect(prints).to_have_count(3)
    await page.get_by_text("Edit", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Piers")
    await page.get_by_role("button", name="Rename").click()
    await expect(page.get_by_role("heading", name="Piers")).to_be_visible()
    await page.get_by_text("Edit", exact=True).click()
    await page.get_by_role("link", name="Delete the album").click()
    await page.get_by_role("button", name="Delete the album").click()
    await expect(page.get_by_text("its pictures are not")).to_be_visible()
    await expect(await wall(window, "filed")).to_have_count(4)


async def test_two_are_compared_by_keys_alone(window: Window) -> None:
    page = window.page
    await wall(window, "pair")
    await press(window, "ArrowRight", "Space", "ArrowRight", "Space", "c")
    await expect(page.get_by_text("3 of 9 values differ")).to_be_visible()
    await page.get_by_role("radio", name="Side by side").focus()
    await press(window, "ArrowRight")
    slider = page.get_by_role("slider")
    await slider.focus()
    await press(window, "ArrowLeft", "ArrowLeft")
    await expect(slider).to_have_value("48")
    clip = await page.locator("#pair .left").evaluate("(f) => getComputedStyle(f).clipPath")
    assert clip == "inset(0px 52% 0px 0px)"


async def test_each_end_of_a_blend_shows_the_picture_it_names(window: Window) -> None:
    page = window.page
    await wall(window, "pair")
    await press(window, "ArrowRight", "Space", "ArrowRight", "Space", "c")
    await page.get_by_text("Blend", exact=True).click()
    left = page.locator("#pair .left")
    await page.get_by_role("slider").focus()
    await press(window, "Home")
    await expect(left).to_have_css("opacity", "1")
    await press(window, "End")
    await expect(left).to_have_css("opacity", "0")


# --- One picture --------------------------------------------------------------------------------


async def test_a_share_shows_its_end_and_ends(window: Window) -> None:
    page = window.page
    await open_page(window, "shared 0")
    before = await page.locator("#link").input_value()
    await page.get_by_role("button", name="1 day").click()
    await expect(page.get_by_label("hours")).to_have_value("24")
    await page.get_by_role("button", name="Share", exact=True).click()
    await expect(page.locator("#sharing")).to_contain_text("for another 23 hours, 59 minutes")
    assert await page.locator("#link").input_value() != before
    await window.visit(f"{WALL}/shares")
    await page.get_by_role("button", name="End: shared 0", exact=True).click()
    await expect(page.get_by_text("Private now.")).to_be_visible()
    await expect(page.get_by_text("shared 0")).to_have_count(0)


async def test_every_setting_is_used_again(window: Window) -> None:
    page = window.page
    await open_page(window, "again 0")
    await page.get_by_role("link", name="Use these settings").click()
    form = {
        "prompt": "again 0", "negative_prompt": "fog", "model": "sd/demo", "width": "96",
        "height": "64", "num_inference_steps": "9", "guidance_scale": "3.5", "scheduler": "ddim",
        "seed": "0", "clip_skip": "1",
    }  # fmt: skip
    for name, value in form.items():
        await expect(page.locator(f"#{name}")).to_have_value(value)


async def test_a_picture_is_made_again(window: Window) -> None:
    await open_page(window, "again 0")
    await window.page.get_by_role("button", name="Make again").click()
    await window.page.wait_for_url("**/web/generate")
    await window.visit(f"{WALL}?q=again")
    again = window.page.get_by_alt_text("again 0")
    for _ in range(200):
        if await again.count() == 2:
            break
        await window.page.wait_for_timeout(250)
        await window.page.reload()
    await expect(again).to_have_count(2)


async def test_marks_change_in_place(window: Window) -> None:
    await open_page(window, "marked 2")
    button = window.page.get_by_role("button", name="Favourite")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(button).to_be_focused()
    await press(window, "k")
    keep = window.page.get_by_role("button", name="Keep", exact=True)
    await expect(keep).to_have_attribute("aria-pressed", "true")


async def test_what_others_share_can_only_be_looked_at(window: Window) -> None:
    await window.visit(f"{WALL}?whose=others")
    link = window.page.get_by_role("link", name="lent").first
    await window.visit(str(await link.get_attribute("href")))
    await expect(window.page.get_by_text("by bob")).to_be_visible()
    for name in ("Delete", "Favourite", "Share", "Copy link"):
        await expect(window.page.get_by_role("button", name=name)).to_have_count(0)


# --- For everybody ------------------------------------------------------------------------------


async def test_all_of_it_works_without_scripts(
    chromium: Browser, live: Live, alices: StorageState
) -> None:
    bare = opened(chromium, live, storage_state=alices, java_script_enabled=False)
    async with bare as window:
        page = window.page
        await window.visit(f"{WALL}?q=many")
        await page.get_by_role("link", name="Older").click()
        await expect(page.locator("#wall > .print")).to_have_count(12)
        await page.get_by_label("Search in prompts and tags").fill("bare")
        await page.get_by_role("button", name="Apply").click()
        await page.get_by_label("Select: bare 0").check()
        await page.get_by_label("Select: bare 1").check()
        await page.locator("#bulk [value=favourite]").click()
        await expect(page.get_by_text("2 pictures marked as favourites.")).to_be_visible()
        await page.get_by_label("Select: bare 1").check()
        await page.locator("#bulk [value=delete]").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("1 picture deleted.")).to_be_visible()
        await page.get_by_alt_text("bare 0").click()
        await page.get_by_label("Add tags").fill("plain")
        await page.get_by_role("button", name="Add", exact=True).first.click()
        await expect(page.locator("#tags .chip")).to_have_text(["plain"])


async def test_what_people_write_never_runs(window: Window) -> None:
    page = window.page
    await window.visit(f"{WALL}/albums")
    await page.get_by_role("link", name=HOSTILE).click()
    await expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    await drawn(window)
    await page.get_by_alt_text(HOSTILE).click()
    await press(window, "i")
    await expect(page.locator(".drawer-prompt")).to_have_text(HOSTILE)
    await expect(page.locator("#drawer-text")).to_contain_text("#<b>bold</b>")
    await page.get_by_role("link", name="Open its page").click()
    await expect(page.locator("#tags .chip")).to_have_text(["<b>bold</b>"])
    await page.get_by_role("link", name="Compare").click()
    await page.locator("#wall, .wall").locator(".print-link").first.click()
    await expect(page.get_by_role("table")).to_contain_text(HOSTILE)
    await window.visit(f"{WALL}?tag=%3Cb%3Ebold%3C/b%3E&q=%3Cscript%3E")
    await expect(page.locator(".chip[aria-current]")).to_contain_text("<b>bold</b>")
    await expect(page.locator("#wall > .print")).to_have_count(1)


@pytest.mark.parametrize(("scheme", "width"), [("dark", PHONE), ("light", DESK)])
async def test_every_room_fits_and_is_open_to_all(
    chromium: Browser, live: Live, alices: StorageState, scheme: Scheme, width: int
) -> None:
    look: dict[str, Any] = {"scheme": scheme, "width": width, "storage_state": alices}
    async with opened(chromium, live, **look) as window:
        for address in ROOMS:
            await window.visit(address)
            await window.is_open_to_all()
        await _in_use(window)
        assert window.troubles == []


async def _in_use(window: Window) -> None:
    """The rooms as they look while somebody does something in them."""
    page = window.page
    await wall(window, "range")
    await page.locator(".more-filters summary").click()
    await window.is_open_to_all()
    await press(window, "Escape", "?")
    await window.is_open_to_all()
    await press(window, "Escape")
    await page.locator("#wall .print-link").first.click()
    await press(window, "i")
    await expect(page.locator(".drawer-prompt")).to_be_visible()
    await window.is_open_to_all()
    await press(window, "Escape", "Control+a")
    await page.locator("#bulk summary").first.click()
    await window.is_open_to_all()
    await open_page(window, "range 0")
    await window.is_open_to_all()
    await page.get_by_role("link", name="Compare").click()
    await page.locator(".print-link").first.click()
    await page.get_by_text("Wipe").click()
    await window.is_open_to_all()
    await window.visit(f"{WALL}/albums")
    await page.locator(".album").first.click()
    await page.wait_for_url("**/albums/*")
    await window.is_open_to_all()

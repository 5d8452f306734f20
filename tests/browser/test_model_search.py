"""Staff look for models elsewhere and send their own: a real browser, a catalogue on this machine."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, StorageState, expect
from safetensors.numpy import save

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, Window, opened
from tests.hub.catalogues import EVIL, Catalogues, fill, serving
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)

PAGE = "/web/models/search"
PHONE, DESK = 360, 1280
STAFF = f"""
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
"""


@pytest.fixture(scope="module")
def both() -> Iterator[Catalogues]:
    with serving() as catalogues:
        yield catalogues


@pytest.fixture(scope="module")
def live(both: Catalogues) -> Iterator[Live]:
    """A server that knows no other catalogue, and asks it every time."""
    elsewhere = {"ALICE_CIVITAI_URL": both.url, "ALICE_HUGGINGFACE_URL": both.url}
    with service(
        worker=False, ALICE_SEARCH_CACHE_HOURS="0", ALICE_MAX_BODY_MB="1", **elsewhere
    ) as started:
        started.manage("shell", "-v0", "-c", SET_UP + STAFF)
        yield started


@pytest.fixture
def catalogues(both: Catalogues) -> Iterator[Catalogues]:
    yield both
    both.mood = "well"
    fill(both)


@pytest_asyncio.fixture(loop_scope="module")
async def carol(
    chromium: Browser, live: Live, carols: StorageState, catalogues: Catalogues
) -> AsyncIterator[Window]:
    async with opened(chromium, live, storage_state=carols) as fresh:
        yield fresh
        assert fresh.troubles == []


async def names(page: Page) -> list[str]:
    return await page.locator(".find-open").all_text_contents()


async def settled(page: Page) -> None:
    await expect(page.locator("#finds")).to_have_attribute("aria-busy", "false")


async def search(page: Page, words: str) -> None:
    await page.get_by_label("Name or subject").fill(words)
    await page.keyboard.press("Enter")
    await settled(page)


async def test_popular_models_of_both_are_there_at_once(carol: Window) -> None:
    await carol.visit(PAGE)
    await expect(carol.page.get_by_role("button", name="DreamShaper 0")).to_be_visible()
    await expect(carol.page.get_by_role("status").first).to_contain_text("of the most popular")
    await carol.page.get_by_role("button", name="Hugging Face").click()
    await expect(carol.page.get_by_role("button", name="dreamshaper-0")).to_be_visible()
    await expect(carol.page.get_by_role("button", name="DreamShaper 0", exact=True)).to_have_count(
        0
    )


async def test_previews_come_from_this_server(carol: Window) -> None:
    await carol.visit(PAGE)
    first = carol.page.locator(".find-picture img").first
    await expect(first).to_have_js_property("naturalHeight", 384)
    assert (await first.get_attribute("src") or "").startswith("/v1/models/search/previews/")


async def test_typing_narrows_what_is_here_and_enter_asks(
    carol: Window, catalogues: Catalogues
) -> None:
    await carol.visit(PAGE)
    await settled(carol.page)
    asked = len(catalogues.searches())
    await carol.page.get_by_label("Name or subject").fill("moss")
    await expect(carol.page.locator(".find")).to_have_count(2)
    assert len(catalogues.searches()) == asked
    await carol.page.keyboard.press("Enter")
    await expect(carol.page.locator(".find")).to_have_count(4)
    assert all(name.startswith("Moss Style") for name in await names(carol.page))


async def test_more_is_loaded_without_repeating(carol: Window) -> None:
    await carol.visit(PAGE)
    await expect(carol.page.locator(".find")).to_have_count(36)
    await carol.page.get_by_role("button", name="Load more").click()
    await expect(carol.page.locator(".find")).to_have_count(59)
    assert len(set(await names(carol.page))) == 59
    await expect(carol.page.get_by_role("button", name="Load more")).to_be_hidden()


async def test_a_kind_is_chosen_in_both(carol: Window) -> None:
    await carol.visit(PAGE)
    await carol.page.get_by_label("Show").select_option("LoRAs")
    await settled(carol.page)
    badges = carol.page.locator(".find .badge:first-child")
    assert set(await badges.all_text_contents()) <= {"LORA", "LoCon"}
    await carol.page.get_by_role("button", name="Hugging Face").click()
    assert set(await badges.all_text_contents()) == {"LORA"}


async def test_adult_content_is_off_until_asked_for(carol: Window) -> None:
    await carol.visit(PAGE)
    await settled(carol.page)
    adult = carol.page.get_by_role("button", name="Bare Skin 5")
    await expect(adult).to_have_count(0)
    await carol.page.get_by_label("Adult content").check()
    await expect(adult).to_be_visible()
    await carol.page.get_by_label("Adult content").uncheck()
    await expect(adult).to_have_count(0)


async def test_a_version_and_a_file_are_chosen_and_asked_for(carol: Window) -> None:
    await carol.visit(PAGE)
    await carol.page.get_by_role("button", name="DreamShaper 0").click()
    dialog = carol.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("A model for calm pictures.")
    await dialog.get_by_label("Version").select_option("v2")
    await expect(dialog.get_by_label("File", exact=True)).to_contain_text("dreamshaper_0_v2")
    await expect(dialog.locator("option", has_text="training.zip")).to_be_disabled()
    async with carol.page.expect_request("**/v1/models/download/civitai") as sent:
        await dialog.get_by_role("button", name="Download").click()
    asked = await sent.value
    assert asked.post_data_json == {"modelId": 4000, "versionId": 2, "fileId": 20}
    # Whatever it answers is told in words.
    await expect(dialog.get_by_role("status")).not_to_be_empty()
    carol.troubles.clear()


async def test_hostile_words_are_shown_as_words(carol: Window) -> None:
    await carol.visit(PAGE)
    evil = carol.page.get_by_role("button", name=EVIL)
    await expect(evil).to_be_visible()
    await evil.click()
    dialog = carol.page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name=EVIL)).to_be_visible()
    await expect(dialog.locator("#find-tags")).to_have_text(
        '"><img src=x onerror=alert(1)><script>alert(2)</sc'
    )
    await expect(dialog.locator("img, script")).to_have_count(0)


async def test_a_catalogue_that_is_away_is_told_and_earlier_finds_stay(
    carol: Window, catalogues: Catalogues
) -> None:
    await carol.visit(PAGE)
    await settled(carol.page)
    catalogues.mood = "gone"
    await search(carol.page, "ink wash")
    await expect(carol.page.locator("#note")).to_contain_text("CivitAI cannot be asked")
    await expect(carol.page.locator("#note")).to_contain_text("answers to earlier searches")
    await expect(carol.page.locator(".find").first).to_be_visible()
    await carol.page.get_by_label("Earlier finds only").check()
    await settled(carol.page)
    await expect(carol.page.locator("#note")).to_have_text("These are answers to earlier searches.")


async def test_trouble_with_nothing_known_is_told_in_words(
    carol: Window, catalogues: Catalogues
) -> None:
    await carol.visit(PAGE)
    await settled(carol.page)
    catalogues.mood = "html"
    await search(carol.page, "nothing of that kind was ever found")
    await expect(carol.page.locator("#note")).to_contain_text("did not answer as a catalogue does")
    # The browser itself reports every 503 on its console.
    assert [t for t in carol.troubles if "503" not in t] == []
    carol.troubles.clear()


def file(folder: Path, name: str, size: int) -> Path:
    made = folder / name
    made.write_bytes(save({"model.weight": np.zeros(size, np.uint8)}))
    return made


async def test_a_file_is_sent_in_parts_and_is_here(
    carol: Window, live: Live, tmp_path: Path
) -> None:
    sent = file(tmp_path, "evening lake.safetensors", 5 * 2**20 + 77)
    await carol.visit(PAGE)
    await carol.page.locator("#upload-file").set_input_files(sent)
    row = carol.page.get_by_role("listitem").filter(has_text="evening lake")
    await expect(row).to_contain_text("complete. It is here")
    await expect(row).to_contain_text(re.compile("SHA-256 [0-9a-f]{64}"))
    assert (live.data_dir / "models" / sent.name).read_bytes() == sent.read_bytes()
    await row.get_by_role("link", name="Open the model").click()
    await expect(carol.page.get_by_role("heading", name="evening lake")).to_be_visible()


async def test_an_upload_goes_on_after_a_pause_and_another_visit(
    carol: Window, live: Live, tmp_path: Path
) -> None:
    sent, offsets = file(tmp_path, "morning.safetensors", 6 * 2**20), []

    async def slowly(route: Route) -> None:
        offsets.append(int(route.request.url.rpartition("=")[2]))
        if len(offsets) == 3:
            await carol.page.get_by_role("button", name="Pause").click()
        await route.continue_()

    await carol.visit(PAGE)
    await carol.page.route("**/v1/models/uploads/*?offset=*", slowly)
    await carol.page.locator("#upload-file").set_input_files(sent)
    row = carol.page.get_by_role("listitem").filter(has_text="morning.safetensors")
    await expect(row).to_contain_text("3.1 of 6.3 MB, paused")
    await carol.visit(PAGE)
    await expect(row).to_contain_text("choose the file again to go on")
    await carol.page.locator("#upload-file").set_input_files(sent)
    await expect(row).to_contain_text("complete. It is here")
    assert offsets == [n * 2**20 for n in range(7)]
    assert (live.data_dir / "models" / sent.name).read_bytes() == sent.read_bytes()


async def test_a_completion_whose_answer_was_lost_is_asked_for_again(
    carol: Window, tmp_path: Path
) -> None:
    sent = file(tmp_path, "noon.safetensors", 1000)
    lost: list[int] = []

    async def lose(route: Route) -> None:
        if lost:
            await route.continue_()
            return
        lost.append((await route.fetch()).status)
        await route.abort()

    await carol.visit(PAGE)
    await carol.page.route("**/v1/models/uploads/*/complete", lose)
    await carol.page.locator("#upload-file").set_input_files(sent)
    row = carol.page.get_by_role("listitem").filter(has_text="noon.safetensors")
    await expect(row).to_contain_text("complete. It is here")
    assert lost == [200]
    # The browser itself reports the lost line on its console.
    assert [t for t in carol.troubles if "ERR_FAILED" not in t] == []
    carol.troubles.clear()


async def test_what_is_no_model_is_refused_in_words(carol: Window, tmp_path: Path) -> None:
    trap = tmp_path / "trap.safetensors"
    trap.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    await carol.visit(PAGE)
    await carol.page.locator("#upload-file").set_input_files(trap)
    row = carol.page.get_by_role("listitem").filter(has_text="trap.safetensors")
    await expect(row).to_contain_text("'trap.safetensors': it is a pickle")
    await expect(row.get_by_role("button", name="Go on")).to_have_count(0)
    await row.get_by_role("button", name="Remove from list").click()
    await expect(row).to_have_count(0)
    assert [t for t in carol.troubles if "400" not in t] == []
    carol.troubles.clear()


async def test_a_plain_user_is_not_led_here(window: Window) -> None:
    await window.visit("/web/models")
    await expect(window.page.get_by_role("link", name="Search")).to_have_count(0)
    await window.visit(PAGE)
    await expect(window.page.get_by_text("This page is for staff.")).to_be_visible()
    assert [t for t in window.troubles if "403" not in t] == []
    window.troubles.clear()


@pytest.mark.parametrize(
    ("scheme", "width"), [("dark", PHONE), ("light", DESK), ("light", PHONE), ("dark", DESK)]
)
async def test_the_page_fits_and_is_open_to_all(
    chromium: Browser,
    live: Live,
    carols: StorageState,
    catalogues: Catalogues,
    scheme: Scheme,
    width: int,
) -> None:
    look = {"scheme": scheme, "width": width, "storage_state": carols}
    async with opened(chromium, live, **look) as window:  # type: ignore[arg-type]  # by name
        await window.visit(PAGE)
        await settled(window.page)
        await window.page.get_by_label("Adult content").check()
        await settled(window.page)
        await window.is_open_to_all()
        await window.page.get_by_role("button", name=EVIL).click()
        await expect(window.page.get_by_role("dialog")).to_be_visible()
        await window.is_open_to_all()
        await window.page.get_by_role("button", name="Close").click()
        await search(window.page, "nothing of that kind")
        await window.is_open_to_all()
        assert window.troubles == []

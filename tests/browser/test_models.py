"""The pages of models in a real browser: what everybody reads, and what staff do."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, StorageState, expect

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SET_UP, Scheme, opened
from tests.live import Live, service

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE_MS)
MODELS = "/web/models"
XSS = "<img src=x onerror=alert(1)>"
# One of every state and kind, under long names and names that are markup.
EVERYTHING = f"""
from django.db.models.functions import Now
from generation.models import WorkerStatus
from modelhub.models import Alias
User.objects.create_user("carol", password="{PASSWORD}", is_staff=True)
def add(public_id, **facts):
    usual = dict(path=public_id, layout="single_file", family="sd1", native_resolution=512)
    return CatalogModel.objects.create(public_id=public_id, **(usual | facts))
xl = add(
    "sd/juggernaut-xl-v9-rundiffusion-photo-2", family="sdxl", native_resolution=1024,
    size_bytes=6_900_000_000, memory_bytes=7_200_000_000, precision="fp16", sha256="ab" * 32,
    sidecar={{"description": "Photographs. {XSS}", "defaults": {{"steps": 30}}}},
    sidecar_problem="scheduler must be a text", trigger_words=["photo", "{XSS}"],
    metadata={{"modelspec.title": "{XSS}", "ss_tag": "y" * 300}}, limits={{"max_side": 1536}},
)
Alias.objects.create(name="dall-e-3", model=xl)
add("sd/turbo", family="sdxl", variant="turbo", visibility="staff", native_resolution=512)
add("sd/gone", state="missing", detail="not found in the models folder")
add("sd/cut", state="corrupt", detail="cut.safetensors has 7 bytes of 99: it is not whole")
add("sd/foreign", state="unsupported", family="", detail=".ckpt files can run code " + "x" * 90)
add("sd/leaving", state="deleting", detail="it goes when its job has ended")
add("sd/off", enabled=False, duplicate_of=xl)
add("lora/{XSS}", kind="lora", family="sdxl", size_bytes=228_000_000,
    trigger_words=["{XSS}"], sidecar={{"description": "{XSS}"}})
add("embedding/easynegative", kind="embedding", size_bytes=25_000)
WorkerStatus.objects.create(
    worker="w", host="h", models_loaded=[xl.public_id], updated_at=Now()
)
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False, ALICE_LEASE_SECONDS="600") as started:
        started.manage("shell", "-v0", "-c", SET_UP + EVERYTHING)
        yield started


async def test_everybody_finds_what_can_be_used_and_nothing_else(
    chromium: Browser, live: Live
) -> None:
    async with opened(chromium, live) as window:
        await window.sign_in("alice")
        page = window.page
        await page.get_by_role("link", name="Models").click()
        await expect(page.get_by_role("link", name="juggernaut")).to_be_visible()
        for hidden in ("turbo", "gone", "off"):
            await expect(page.get_by_role("link", name=hidden, exact=True)).to_have_count(0)
        await expect(page.get_by_role("button", name="Make default")).to_have_count(0)
        await page.get_by_label("Type").select_option("lora")
        await page.get_by_role("button", name="Find").click()
        await page.wait_for_url("**kind=lora*")
        await page.get_by_role("link", name=XSS).click()
        await expect(page.get_by_label("Trigger words")).to_have_value(XSS)
        await page.get_by_role("button", name="Copy").click()
        await expect(page.locator("#toast")).to_contain_text("Copied")
        assert window.troubles == []


async def test_staff_decide_about_a_model(
    chromium: Browser, live: Live, carols: StorageState
) -> None:
    async with opened(chromium, live, storage_state=carols) as window:
        page = window.page
        await window.visit(MODELS)
        row = page.get_by_role("row").filter(has_text="juggernaut")
        await row.get_by_role("button", name="the default").click()
        await expect(row.get_by_text("Default", exact=True)).to_be_visible()
        assert page.url.endswith(MODELS)
        await row.get_by_role("link", name="juggernaut").click()
        await page.get_by_label("Steps", exact=True).fill("151")
        await page.get_by_role("button", name="Save these values").click()
        await expect(page.get_by_role("alert")).to_have_text(
            "“Steps” must be a whole number from 1 to 150."
        )
        await expect(page.get_by_label("Steps", exact=True)).to_be_focused()
        await expect(page.get_by_label("Steps", exact=True)).to_have_attribute(
            "aria-invalid", "true"
        )
        await expect(page.get_by_label("Steps", exact=True)).to_have_value("151")
        window.troubles.clear()
        await page.get_by_label("Steps", exact=True).fill("24")
        await page.get_by_label("Most steps").fill("40")
        await page.get_by_role("button", name="Save these values").click()
        await expect(page.get_by_role("status").first).to_contain_text("are kept")
        await page.get_by_label("New alias").fill("mine")
        await page.get_by_role("button", name="Add").click()
        await page.get_by_role("button", name="Remove the alias mine").click()
        await expect(page.get_by_role("button", name="Remove the alias mine")).to_have_count(0)
        await page.get_by_role("button", name="Unload").click()
        await expect(page.get_by_role("status").first).to_contain_text("leaves memory")
        await page.get_by_role("link", name="Create with it").click()
        await expect(page.locator("#model")).to_have_value(
            "sd/juggernaut-xl-v9-rundiffusion-photo-2"
        )
        await expect(page.locator("#num_inference_steps")).to_have_value("24")
        await expect(page.locator("#num_inference_steps")).to_have_attribute("max", "40")
        await expect(page.locator("#width")).to_have_attribute("max", "1536")
        assert window.troubles == []


async def test_staff_delete_a_model(chromium: Browser, live: Live, carols: StorageState) -> None:
    async with opened(chromium, live, storage_state=carols) as window:
        page = window.page
        await window.visit(f"{MODELS}?q=easynegative")
        await page.get_by_role("link", name="easynegative").click()
        await page.get_by_role("link", name="Delete").click()
        await expect(page.get_by_role("heading", name="Delete this model?")).to_be_visible()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_role("status").first).to_contain_text("is deleted")
        await expect(page.get_by_role("link", name="easynegative")).to_have_count(0)
        assert window.troubles == []


async def test_without_javascript_the_buttons_work_as_well(
    chromium: Browser, live: Live, carols: StorageState
) -> None:
    async with opened(chromium, live, storage_state=carols, java_script_enabled=False) as window:
        await window.visit(f"{MODELS}?q=other")
        await window.page.get_by_role("button", name="Switch other off").click()
        await expect(window.page.get_by_role("status").first).to_contain_text("switched off")
        await window.visit(f"{MODELS}?q=other")
        await window.page.get_by_role("button", name="Switch other on").click()
        await expect(window.page.get_by_role("status").first).to_contain_text("switched on")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_pages_are_for_everybody(
    chromium: Browser, live: Live, carols: StorageState, scheme: Scheme, width: int
) -> None:
    async with opened(chromium, live, scheme=scheme, width=width, storage_state=carols) as window:
        for path in (MODELS, f"{MODELS}?kind=lora", f"{MODELS}?q=nothing"):
            await window.visit(path)
            await window.is_open_to_all()
        await window.visit(MODELS)
        names = ("juggernaut", "foreign", "off")
        links = [
            await window.page.get_by_role("link", name=name).first.get_attribute("href")
            for name in names
        ]
        for link in links:
            await window.visit(link or "")
            await window.is_open_to_all()
        await window.visit(f"{links[0]}/delete")
        await window.is_open_to_all()

"""A real Chromium before a real server: one window a test, and nothing wrong may pass unseen."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    StorageState,
    async_playwright,
)

from tests.live import Live, service

PASSWORD = "correct horse battery"
PATIENCE_MS = 30_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# As root Chromium runs only without its sandbox; the rest keeps it from calling home, and the last
# takes the network away: the pages must do without.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
SET_UP = f"""
from accounts.models import User
from modelhub.models import CatalogModel
for name in ("alice", "bob"):
    User.objects.create_user(name, password="{PASSWORD}")
CatalogModel.objects.create(
    public_id="sd/demo", path="demo", layout="diffusers", family="sd-custom",
    native_resolution=256, defaults={{"steps": 12}},
)
CatalogModel.objects.create(
    public_id="sd/other", path="other", layout="diffusers", family="flux", native_resolution=512,
)
"""
# Nobody presses in the milliseconds before a page's scripts have run, but tests on a busy machine do,
# and would get the page that is there without scripts. A picture opened alone is sandboxed: it hears none.
UNHURRIED = """
if (document.contentType === "text/html") {
  let ready = false;
  document.addEventListener("DOMContentLoaded", () => { ready = true; });
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("a, button");
    if (ready || !pressed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    document.addEventListener("DOMContentLoaded", () => pressed.click());
  }, true);
}
"""
NOTE_VIOLATIONS = """
document.addEventListener("securitypolicyviolation",
  (event) => console.error("CSP", event.violatedDirective, event.blockedURI));
"""
Scheme = Literal["dark", "light"]


@dataclass
class Window:
    """A page and everything that went wrong in it. `friend`: another server it may go to."""

    page: Page
    url: str
    troubles: list[str] = field(default_factory=list)
    friend: str = ""

    def watch(self) -> None:
        self.page.on("console", lambda m: self._note(f"console {m.text}", m.type == "error"))
        self.page.on("pageerror", lambda error: self._note(f"error {error}"))
        self.page.on("dialog", lambda dialog: self._note(f"dialog {dialog.message}"))
        self.page.on("request", self._check_host)

    async def visit(self, path: str) -> None:
        await self.page.goto(f"{self.url}{path}")

    async def sign_in(self, name: str = "alice", *, then: str = "/web/") -> None:
        """At the login page, where a page for members only leads as well."""
        if not self.page.url.startswith(f"{self.url}/web/login"):
            await self.visit("/web/login")
        await self.page.get_by_label("User name").fill(name)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(f"**{then}")

    async def order(self, prompt: str, **values: str) -> None:
        await self.visit("/web/generate")
        await self.fill_and_send(prompt, **values)

    async def fill_and_send(self, prompt: str, **values: str) -> None:
        for name, value in {"prompt": prompt, **values}.items():
            await self.page.locator(f"#{name}").fill(value)
        await self.page.get_by_role("button", name="Create", exact=True).click()

    async def is_open_to_all(self) -> None:
        """Nothing is wider than the window, and axe finds nothing in anybody's way."""
        await self.page.wait_for_load_state()
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await self.page.evaluate(too_wide) <= 0, self.page.url
        found = await Axe().run(self.page)
        assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"

    def _note(self, what: str, wrong: bool = True) -> None:
        if wrong:
            self.troubles.append(what)

    def _check_host(self, request: Request) -> None:
        parts = urlsplit(request.url)
        known = {urlsplit(self.url).netloc, urlsplit(self.friend).netloc}
        if parts.scheme not in {"data", "blob"} and parts.netloc not in known:
            self._note(f"foreign request {request.url}")


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server and a worker of this module's own, with people and models."""
    _program()
    with service(worker=True) as started:
        started.manage("shell", "-v0", "-c", SET_UP)
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    program = _program()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alices(chromium: Browser, live: Live) -> StorageState:
    """What a browser keeps once alice has signed in: hashing her password is slow on purpose."""
    async with opened(chromium, live) as door:
        await door.sign_in()
        return await door.page.context.storage_state()


@pytest_asyncio.fixture(loop_scope="module")
async def window(chromium: Browser, live: Live, alices: StorageState) -> AsyncIterator[Window]:
    """Alice's window; fails the test for console errors, CSP violations and foreign requests."""
    async with opened(chromium, live, storage_state=alices) as fresh:
        yield fresh
        assert fresh.troubles == []


@pytest_asyncio.fixture(loop_scope="module")
async def stranger(chromium: Browser, live: Live) -> AsyncIterator[Window]:
    """The same without a session."""
    async with opened(chromium, live) as fresh:
        yield fresh
        assert fresh.troubles == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def carols(chromium: Browser, live: Live) -> StorageState:
    """The same for carol, whom modules about staff make."""
    async with opened(chromium, live) as door:
        await door.sign_in("carol")
        return await door.page.context.storage_state()


@pytest_asyncio.fixture(loop_scope="module")
async def carol(chromium: Browser, live: Live, carols: StorageState) -> AsyncIterator[Window]:
    """The window of staff."""
    async with opened(chromium, live, storage_state=carols) as fresh:
        yield fresh
        assert fresh.troubles == []


@asynccontextmanager
async def opened(
    chromium: Browser, live: Live, *, scheme: Scheme = "dark", width: int = 1280, **options: Any
) -> AsyncIterator[Window]:
    context: BrowserContext = await chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, **options
    )
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(NOTE_VIOLATIONS)
    await context.add_init_script(UNHURRIED)
    fresh = Window(await context.new_page(), live.url)
    fresh.watch()
    yield fresh
    await context.close()


def _program() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return found or _missing("a browser (Chromium or Chrome)")


def _missing(what: str) -> NoReturn:
    reason = f"{what} is not installed: the pages are not tested in a browser"
    if os.environ.get("ALICE_TESTS_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)

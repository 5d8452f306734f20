"""Hostile texts in every field, every page in a real browser: nothing runs, nothing is reported."""

import json
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser

from tests.attacks.stage import Stage, named, open_stage
from tests.attacks.test_matrix import TABLE, rows
from tests.browser.conftest import Window, opened
from tests.live import service

pytestmark = pytest.mark.asyncio(loop_scope="module")
# A page whose own answer is an error says so in the browser's console too.
EXPECTED = "Failed to load resource"


@pytest.fixture(scope="module")
def poisoned() -> Iterator[tuple[Stage, list[str]]]:
    """A server full of hostile texts, and the pages of the single things."""
    with service(worker=False) as live:
        stage = open_stage(live)
        code = "from tests.attacks.poison import poison; poison()"
        yield stage, json.loads(live.manage("shell", "-v0", "-c", code).splitlines()[-1])


def pages(stage: Stage) -> list[str]:
    """Every page of the matrix, and the list of each model in the administration."""
    told = [row.path for row in rows() if row.method == "GET" and not row.names]
    kept = [named(path, stage.names) for path in told if path.startswith(("/web", "/admin"))]
    return [*dict.fromkeys(kept), *(f"/admin/{model}/" for model in TABLE["models"])]


async def wrong_on(window: Window, path: str) -> list[str]:
    window.troubles.clear()
    reply = await window.page.goto(f"{window.url}{path}")
    failed = reply is None or reply.status >= 400
    return [t for t in window.troubles if not (failed and EXPECTED in t)]


@pytest.mark.parametrize("identity", ["root", "owner"])
async def test_no_page_runs_what_people_wrote(
    chromium: Browser, poisoned: tuple[Stage, list[str]], identity: str
) -> None:
    stage, single = poisoned
    cookie = {"name": "alice-session", "value": stage.cookies[identity], "url": stage.live.url}
    async with opened(chromium, stage.live) as window:
        await window.page.context.add_cookies([cookie])  # type: ignore[list-item]  # a mapping will do
        seen = ("/web", "/admin") if identity == "root" else ("/web",)
        asked = [page for page in [*pages(stage), *single] if page.startswith(seen)]
        wrong = {path: found for path in asked if (found := await wrong_on(window, path))}
    assert wrong == {}
    assert len(asked) > 30

"""Static files are served in front of Django, and nothing else is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from aliceproject.static_files import StaticFiles
from tests.aliceproject.asgi_wire import Echo, Wire, pieces, scope


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "page.css").write_text("a{}")
    with override_settings(STATICFILES_DIRS=[tmp_path]):
        yield tmp_path


async def get(app: StaticFiles, path: str, method: str = "GET", **headers: str) -> Wire:
    wire = Wire(pieces(b""))
    await wire.play(app, scope(method, path, **headers))
    return wire


@pytest.fixture
def app(folder: Path) -> StaticFiles:
    return StaticFiles(Echo(), "/static/")


async def test_a_file_comes_with_its_type_and_for_no_other_origin(app: StaticFiles) -> None:
    wire = await get(app, "/static/page.css")
    assert (wire.status, wire.body) == (200, b"a{}")
    assert wire.headers["content-type"] == 'text/css; charset="utf-8"'
    assert "access-control-allow-origin" not in wire.headers


async def test_a_known_file_is_not_sent_again(app: StaticFiles) -> None:
    etag = (await get(app, "/static/page.css")).headers["etag"]
    assert (await get(app, "/static/page.css", if_none_match=etag)).status == 304


async def test_an_edited_file_is_sent_whole(app: StaticFiles, folder: Path) -> None:
    (folder / "page.css").write_text("a{color:red}")
    wire = await get(app, "/static/page.css")
    assert (wire.body, wire.headers["content-length"]) == (b"a{color:red}", "12")


async def test_head_has_no_body(app: StaticFiles) -> None:
    wire = await get(app, "/static/page.css", "HEAD")
    assert (wire.status, wire.body) == (200, b"")


async def test_a_range_is_cut_out(app: StaticFiles) -> None:
    wire = await get(app, "/static/page.css", range="bytes=0-1")
    assert (wire.status, wire.body) == (206, b"a{")


async def test_writing_is_not_allowed(app: StaticFiles) -> None:
    assert (await get(app, "/static/page.css", "POST")).status == 405


@pytest.mark.parametrize(
    "path", ["/static/nix.css", "/static/../manage.py", "/static//page.css", "/page.css"]
)
async def test_anything_else_is_the_applications(app: StaticFiles, path: str) -> None:
    assert (await get(app, path)).body == b"ok"

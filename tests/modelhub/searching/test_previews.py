"""Pictures of finds: fetched by us, made anew, kept, and never from where they must not come."""

import os
import threading
from concurrent.futures import wait
from io import BytesIO
from pathlib import Path

import pytest
from django.test import Client
from PIL import Image as Pillow
from pytest_django.fixtures import Settings

from accounts.models import User
from modelhub.models import Found
from modelhub.searching import previews
from modelhub.searching.catalogues import CATALOGUES
from tests.hub.catalogues import Catalogues, png
from tests.modelhub.programs import Staff

pytestmark = pytest.mark.django_db


def pictures(catalogues: Catalogues) -> list[str]:
    return [each.path for each in catalogues.asked if not each.path.startswith("/api/")]


@pytest.fixture
def found(program: Staff, catalogues: Catalogues) -> Found:
    program.search(limit=1)
    return Found.objects.get()


def at(found: Found) -> str:
    return f"/v1/models/search/previews/{found.pk}"


def answered(program: Client, found: Found, url: str) -> int:
    Found.objects.filter(pk=found.pk).update(preview=url)
    return program.get(at(found)).status_code


def test_a_preview_is_a_small_webp_of_ours(program: Staff, catalogues: Catalogues) -> None:
    url = program.search(limit=1)["data"][0]["previewUrl"]
    reply = program.get(url)
    assert (reply["Content-Type"], reply["X-Content-Type-Options"]) == ("image/webp", "nosniff")
    with Pillow.open(BytesIO(reply.content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (307, 384))
    # Not the one for adults, and in the size of our cards.
    assert pictures(catalogues) == ["/pictures/0/width=450/x.png"]


def test_a_repository_shows_a_picture_it_holds(program: Staff, catalogues: Catalogues) -> None:
    url = program.search("huggingface", limit=1)["data"][0]["previewUrl"]
    assert program.get(url).status_code == 200
    assert pictures(catalogues)[0].startswith("/maker0/dreamshaper-0/resolve/c0ffee")


def test_a_kept_preview_is_not_fetched_again(
    program: Staff, found: Found, catalogues: Catalogues
) -> None:
    first, second = program.get(at(found)), program.get(at(found))
    assert first.content == second.content
    assert len(pictures(catalogues)) == 1


def test_one_fetch_serves_all_who_wait(found: Found, catalogues: Catalogues) -> None:
    start, futures = threading.Barrier(6), []

    def ask() -> None:
        start.wait()
        futures.append(previews.coming("civitai", found.preview))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait(futures)
    assert len({future.result() for future in futures}) == 1
    assert len(pictures(catalogues)) == 1


def test_what_is_for_adults_is_fetched_when_asked_for(
    program: Staff, found: Found, catalogues: Catalogues
) -> None:
    Found.objects.update(nsfw=True)
    assert program.get(at(found)).status_code == 404
    assert pictures(catalogues) == []
    assert program.get(f"{at(found)}?nsfw=true").status_code == 200


INNER = (
    "http://127.0.0.1:1/x.png", "http://localhost/x.png", "http://169.254.169.254/latest/",
    "http://[::1]/x.png", "https://10.0.0.1/x.png", "https://example.com/x.png",
    "https://image.civitai.com.example.com/x.png", "file:///etc/passwd", "gopher://x/",
)  # fmt: skip


@pytest.mark.parametrize("url", INNER)
def test_a_picture_anywhere_else_is_not_fetched(program: Staff, found: Found, url: str) -> None:
    assert answered(program, found, url) == 404


def test_another_port_of_the_catalogue_is_anywhere_else(
    program: Staff, found: Found, catalogues: Catalogues
) -> None:
    host, _, port = catalogues.url.rpartition(":")
    assert answered(program, found, f"{host}:{int(port) ^ 1}/x.png") == 404


def test_a_public_host_that_means_an_inner_address_is_refused() -> None:
    policy, headers = CATALOGUES["civitai"].for_preview("https://image.civitai.com/x.png")
    assert (policy.private, headers) == (False, {})


def test_no_token_goes_with_a_picture_of_another_host(
    settings: Settings, catalogues: Catalogues
) -> None:
    settings.ALICE_HUGGINGFACE_TOKEN = "tell-nobody"
    row = CATALOGUES["huggingface"]
    assert row.for_preview(f"{catalogues.url}/x.png")[1] == {"Authorization": "Bearer tell-nobody"}
    assert row.for_preview("https://cdn-lfs.hf.co/x.png")[1] == {}


BAD_PICTURES = {
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "cut": png()[:500],
    "heavy": b"\x89PNG\r\n\x1a\n" + bytes(6 * 10**6),
    "empty": b"",
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_what_is_no_honest_picture_is_none(
    program: Staff, found: Found, catalogues: Catalogues, name: str
) -> None:
    catalogues.pictures["/bad.png"] = BAD_PICTURES[name]
    assert answered(program, found, f"{catalogues.url}/bad.png") == 404
    assert program.get(at(found)).json()["error"]["code"] == "preview_unavailable"
    # What could not be had is left alone for a while.
    assert pictures(catalogues).count("/bad.png") == 1


def test_the_cache_has_an_end_and_the_last_looked_at_stay(
    program: Staff, catalogues: Catalogues, settings: Settings, tmp_path: Path
) -> None:
    urls = [each["previewUrl"] for each in program.search(limit=6)["data"]]
    size = len(program.get(urls[0]).content)
    kept = next((tmp_path / "cache" / "previews").rglob("*.webp"))
    for url in urls[1:5]:
        program.get(url)
    for file in (tmp_path / "cache" / "previews").rglob("*.webp"):
        os.utime(file, (1, 1))
    program.get(urls[0])
    settings.ALICE_PREVIEW_CACHE_MB = 2.6 * size / 10**6
    program.get(urls[5])
    left = list((tmp_path / "cache" / "previews").rglob("*.webp"))
    assert kept in left
    assert sum(file.stat().st_size for file in left) <= 2.6 * size


def test_nobody_but_staff_sees_one(client: Client, alice: User, found: Found) -> None:
    assert client.get(at(found)).status_code == 401
    client.force_login(alice)
    assert client.get(at(found)).status_code == 403

"""The wall, one picture, its files: mine alone."""

from io import BytesIO
from uuid import uuid4

import pytest
from django.test import Client
from PIL import Image as Pillow

from accounts.models import User
from gallery import pages, sharing
from gallery.models import Image
from tests.gallery.conftest import Keep

WALL = "/web/gallery"


@pytest.fixture
def hers(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def his(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def seeds(client: Client, address: str = WALL) -> list[int]:
    return [image.seed for image in client.get(address).context["images"]]


def test_an_empty_wall_says_so(hers: Client) -> None:
    assert "Nothing here yet" in hers.get(WALL).content.decode()


def test_the_newest_picture_comes_first(hers: Client, alice: User, keep: Keep) -> None:
    for age in (20, 0, 10):
        keep(alice, seed=age, age=age)
    assert seeds(hers) == [0, 10, 20]


def test_the_wall_shows_no_picture_of_another(his: Client, alice: User, keep: Keep) -> None:
    keep(alice, is_public=True)
    assert seeds(his) == []


def test_every_picture_is_on_exactly_one_page(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 3)
    for age in range(7):
        keep(alice, seed=age, age=age)
    shown, page = [], hers.get(WALL)
    while page.context["older"]:
        shown += [image.seed for image in page.context["images"]]
        page = hers.get(WALL, {"before": page.context["older"]})
    assert shown + [image.seed for image in page.context["images"]] == list(range(7))


def test_one_leafs_back_to_the_page_before(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    for age in range(5):
        keep(alice, seed=age, age=age)
    second = hers.get(WALL, {"before": hers.get(WALL).context["older"]})
    first = hers.get(WALL, {"after": second.context["newer"]})
    assert [image.seed for image in second.context["images"]] == [2, 3]
    assert [image.seed for image in first.context["images"]] == [0, 1]
    assert first.context["newer"] is None


def test_a_last_page_that_is_full_leads_no_further(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    keep(alice), keep(alice)
    assert hers.get(WALL).context["older"] is None


def test_pictures_of_one_moment_are_not_lost_between_pages(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    moment = keep(alice).created_at
    Image.objects.filter(pk__in=[keep(alice).pk for _ in range(3)]).update(created_at=moment)
    first = hers.get(WALL).context
    second = hers.get(WALL, {"before": first["older"]}).context
    assert {image.pk for image in first["images"] + second["images"]} == set(
        Image.objects.values_list("pk", flat=True)
    )


@pytest.mark.parametrize("way", ["before", "after"])
def test_a_place_that_is_none_is_refused(hers: Client, way: str) -> None:
    assert hers.get(WALL, {way: "nowhere"}).status_code == 400


def test_a_browser_runs_nothing_of_a_picture(hers: Client, alice: User, keep: Keep) -> None:
    reply = hers.get(f"{WALL}/{keep(alice).pk}/picture.png")
    assert reply.headers["Content-Security-Policy"].endswith("sandbox")


def test_the_page_of_a_picture_tells_its_recipe(hers: Client, alice: User, keep: Keep) -> None:
    page = hers.get(f"{WALL}/{keep(alice, seed=77).pk}").content.decode()
    for value in ("a serene mountain landscape", "fog", "sd/demo", "Euler a", "77", "7.5"):
        assert value in page


def test_one_leafs_from_picture_to_picture(hers: Client, alice: User, keep: Keep) -> None:
    new, middle, old = keep(alice, age=0), keep(alice, age=1), keep(alice, age=2)
    page = hers.get(f"{WALL}/{middle.pk}").context
    assert (page["newer"], page["older"]) == (new, old)


def test_the_link_on_the_page_opens_the_picture(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    link = hers.get(f"{WALL}/{image.pk}").context["link"]
    assert sharing.open_link(link.rsplit("/", 1)[1].removesuffix(".png")) == image


@pytest.mark.parametrize("part", ["", "/thumbnail.webp", "/picture.png"])
def test_the_picture_of_another_is_as_absent_as_none(
    his: Client, alice: User, keep: Keep, part: str
) -> None:
    hidden = his.get(f"{WALL}/{keep(alice).pk}{part}")
    absent = his.get(f"{WALL}/{uuid4()}{part}")
    assert hidden.status_code == absent.status_code == 404


def test_a_shared_picture_opens_for_others_without_power_over_it(
    his: Client, alice: User, keep: Keep
) -> None:
    page = his.get(f"{WALL}/{keep(alice, is_public=True).pk}")
    assert page.status_code == 200
    assert "Delete" not in page.content.decode()


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_the_picture_comes_in_each_format(
    hers: Client, alice: User, keep: Keep, suffix: str, kind: str
) -> None:
    reply = hers.get(f"{WALL}/{keep(alice).pk}/picture.{suffix}")
    assert Pillow.open(BytesIO(reply.content)).format == kind
    assert reply.headers["Content-Type"] == f"image/{kind.lower()}"


def test_there_is_no_other_format(hers: Client, alice: User, keep: Keep) -> None:
    assert hers.get(f"{WALL}/{keep(alice).pk}/picture.svg").status_code == 404


def test_a_download_has_a_telling_name(hers: Client, alice: User, keep: Keep) -> None:
    reply = hers.get(f"{WALL}/{keep(alice, seed=42).pk}/picture.png?download")
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="alice-')
    assert reply.headers["Content-Disposition"].endswith('-42.png"')


def test_a_browser_that_has_the_picture_is_not_sent_it_again(
    hers: Client, alice: User, keep: Keep
) -> None:
    address = f"{WALL}/{keep(alice).pk}/thumbnail.webp"
    etag = hers.get(address).headers["ETag"]
    again = hers.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in again.headers["Cache-Control"]


def test_deleting_takes_row_and_file(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    hers.post(f"{WALL}/{image.pk}/delete")
    assert not Image.objects.filter(pk=image.pk).exists()
    assert hers.get(f"{WALL}/{image.pk}/picture.png").status_code == 404


def test_nobody_deletes_the_picture_of_another(his: Client, alice: User, keep: Keep) -> None:
    image = keep(alice, is_public=True)
    assert his.post(f"{WALL}/{image.pk}/delete").status_code == 404
    assert Image.objects.filter(pk=image.pk).exists()


def test_a_link_deletes_nothing_and_asks(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    assert "Delete for good" in hers.get(f"{WALL}/{image.pk}/delete").content.decode()
    assert Image.objects.filter(pk=image.pk).exists()


def test_deleting_needs_the_token_of_the_form(alice: User, keep: Keep) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(f"{WALL}/{keep(alice).pk}/delete").status_code == 403


def test_a_prompt_is_text_and_never_markup(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice, prompt='"><svg onload=alert(1)>{{ 7|add:7 }}')
    for address in (WALL, f"{WALL}/{image.pk}"):
        page = hers.get(address).content.decode()
        assert "<svg onload" not in page
        assert "{{ 7|add:7 }}" in page

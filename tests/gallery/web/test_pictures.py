"""The wall, one picture, its files: mine alone."""

import re
from io import BytesIO
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image as Pillow

from accounts.models import AuditEntry, User
from gallery import sharing
from gallery.models import Image, Tag
from gallery.web import walls
from tests.gallery.conftest import SIDE, Asked, Keep

WALL = "/web/gallery"


def seeds(client: Client, address: str = WALL) -> list[int]:
    return [image.seed for image in client.get(address).context["wall"].images]


def posts(page: str) -> list[str]:
    """Where the forms of a page that change something lead."""
    return re.findall(r'method="post" action="([^"]+)"', page)


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
    monkeypatch.setattr(walls, "PAGE_SIZE", 3)
    for age in range(7):
        keep(alice, seed=age, age=age)
    shown, address = [], WALL
    while address:
        wall = hers.get(address).context["wall"]
        shown += [image.seed for image in wall.images]
        address = WALL + wall.older if wall.older else ""
    assert shown == list(range(7))


def test_a_later_page_leads_back_to_the_newest(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walls, "PAGE_SIZE", 1)
    keep(alice, age=1), keep(alice, age=2)
    older = hers.get(WALL, {"q": "serene"}).context["wall"].older
    page = hers.get(WALL + older)
    assert 'href="?q=serene">To the newest' in page.content.decode()


def test_a_last_page_that_is_full_leads_no_further(
    hers: Client, alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walls, "PAGE_SIZE", 2)
    keep(alice), keep(alice)
    assert hers.get(WALL).context["wall"].older is None


def test_a_place_that_is_none_is_refused(hers: Client) -> None:
    assert hers.get(WALL, {"cursor": "nowhere"}).status_code == 400


def test_a_print_keeps_the_place_its_picture_will_take(
    hers: Client, alice: User, keep: Keep
) -> None:
    keep(alice)
    assert f'width="{SIDE}" height="{SIDE}"' in hers.get(WALL).content.decode()


def test_the_wall_asks_as_much_for_many_pictures_as_for_one(
    hers: Client, alice: User, keep: Keep, asked: Asked
) -> None:
    hers.get(WALL)
    image = keep(alice, is_public=True)
    Tag.objects.create(image=image, name="night")
    for_one = asked(WALL)
    for age in range(8):
        Tag.objects.create(image=keep(alice, age=age, favourite=True), name=f"tag {age}")
    assert asked(WALL) == for_one


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


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_leafing_starts_at_the_picture_and_not_at_the_top(
    hers: Client, alice: User, keep: Keep
) -> None:
    image = keep(alice)
    with CaptureQueriesContext(connection) as asked:
        hers.get(f"{WALL}/{image.pk}")
    said = [query["sql"] for query in asked]
    leafing = [sql for sql in said if re.search('"created_at" [<>]=', sql)]
    assert len(leafing) == 2
    with connection.cursor() as cursor:
        for sql in leafing:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            assert "owner_id=? AND" in plan, plan


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
    image = keep(alice, is_public=True)
    Tag.objects.create(image=image, name="night")
    page = his.get(f"{WALL}/{image.pk}")
    assert page.status_code == 200
    assert set(posts(page.content.decode())) == {f"{WALL}/{image.pk}/albums", "/web/logout"}


def test_the_owner_has_every_power_over_a_picture(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    found = posts(hers.get(f"{WALL}/{image.pk}").content.decode())
    powers = ("mark", "tags", "albums", "share", "delete")
    assert {f"{WALL}/{image.pk}/{power}" for power in powers} <= set(found)


def test_staff_see_a_private_picture_and_that_it_is_noted(
    staff: User, alice: User, keep: Keep
) -> None:
    client, image = Client(), keep(alice)
    client.force_login(staff)
    page = client.get(f"{WALL}/{image.pk}").content.decode()
    assert "written to the audit log" in page
    assert set(posts(page)) == {f"{WALL}/{image.pk}/albums", "/web/logout"}
    entry = AuditEntry.objects.get(action="private_picture_viewed")
    assert (entry.actor_name, entry.target_id) == (staff.username, str(image.pk))


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


def test_a_lost_picture_says_so_and_can_still_be_deleted(
    hers: Client, alice: User, keep: Keep
) -> None:
    image = keep(alice, state=Image.State.LOST)
    text = hers.get(f"/web/gallery/{image.pk}").content.decode()
    assert "The file of this picture is gone" in text
    assert f"/web/gallery/{image.pk}/thumbnail.webp" in text
    hers.post(f"/web/gallery/{image.pk}/delete")
    assert not Image.objects.exists()

"""The form under a wall, as a browser without scripts sends it."""

import io
import zipfile
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from accounts.models import User
from gallery import albums, storage
from gallery.models import Image
from tests.gallery.conftest import Keep

BULK = "/web/gallery/bulk"


async def whole(reply: Any) -> bytes:
    return b"".join([piece async for piece in reply])


def said(client: Client, action: str, *images: Image, **words: str) -> str:
    """What the page says that follows."""
    ids = [str(image.pk) for image in images]
    reply = client.post(BULK, {"action": action, "ids": ids, **words}, follow=True)
    assert reply.status_code == 200
    return reply.content.decode()


def test_several_are_shared_at_once(hers: Client, alice: User, keep: Keep) -> None:
    images = [keep(alice), keep(alice)]
    assert "2 pictures shared." in said(hers, "share", *images, hours="24")
    assert all(image.shared for image in Image.objects.all())


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [("favourite", "favourite", True), ("keep", "keep", True), ("unshare", "is_public", False)],
)
def test_each_button_does_what_it_says(
    hers: Client, alice: User, keep: Keep, action: str, field: str, value: bool
) -> None:
    said(hers, action, keep(alice, is_public=True))
    assert getattr(Image.objects.get(), field) is value


def test_tags_are_added_and_taken_away(hers: Client, alice: User, keep: Keep) -> None:
    images = [keep(alice), keep(alice)]
    said(hers, "tag", *images, tags="night, boats")
    said(hers, "untag", images[0], tags="boats")
    assert [[t.name for t in image.tags.all()] for image in images] == [
        ["night"],
        ["boats", "night"],
    ]


def test_deleting_asks_with_the_pictures_before_ones_eyes(
    hers: Client, alice: User, keep: Keep
) -> None:
    images = [keep(alice), keep(alice)]
    page = said(hers, "delete", *images)
    assert "Delete 2 pictures?" in page
    assert all(f"{image.pk}/thumbnail.webp" in page for image in images)
    assert Image.objects.count() == 2


def test_sure_deletes_rows_and_files(hers: Client, alice: User, keep: Keep) -> None:
    image = keep(alice)
    assert "1 picture deleted." in said(hers, "delete", image, sure="yes")
    assert not Image.objects.exists()
    with pytest.raises(storage.FileLost):
        storage.read(image)


def test_what_is_not_mine_stays_and_is_told(
    his: Client, alice: User, bob: User, keep: Keep
) -> None:
    shared, hidden, own = keep(alice, is_public=True), keep(alice), keep(bob)
    page = said(his, "delete", shared, hidden, own, sure="yes")
    assert "1 picture deleted." in page
    assert page.count("1 picture left as they were") == 2
    assert set(Image.objects.all()) == {shared, hidden}


def test_asking_to_delete_shows_nothing_of_others(his: Client, alice: User, keep: Keep) -> None:
    page = said(his, "delete", keep(alice))
    assert "None of these pictures is yours" in page


def test_pictures_go_into_an_album_old_or_new(hers: Client, alice: User, keep: Keep) -> None:
    old, images = albums.make_album(alice, "Old"), [keep(alice), keep(alice)]
    said(hers, "album", *images, to_album=str(old.pk))
    said(hers, "album", images[0], to_album=str(old.pk), new_album="New")
    assert {album.name: album.images.count() for album in alice.albums.all()} == {
        "Old": 2,
        "New": 1,
    }


def test_nothing_hidden_comes_into_an_album(his: Client, alice: User, keep: Keep) -> None:
    said(his, "album", keep(alice), new_album="Mine now")
    assert not Image.objects.filter(albums__name="Mine now").exists()


def test_pictures_are_taken_out_of_an_album(hers: Client, alice: User, keep: Keep) -> None:
    album, image = albums.make_album(alice, "Old"), keep(alice)
    albums.add_to_album(album, [image])
    said(hers, "unalbum", image, album=str(album.pk))
    assert not album.images.exists()
    assert Image.objects.filter(pk=image.pk).exists()


def test_two_are_laid_side_by_side(hers: Client, alice: User, keep: Keep) -> None:
    ids = [str(keep(alice).pk), str(keep(alice).pk)]
    reply = hers.post(BULK, {"action": "compare", "ids": ids})
    assert reply.headers["Location"] == f"/web/gallery/compare?left={ids[0]}&right={ids[1]}"


def test_a_download_holds_what_i_may_take(hers: Client, alice: User, bob: User, keep: Keep) -> None:
    mine, shared, hidden = keep(alice), keep(bob, is_public=True), keep(bob)
    ids = [str(image.pk) for image in (mine, shared, hidden)]
    reply = hers.post(BULK, {"action": "download", "ids": ids})
    names = zipfile.ZipFile(io.BytesIO(async_to_sync(whole)(reply))).namelist()
    pictures = {name for name in names if name.endswith(".png")}
    assert pictures == {f"{mine.pk}.png", f"{shared.pk}.png"}


@pytest.mark.parametrize(
    "sent",
    [
        {"action": "share"},
        {"action": "share", "ids": "x"},
        {"action": "paint", "ids": "{id}"},
        {"action": "share", "ids": "{id}", "hours": "500"},
        {"action": "tag", "ids": "{id}", "tags": ", ,"},
        {"action": "album", "ids": "{id}"},
        {"action": "unalbum", "ids": "{id}"},
        {"action": "unalbum", "ids": "{id}", "album": "x"},
    ],
)
def test_a_wish_without_sense_changes_nothing_and_is_told(
    hers: Client, alice: User, keep: Keep, sent: dict[str, str]
) -> None:
    image = keep(alice)
    words = {name: value.format(id=image.pk) for name, value in sent.items()}
    page = hers.post(BULK, words, follow=True)
    assert page.status_code == 200
    assert "notice-error" in page.content.decode()
    image.refresh_from_db()
    assert not image.is_public


def test_more_than_two_hundred_are_too_many(hers: Client, alice: User, keep: Keep) -> None:
    ids = [str(keep(alice).pk)] * 201
    for action in ("share", "delete", "album"):
        sent = {"action": action, "ids": ids, "new_album": "x"}
        page = hers.post(BULK, sent, follow=True).content.decode()
        assert "notice-error" in page


def test_the_form_needs_its_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(BULK, {"action": "share"}).status_code == 403

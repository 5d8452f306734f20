"""Albums as pages: made, seen with covers, renamed, dropped; each person's own."""

import pytest
from django.test import Client

from accounts.models import User
from gallery import albums
from gallery.models import Album, Image
from tests.gallery.conftest import Asked, Keep

ALBUMS = "/web/gallery/albums"


def card(client: Client) -> dict[str, object]:
    found: dict[str, object] = client.get(ALBUMS).context["albums"][0]
    return found


def test_without_albums_the_page_says_what_one_is(hers: Client) -> None:
    assert "No albums yet" in hers.get(ALBUMS).content.decode()


def test_making_one_leads_to_it(hers: Client, alice: User) -> None:
    reply = hers.post(ALBUMS, {"name": "Best of autumn"})
    assert reply.headers["Location"] == f"{ALBUMS}/{alice.albums.get().pk}"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "Taken"])
def test_a_name_that_will_not_do_is_refused_beside_it(hers: Client, alice: User, name: str) -> None:
    albums.make_album(alice, "Taken")
    reply = hers.post(ALBUMS, {"name": name})
    assert reply.status_code == 400
    assert 'role="alert"' in reply.content.decode()
    assert alice.albums.count() == 1


def test_the_newest_four_are_the_cover(hers: Client, alice: User, keep: Keep) -> None:
    album = albums.make_album(alice, "Best")
    images = [keep(alice) for _ in range(5)]
    for image in images:
        albums.add_to_album(album, [image])
    assert card(hers)["covers"] == [image.pk for image in reversed(images[1:])]
    assert card(hers)["count"] == 5


def test_what_is_no_longer_shared_is_on_no_cover(
    hers: Client, alice: User, bob: User, keep: Keep
) -> None:
    image = keep(bob, is_public=True)
    albums.add_to_album(albums.make_album(alice, "Seen"), [image])
    assert card(hers)["covers"] == [image.pk]
    Image.objects.update(is_public=False)
    assert (card(hers)["covers"], card(hers)["count"]) == ([], 0)


def test_the_page_asks_as_much_for_many_albums_as_for_one(
    hers: Client, alice: User, keep: Keep, asked: Asked
) -> None:
    hers.get(ALBUMS)
    albums.add_to_album(albums.make_album(alice, "0"), [keep(alice)])
    for_one = asked(ALBUMS)
    for number in range(1, 5):
        made = albums.make_album(alice, str(number))
        albums.add_to_album(made, [keep(alice), keep(alice)])
    assert asked(ALBUMS) == for_one


def test_an_album_gets_another_name(hers: Client, alice: User) -> None:
    album = albums.make_album(alice, "Old")
    hers.post(f"{ALBUMS}/{album.pk}/rename", {"name": " New "})
    assert alice.albums.get().name == "New"


def test_a_taken_name_leaves_the_old_one(hers: Client, alice: User) -> None:
    albums.make_album(alice, "Taken")
    album = albums.make_album(alice, "Old")
    page = hers.post(f"{ALBUMS}/{album.pk}/rename", {"name": "Taken"}, follow=True)
    assert "notice-error" in page.content.decode()
    assert Album.objects.get(pk=album.pk).name == "Old"


def test_dropping_an_album_asks_and_leaves_the_pictures(
    hers: Client, alice: User, keep: Keep
) -> None:
    album, image = albums.make_album(alice, "Old"), keep(alice)
    albums.add_to_album(album, [image])
    address = f"{ALBUMS}/{album.pk}/delete"
    assert "Its pictures stay" in hers.get(address).content.decode()
    assert alice.albums.exists()
    hers.post(address)
    assert not alice.albums.exists()
    assert Image.objects.filter(pk=image.pk).exists()


@pytest.mark.parametrize(
    ("method", "part"), [("get", ""), ("post", "/rename"), ("post", "/delete")]
)
def test_the_album_of_another_is_absent(his: Client, alice: User, method: str, part: str) -> None:
    album = albums.make_album(alice, "Hers")
    reply = getattr(his, method)(f"{ALBUMS}/{album.pk}{part}", {"name": "His"})
    assert reply.status_code == 404
    assert alice.albums.get().name == "Hers"


def test_an_empty_album_says_how_to_fill_it(hers: Client, alice: User) -> None:
    album = albums.make_album(alice, "New")
    assert "Nothing in this album yet" in hers.get(f"{ALBUMS}/{album.pk}").content.decode()


def test_a_name_is_text_and_never_markup(hers: Client, alice: User, keep: Keep) -> None:
    album = albums.make_album(alice, '"><svg onload=alert(1)>')
    image = keep(alice)
    albums.add_to_album(album, [image])
    addresses = (ALBUMS, f"{ALBUMS}/{album.pk}", f"{ALBUMS}/{album.pk}/delete", "/web/gallery")
    for address in (*addresses, f"/web/gallery/{image.pk}"):
        page = hers.get(address).content.decode()
        assert "<svg onload" not in page
        assert "svg onload" in page

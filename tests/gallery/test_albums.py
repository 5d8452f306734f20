import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.problems import Invalid, NotFound
from gallery import albums, queries, sharing, storage
from gallery.models import Album, AlbumEntry, Image
from gallery.queries import Filter
from tests.gallery.conftest import Keep


def test_album_holds_pictures_once(alice: User, keep: Keep) -> None:
    album, image = albums.make_album(alice, "best"), keep(alice)
    assert albums.add_to_album(album, [image, keep(alice)]) == 2
    assert albums.add_to_album(album, [image]) == 0
    assert albums.album_of(alice, album.pk).count == 2


def test_removing_leaves_the_picture(alice: User, keep: Keep) -> None:
    album, image = albums.make_album(alice, "best"), keep(alice)
    albums.add_to_album(album, [image])
    assert albums.remove_from_album(album, [image, uuid.uuid4()]) == 1
    assert Image.objects.filter(pk=image.pk).exists()


def test_dropping_leaves_the_pictures(alice: User, keep: Keep) -> None:
    album, image = albums.make_album(alice, "best"), keep(alice)
    albums.add_to_album(album, [image])
    albums.drop_album(album)
    assert Image.objects.filter(pk=image.pk).exists()


def test_name_is_taken_once_a_person(alice: User, bob: User) -> None:
    album = albums.make_album(alice, " best ")
    albums.make_album(bob, "best")
    other = albums.make_album(alice, "rest")
    for attempt in (lambda: albums.make_album(alice, "best"), lambda: albums.rename(other, "best")):
        with pytest.raises(Invalid) as caught:
            attempt()
        assert caught.value.code == "already_exists"
    albums.rename(album, "best")
    assert [a.name for a in albums.albums_of(alice)] == ["best", "rest"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00", "a\u202eb"])
def test_bad_name_is_refused(alice: User, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        albums.make_album(alice, name)
    assert caught.value.param == "name"


@pytest.mark.parametrize("who", ["bob", "staff"])
def test_anothers_album_is_as_if_it_were_not(
    alice: User, request: pytest.FixtureRequest, who: str
) -> None:
    album = albums.make_album(alice, "best")
    with pytest.raises(NotFound):
        albums.album_of(request.getfixturevalue(who), album.pk)


def test_picture_no_longer_shared_is_no_longer_counted(alice: User, bob: User, keep: Keep) -> None:
    album, theirs = albums.make_album(alice, "best"), keep(bob, is_public=True)
    albums.add_to_album(album, [keep(alice), theirs])
    assert albums.album_of(alice, album.pk).count == 2
    sharing.set_privacy(theirs, public=False)
    assert albums.album_of(alice, album.pk).count == 1
    shown = queries.page_of(alice, wanted=Filter(album=album.pk)).images
    assert [image.owner for image in shown] == [alice]


def test_album_of_another_shows_nothing(alice: User, bob: User, keep: Keep) -> None:
    album = albums.make_album(alice, "best")
    albums.add_to_album(album, [keep(alice, is_public=True)])
    assert queries.page_of(bob, wanted=Filter(album=album.pk)).images == []


def test_albums_have_their_limits(alice: User, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "MOST_ALBUMS", 1)
    monkeypatch.setattr(albums, "LARGEST_ALBUM", 1)
    album, pictures = albums.make_album(alice, "best"), [keep(alice), keep(alice)]
    with pytest.raises(Invalid):
        albums.make_album(alice, "rest")
    with pytest.raises(Invalid):
        albums.add_to_album(album, pictures)
    assert Album.objects.count() == 1
    assert not album.entries.exists()


def test_list_takes_one_query(alice: User, keep: Keep) -> None:
    for number in range(5):
        albums.add_to_album(albums.make_album(alice, f"album {number}"), [keep(alice)])
    with CaptureQueriesContext(connection) as asked:
        assert [album.count for album in albums.albums_of(alice)] == [1] * 5
    assert len(asked) == 1


def test_an_album_that_was_deleted_meanwhile_does_not_come_back(alice: User, keep: Keep) -> None:
    album = albums.make_album(alice, "One")
    albums.drop_album(Album.objects.get(pk=album.pk))
    with pytest.raises(NotFound):
        albums.rename(album, "Two")
    with pytest.raises(NotFound):
        albums.add_to_album(album, [keep(alice)])
    assert not Album.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_was_deleted_meanwhile_gets_into_no_album(alice: User, keep: Keep) -> None:
    album, image = albums.make_album(alice, "One"), keep(alice)
    storage.delete(Image.objects.get(pk=image.pk))
    with pytest.raises(NotFound):
        albums.add_to_album(album, [image])
    assert not AlbumEntry.objects.exists()

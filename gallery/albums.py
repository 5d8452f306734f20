"""Albums: a person's own choice of pictures that the person may see."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from accounts.models import User
from accounts.problems import Invalid, NotFound
from gallery import queries
from gallery.curating import readable
from gallery.errors import GONE
from gallery.models import Album, AlbumEntry, Image

LONGEST_NAME = 100
MOST_ALBUMS = 500
LARGEST_ALBUM = 10_000
NO_ALBUM = "There is no such album."


def albums_of(user: User) -> QuerySet[Album]:
    """By name, each with `count`: how many of its pictures the user may see now."""
    seen = queries.visible("entries__image__", user)
    counted = Count("entries", filter=seen)
    return user.albums.annotate(count=counted).order_by("name", "pk")  # type: ignore[no-redef]  # the model names it for its readers


def album_of(user: User, album_id: UUID) -> Album:
    """One of the user's own albums; NotFound for any other id, also to staff."""
    album = albums_of(user).filter(pk=album_id).first()
    if album is None:
        raise NotFound(NO_ALBUM)
    return album


def make_album(user: User, name: str) -> Album:
    """Raises Invalid: a bad name, a name taken (`already_exists`), too many albums."""
    name = _clean_name(name)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if user.albums.count() >= MOST_ALBUMS:
            raise Invalid(f"At most {MOST_ALBUMS} albums.", code="too_many_albums")
        with _of_its_own(name):
            return Album.objects.create(owner=user, name=name)


def rename(album: Album, name: str) -> None:
    """Raises Invalid for a bad name or one that is taken (`already_exists`), and NotFound."""
    album.name = _clean_name(name)
    with _of_its_own(album.name):
        if not Album.objects.filter(pk=album.pk).update(name=album.name):
            raise NotFound(NO_ALBUM)


def drop_album(album: Album) -> None:
    """The album alone: its pictures stay."""
    album.delete()


def add_to_album(album: Album, images: Sequence[Image]) -> int:
    """How many were not in it yet. The caller has made sure that its owner may see them.

    Raises Invalid for too many, and NotFound where one of them or the album was deleted meanwhile.
    """
    try:
        return _added(album, images)
    except IntegrityError:
        raise NotFound(GONE) from None


def remove_from_album(album: Album, images: Iterable[Image | UUID]) -> int:
    """How many were in it; the pictures themselves stay."""
    keys = [image.pk if isinstance(image, Image) else image for image in images]
    return album.entries.filter(image__in=keys).delete()[0]


@transaction.atomic
def _added(album: Album, images: Sequence[Image]) -> int:
    if Album.objects.select_for_update().filter(pk=album.pk).first() is None:
        raise NotFound(NO_ALBUM)
    before = album.entries.count()
    entries = [AlbumEntry(album=album, image=image) for image in images]
    AlbumEntry.objects.bulk_create(entries, ignore_conflicts=True)
    after = album.entries.count()
    if after > LARGEST_ALBUM:
        raise Invalid(f"An album holds at most {LARGEST_ALBUM} pictures.", param="ids")
    return after - before


def _clean_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not readable(name):
        raise Invalid(f"name: 1 to {LONGEST_NAME} characters, no control characters.", param="name")
    return name


@contextmanager
def _of_its_own(name: str) -> Iterator[None]:
    """A name that no other album of the owner's has; raises Invalid where one does."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise Invalid(
            f"You have an album {name!r} already.", code="already_exists", param="name"
        ) from None

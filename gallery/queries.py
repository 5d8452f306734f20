"""Reading the gallery: whose pictures one sees, a page at a time, by key and never by counting."""

import base64
import binascii
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.problems import Forbidden, Invalid, NotFound
from gallery import search, sharing
from gallery.errors import GONE
from gallery.models import AlbumEntry, Image, Tag

LARGEST_PAGE = 200
LARGEST_OFFSET = 10_000
# Pictures read through before a text index is asked, ids that are put in order by hand, ids in one
# query. At a million pictures what is rarer than one in 200 is in the second, the rest in the first.
WINDOW, FEW, BATCH = 10_000, 5_000, 1_000
# The largest gallery whose pictures are counted, and whose prompts are read to count them.
COUNTED, READ = 20_000, 2_000
NEWEST_FIRST = ("-created_at", "-id")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A picture's position: newest first, ties by id."""

    created_at: datetime
    id: UUID

    def cursor(self) -> str:
        """An opaque word for URLs."""
        text = f"{self.created_at.isoformat()}~{self.id.hex}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Raises Invalid for anything that cursor() did not make."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            moment, _, key = base64.urlsafe_b64decode(padded).decode("ascii").partition("~")
            place = cls(datetime.fromisoformat(moment), UUID(hex=key))
        except (ValueError, binascii.Error):
            raise Invalid("This cursor is not one of ours.", param="cursor") from None
        if place.created_at.tzinfo is None:
            raise Invalid("This cursor is not one of ours.", param="cursor")
        return place


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of the visible pictures.

    `public` and `private`: with the shared, with the unshared; `search`: a text in the prompt or a
    tag, in any case; `tags`: all of them; `since` <= creation < `until`; `favourite`: the viewer's
    own marks; `album`: one of the viewer's own; `mine`: nobody else's; `others`: what others share
    and nothing else; `size`: width and height.
    """

    public: bool = True
    private: bool = True
    search: str = ""
    tags: tuple[str, ...] = ()
    model: str = ""
    since: datetime | None = None
    until: datetime | None = None
    favourite: bool | None = None
    album: UUID | None = None
    mine: bool = False
    others: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures, owners loaded, newest first; `cursor` opens the next page, None on the last."""

    images: list[Image]
    cursor: str | None


EVERYTHING = Filter()


def page_of(
    user: User,
    cursor: str | None = None,
    limit: int = 50,
    *,
    offset: int = 0,
    wanted: Filter = EVERYTHING,
) -> Page:
    """What `user` may see of the gallery: own pictures and shared ones, for staff all.

    `limit` 1..200, `offset` 0..10000; a page costs the same at any depth of the cursor.
    """
    before = Place.parse(cursor) if cursor else None
    found = list(islice(_places(user, wanted, before, offset + limit + 1), offset, None))
    rows = Image.objects.select_related("owner").prefetch_related("tags")
    images = rows.in_bulk([p.id for p in found[:limit]])
    more = found[limit - 1].cursor() if len(found) > limit else None
    # A picture deleted between the two queries is left out.
    return Page([images[p.id] for p in found[:limit] if p.id in images], more)


def count(user: User, wanted: Filter = EVERYTHING) -> int | None:
    """How many pictures page_of would give in all; None where counting them would take long."""
    sizes = [_count(part, user, wanted) for part in _parts(user, wanted)]
    return None if None in sizes else sum(size or 0 for size in sizes)


def one(user: User, image_id: UUID) -> Image:
    """A picture `user` may see; NotFound, and nothing more telling, for any other id."""
    image = Image.objects.select_related("owner").filter(pk=image_id).first()
    if image is None or not sharing.visible_to(image, user):
        raise NotFound(GONE)
    return image


def deletable(user: User, image_id: UUID) -> Image:
    """A picture `user` may delete: also one whose deletion was interrupted.

    NotFound as for one(); Forbidden for somebody else's picture that is shared with the user.
    """
    return may_delete(user, Image.objects.select_related("owner").filter(pk=image_id).first())


def may_delete(user: User, image: Image | None) -> Image:
    """The picture, if `user` may delete it; raises as deletable does."""
    if image is not None and (user.is_staff or image.owner_id == user.pk):
        return image
    if image is None or not sharing.visible_to(image, user):
        raise NotFound(GONE)
    raise Forbidden("Only its owner may delete this picture.")


def visible(prefix: str, user: User) -> Q:
    """What `user` may see, as a condition on a relation to pictures, such as `image__`."""
    gone = Q(**{f"{prefix}state": Image.State.DELETING})
    if user.is_staff:
        return ~gone
    return ~gone & (Q(**{f"{prefix}owner": user}) | sharing.shared_now(prefix))


def _places(user: User, wanted: Filter, before: Place | None, most: int) -> Iterable[Place]:
    """The positions of the next `most` visible pictures: each part by its index, then merged."""
    parts = [_walk(part, user, wanted, before, most) for part in _parts(user, wanted)]
    return islice(heapq.merge(*parts, reverse=True), most)


def _walk(
    part: QuerySet[Image], user: User, wanted: Filter, before: Place | None, most: int
) -> list[Place]:
    """The next `most` of a part, in order.

    No index gives words, tags or albums in the order of time. Where few pictures have them they
    are looked up and put in order; where many have them the next few are met by walking on.
    """
    ahead = _after(part, before)
    chosen = _chosen(ahead, user, wanted)
    if chosen is ahead:
        return _read(ahead[:most])
    few = _few(user, wanted)
    if few is None:
        edge = ahead.values_list("created_at", flat=True)[WINDOW : WINDOW + 1].first()
        near = _read((chosen if edge is None else chosen.filter(created_at__gt=edge))[:most])
        if edge is None or len(near) == most:
            return near
        few = search.ids_of(wanted.search, FEW) if wanted.search else None
    return _read(chosen[:most]) if few is None else _sorted(chosen, few)[:most]


def _count(part: QuerySet[Image], user: User, wanted: Filter) -> int | None:
    chosen = _chosen(part.order_by(), user, wanted)
    few = _few(user, wanted)
    if few is not None:
        return len(_sorted(chosen, few))
    if wanted.search or wanted.tags or wanted.album:
        # Words and common marks are met by reading every picture of the part.
        return chosen.count() if part.order_by()[: READ + 1].count() <= READ else None
    counted = chosen[: COUNTED + 1].count()
    return counted if counted <= COUNTED else None


def _read(images: QuerySet[Image]) -> list[Place]:
    return [Place(*row) for row in images.values_list("created_at", "id")]


def _sorted(images: QuerySet[Image], ids: Sequence[UUID]) -> list[Place]:
    found = [
        place
        for start in range(0, len(ids), BATCH)
        for place in _read(images.filter(pk__in=ids[start : start + BATCH]).order_by())
    ]
    return sorted(found, reverse=True)


def _few(user: User, wanted: Filter) -> Sequence[UUID] | None:
    """The pictures of the rarest tag, or of the album, where they are few."""
    asked = [
        list(Tag.objects.filter(name=tag).order_by().values_list("image_id", flat=True)[: FEW + 1])
        for tag in wanted.tags
    ]
    if wanted.album:
        entries = AlbumEntry.objects.filter(album=wanted.album, album__owner=user).order_by()
        asked.append(list(entries.values_list("image_id", flat=True)[: FEW + 1]))
    short = [ids for ids in asked if len(ids) <= FEW]
    return min(short, key=len, default=None)


def _chosen(images: QuerySet[Image], user: User, wanted: Filter) -> QuerySet[Image]:
    """Those with the words, the tags, in the album; `images` itself where nothing is asked."""
    for tag in wanted.tags:
        images = images.filter(Exists(Tag.objects.filter(image=OuterRef("pk"), name=tag)))
    if wanted.album:
        mine = AlbumEntry.objects.filter(album=wanted.album, album__owner=user)
        images = images.filter(Exists(mine.filter(image=OuterRef("pk"))))
    return images.filter(search.containing(wanted.search)) if wanted.search else images


def _parts(user: User, wanted: Filter) -> list[QuerySet[Image]]:
    """The visible pictures as sets without overlap, each of which one index can walk."""
    stored = _narrowed(Image.objects.exclude(state=Image.State.DELETING), user, wanted)
    shared = sharing.shared_now()
    if wanted.others:
        return [] if wanted.favourite else [stored.filter(shared).exclude(owner=user)]
    mine = stored.filter(owner=user)
    alone = wanted.mine or bool(wanted.favourite)
    base = stored if user.is_staff and not alone else mine
    if not wanted.public:
        return [base.exclude(shared)] if wanted.private else []
    if not wanted.private:
        return [(mine if alone else stored).filter(shared)]
    return [base] if alone or user.is_staff else [base, stored.filter(shared).exclude(owner=user)]


def _narrowed(images: QuerySet[Image], user: User, wanted: Filter) -> QuerySet[Image]:
    conditions: dict[str, Any] = {
        "model": wanted.model or None,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
        "width": wanted.size and wanted.size[0],
        "height": wanted.size and wanted.size[1],
        "favourite": wanted.favourite or None,
    }
    images = images.filter(**{k: v for k, v in conditions.items() if v is not None})
    if wanted.favourite is False:
        images = images.exclude(owner=user, favourite=True)
    return images


def _after(images: QuerySet[Image], before: Place | None) -> QuerySet[Image]:
    if before is not None:
        # One range bound, which an index can start at; an OR of two would scan from the top.
        images = images.filter(created_at__lte=before.created_at)
        images = images.exclude(created_at=before.created_at, id__gte=before.id)
    return images.order_by(*NEWEST_FIRST)

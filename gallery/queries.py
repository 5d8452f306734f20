"""Reading the gallery: whose pictures one sees, a page at a time, by key and never by counting."""

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import compress, islice
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.problems import Forbidden, NotFound
from gallery import search, sharing
from gallery.errors import GONE
from gallery.models import SHOWN, AlbumEntry, Image, Tag
from gallery.places import Place, Start

LARGEST_PAGE = 200
# Pictures walked past before a text index is asked; from how many on ids are not put in order by
# hand; ids in one query. What is rarer than one in 500 of a million is looked up.
WINDOW, MANY, BATCH = 1_000, 2_001, 1_000
# How long one page reads on where no index helps, and how many pictures between looks at the clock.
SECONDS, STEP = 0.05, 1_000
# The shortest leap towards an offset: it costs as much to read so many.
STRIDE = 250
# The largest part that is counted, and the largest whose prompts are read for it.
COUNTED, READ = 20_000, 2_000
NEWEST_FIRST = ("-created_at", "-id")


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

    `limit` 1..200, `offset` 0..10000; a page costs the same at any depth of the cursor. A search
    that takes long ends its page early, for the next to go on: with what is still to be passed over
    too. Raises Invalid for a foreign cursor, and for an offset beside one that has its own.
    """
    start, quest = Start.parse(cursor, offset), Quest(user, wanted, SECONDS)
    starts, skip = _leap(quest, start)
    met, end = _places(quest, starts, skip + limit + 1)
    found = met[skip:]
    rows = Image.objects.select_related("owner").prefetch_related("tags")
    images = rows.in_bulk([p.id for p in found[:limit]])
    # A picture deleted between the two queries is left out.
    shown = [images[p.id] for p in found[:limit] if p.id in images]
    if len(found) > limit:
        return Page(shown, found[limit - 1].cursor())
    return Page(shown, end.cursor(max(0, skip - len(met))) if end else None)


def count(user: User, wanted: Filter = EVERYTHING) -> int | None:
    """How many pictures page_of would give in all; None where counting them would take long."""
    quest = Quest(user, wanted)
    sizes = [quest.count(number) for number in range(len(quest.parts))]
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


class Quest:
    """One question to the gallery, and what has been found out while answering it.

    No index gives words, tags or albums in the order of time. Where few pictures have them they
    are looked up and put in order; where many have them the next few are met by walking.
    """

    def __init__(self, user: User, wanted: Filter, seconds: float = 0.0) -> None:
        self.user, self.wanted, self.seconds = user, wanted, seconds

    @cached_property
    def parts(self) -> list[Q]:
        """The visible pictures as sets without overlap, each of which one index can walk."""
        return _parts(self.user, self.wanted)

    @cached_property
    def choice(self) -> Q | None:
        """With the words, the tags, in the album; None where nothing of the kind is asked."""
        wanted, choice = self.wanted, Q()
        for tag in wanted.tags:
            choice &= Q(Exists(Tag.objects.filter(image=OuterRef("pk"), name=tag)))
        if wanted.album:
            choice &= Q(Exists(self._entries().filter(image=OuterRef("pk"))))
        if wanted.search:
            choice &= search.containing(wanted.search)
        return choice or None

    @cached_property
    def marked(self) -> Sequence[UUID] | None:
        """The pictures of the rarest tag, or of the album, where they are few."""
        asked = [
            list(Tag.objects.filter(name=tag).order_by().values_list("image_id", flat=True)[:MANY])
            for tag in self.wanted.tags
        ]
        if self.wanted.album:
            asked.append(list(self._entries().values_list("image_id", flat=True)[:MANY]))
        return min((ids for ids in asked if len(ids) < MANY), key=len, default=None)

    @cached_property
    def worded(self) -> Sequence[UUID] | None:
        """The pictures with the words, where a text index names them and they are few."""
        return search.ids_of(self.wanted.search, MANY - 1) if self.wanted.search else None

    @cached_property
    def looked_up(self) -> list[list[Place]] | None:
        """All of each part, newest first, where an index named them and they are few."""
        ids = self.worded if self.marked is None else self.marked
        return None if ids is None else _sorted(self.parts, self.choice or Q(), ids)

    def next(
        self, number: int, before: Place | None, most: int
    ) -> tuple[list[Place], Place | None]:
        """The next `most` pictures of a part, newest first, and where the search was given up."""
        part = self.parts[number]
        if self.choice is None:
            return _read(_ahead(part & SHOWN, before)[:most]), None
        found: list[Place] = []
        if self.marked is None:
            found, end = self._walk(part, before, most, WINDOW)
            if end is None or len(found) == most:
                return found, None
            if self.looked_up is None:
                more, end = self._walk_on(part, end, most - len(found))
                return found + more, end
        named = (self.looked_up or [])[number]
        return [p for p in named if before is None or p < before][:most], None

    def ahead(self, number: int, before: Place | None, stride: int) -> Place | None:
        """The picture so many further on in a part that an index gives, if it goes so far."""
        last = _read(_ahead(self.parts[number] & SHOWN, before)[stride - 1 : stride])
        return last[0] if last else None

    def _walk_on(self, part: Q, end: Place, most: int) -> tuple[list[Place], Place | None]:
        """What is met until this part's share of the time is over, and where that was."""
        until = time.monotonic() + self.seconds / len(self.parts)
        found: list[Place] = []
        while True:
            more, last = self._walk(part, end, most - len(found), STEP)
            found += more
            if last is None or len(found) == most:
                return found, None
            if time.monotonic() >= until:
                return found, last
            end = last

    def _walk(
        self, part: Q, before: Place | None, most: int, steps: int
    ) -> tuple[list[Place], Place | None]:
        """What the next `steps` pictures of the part hold, and the last of them if there is one."""
        near = _ahead(part & SHOWN & (self.choice or Q()), before)
        last = _read(_ahead(part, before)[steps : steps + 1])
        for edge in last:
            near = near.filter(created_at__gte=edge.created_at)
            near = near.exclude(created_at=edge.created_at, id__lt=edge.id)
        return _read(near[:most]), last[0] if last else None

    def count(self, number: int) -> int | None:
        """How many pictures of a part; None where they are too many to count at once."""
        part = self.parts[number]
        if self.choice is None:
            counted = Image.objects.filter(part, SHOWN).order_by()[: COUNTED + 1].count()
            return counted if counted <= COUNTED else None
        if self.marked is not None:
            return len((self.looked_up or [])[number])
        if Image.objects.filter(part).order_by()[: READ + 1].count() > READ:
            return None
        return Image.objects.filter(part, SHOWN, self.choice).count()

    def _entries(self) -> QuerySet[AlbumEntry]:
        mine = AlbumEntry.objects.filter(album=self.wanted.album, album__owner=self.user)
        return mine.order_by()


def _leap(quest: Quest, start: Start) -> tuple[list[Place | None], int]:
    """Where to begin in each part, and how many are still to be passed over from there.

    Of the pictures a stride ahead, one in each part, the newest lies before the page, and with it
    its whole stride: the other parts have less than a stride each that is newer.
    """
    starts, skip = [start.before for _ in quest.parts], start.skip
    able: Sequence[int] = range(len(starts)) if quest.choice is None else ()
    spare = skip
    while able and (stride := spare // len(able)) >= STRIDE:
        ahead = [(quest.ahead(number, starts[number], stride), number) for number in able]
        marks = [(place, number) for place, number in ahead if place]
        # Who has fewer left may have them all before the page.
        spare -= stride * (len(ahead) - len(marks))
        able = [number for _, number in marks]
        if marks:
            place, number = max(marks)
            starts[number] = place
            skip, spare = skip - stride, spare - stride
    return starts, skip


def _places(
    quest: Quest, starts: Sequence[Place | None], most: int
) -> tuple[list[Place], Place | None]:
    """The positions of the next `most` visible pictures: each part by its index, then merged.

    And where the search was given up, if it was: beyond that nobody has looked everywhere.
    """
    parts = [quest.next(number, before, most) for number, before in enumerate(starts)]
    end = max((end for _, end in parts if end), default=None)
    merged = heapq.merge(*(places for places, _ in parts), reverse=True)
    return list(islice((p for p in merged if end is None or p >= end), most)), end


def _parts(user: User, wanted: Filter) -> list[Q]:
    asked, shared = _narrowed(user, wanted), sharing.shared_now()
    mine = asked & Q(owner=user)
    alone = wanted.mine or bool(wanted.favourite)
    theirs = asked & shared & ~Q(owner=user)
    base = asked if user.is_staff and not alone else mine
    if wanted.others:
        return [] if wanted.favourite else [theirs]
    if not wanted.public:
        return [base & ~shared] if wanted.private else []
    if not wanted.private:
        return [(mine if alone else asked) & shared]
    return [base] if alone or user.is_staff else [base, theirs]


def _narrowed(user: User, wanted: Filter) -> Q:
    """What an index gives in the order of time."""
    width, height = wanted.size or (None, None)
    conditions = {
        "model": wanted.model or None,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
        "width": width,
        "height": height,
        "favourite": wanted.favourite or None,
    }
    asked = Q(**{name: value for name, value in conditions.items() if value is not None})
    return asked & ~Q(owner=user, favourite=True) if wanted.favourite is False else asked


def _ahead(condition: Q, before: Place | None) -> QuerySet[Image]:
    images = Image.objects.filter(condition)
    if before is not None:
        # One range bound, which an index can start at; an OR of two would scan from the top.
        images = images.filter(created_at__lte=before.created_at)
        images = images.exclude(created_at=before.created_at, id__gte=before.id)
    return images.order_by(*NEWEST_FIRST)


def _read(images: QuerySet[Image]) -> list[Place]:
    return [Place(*row) for row in images.values_list("created_at", "id")]


def _sorted(parts: Sequence[Q], choice: Q, ids: Sequence[UUID]) -> list[list[Place]]:
    """Those of `ids` that fit, newest first, by the part they are of."""
    # Asked as values: as conditions they would tempt a planner away from the ids.
    fits = {
        f"fits_{number}": ExpressionWrapper(part & choice & SHOWN, output_field=BooleanField())
        for number, part in enumerate(parts)
    }
    found: list[list[Place]] = [[] for _ in parts]
    for start in range(0, len(ids), BATCH):
        rows = Image.objects.filter(pk__in=ids[start : start + BATCH]).annotate(**fits).order_by()
        for moment, key, *fit in rows.values_list("created_at", "id", *fits):
            for places in compress(found, fit):
                places.append(Place(moment, key))
    return [sorted(places, reverse=True) for places in found]

"""One deed on many pictures, and what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from django.db import transaction

from accounts.audit import Source
from accounts.models import User
from accounts.problems import Invalid, Problem
from gallery import curating, deleting, queries, sharing, storage
from gallery.errors import GONE
from gallery.models import Image

LARGEST = 200


class Action(StrEnum):
    """What can be done with many pictures at once."""

    DELETE = "delete"
    SHARE = "share"
    UNSHARE = "unshare"
    FAVOURITE = "favourite"
    UNFAVOURITE = "unfavourite"
    KEEP = "keep"
    UNKEEP = "unkeep"
    TAG = "tag"
    UNTAG = "untag"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`: done, not_found (also for what one may not see), forbidden or failed."""

    id: UUID
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """The deed's own words: `hours` a share lasts, `tags` to put on or take off."""

    by: Source
    hours: int = sharing.DEFAULT_HOURS
    tags: tuple[str, ...] = ()


DEEDS: Mapping[Action, Callable[[Image, Wish], object]] = MappingProxyType(
    {
        Action.SHARE: lambda i, w: sharing.set_privacy(i, public=True, hours=w.hours, by=w.by),
        Action.UNSHARE: lambda i, w: sharing.set_privacy(i, public=False, by=w.by),
        Action.FAVOURITE: lambda i, w: curating.set_favourite(i, on=True, by=w.by),
        Action.UNFAVOURITE: lambda i, w: curating.set_favourite(i, on=False, by=w.by),
        Action.KEEP: lambda i, w: curating.set_keep(i, on=True, by=w.by),
        Action.UNKEEP: lambda i, w: curating.set_keep(i, on=False, by=w.by),
        Action.TAG: lambda i, w: curating.add_tags(i, w.tags, w.by),
        Action.UNTAG: lambda i, w: curating.drop_tags(i, w.tags, w.by),
    }
)


def apply(
    user: User,
    ids: Sequence[UUID],
    action: Action,
    by: Source,
    *,
    hours: int = sharing.DEFAULT_HOURS,
    tags: Sequence[str] = (),
) -> list[Outcome]:
    """Do it to each of `ids`, at most 200, and say in their order what happened.

    One that cannot be done leaves the others done. Raises Invalid for the wish itself.
    """
    wish = _checked(ids, action, Wish(by, hours, tuple(tags)))
    chosen = Image.objects.filter(pk__in=ids).select_related("owner")
    unique = list(dict.fromkeys(ids))
    if action is Action.DELETE:
        return _delete(user, unique, {image.pk: image for image in chosen}, by)
    # One commit for all: each alone would sync the disk. Locked in one order, so that of two who
    # choose the same pictures neither waits for the other.
    with transaction.atomic():
        locked = chosen.select_for_update(of=("self",)).order_by("pk")
        images = {image.pk: image for image in locked}
        return [_done(user, key, images.get(key), action, wish) for key in unique]


def _checked(ids: Sequence[UUID], action: Action, wish: Wish) -> Wish:
    if not 0 < len(ids) <= LARGEST:
        raise Invalid(f"ids: 1 to {LARGEST} of them.", param="ids")
    if action is Action.SHARE:
        sharing.check_hours(wish.hours)
    if action in {Action.TAG, Action.UNTAG} and not curating.clean_tags(wish.tags).names:
        raise Invalid("tags: which ones?", param="tags")
    return wish


def _done(user: User, key: UUID, image: Image | None, action: Action, wish: Wish) -> Outcome:
    if image is None or not sharing.visible_to(image, user):
        return Outcome(key, "not_found", GONE)
    try:
        # A savepoint: what fails half-way leaves nothing of this one and all of the others.
        with transaction.atomic():
            DEEDS[action](image, wish)
    except Problem as problem:
        return Outcome(key, _word(problem), problem.message)
    return Outcome(key, "done")


def _delete(
    user: User, ids: Sequence[UUID], images: Mapping[UUID, Image], by: Source
) -> list[Outcome]:
    """All are hidden at once; the files go one by one after that."""
    refused: dict[UUID, Outcome] = {}
    for key in ids:
        try:
            queries.may_delete(user, images.get(key))
        except Problem as problem:
            refused[key] = Outcome(key, _word(problem), problem.message)
    doomed = [images[key] for key in ids if key not in refused]
    deleting.hide([image.pk for image in doomed], by)
    removed = {image.pk: _removed(image) for image in doomed}
    gone = [key for key, outcome in removed.items() if outcome.status == "done"]
    Image.objects.filter(pk__in=gone).delete()
    return [refused.get(key) or removed[key] for key in ids]


def _removed(image: Image) -> Outcome:
    key = image.pk
    try:
        storage.remove_files(image)
    except Problem as problem:
        return Outcome(key, "failed", problem.message)
    return Outcome(key, "done")


def _word(problem: Problem) -> str:
    return {403: "forbidden", 404: "not_found"}.get(problem.status, "failed")

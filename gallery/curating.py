"""What its owner makes of a picture: tags, favourites, what to keep."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, QuerySet

from accounts import audit
from accounts.models import User
from accounts.problems import Forbidden, Invalid, NotFound
from gallery.errors import GONE
from gallery.models import SHOWN, Image, Tag

MOST_TAGS = 20
LONGEST_TAG = 50
# Characters that are nothing to read: controls, halves of pairs, breaks of lines.
UNREADABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the words around them about.
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Tags:
    """`names` as they are kept, in the order given; `merged` those that were there already."""

    names: tuple[str, ...]
    merged: tuple[str, ...] = ()


def clean_tags(given: Sequence[str]) -> Tags:
    """Trimmed, in lower case, each once; raises Invalid for what can be no tag."""
    names: dict[str, None] = {}
    merged = []
    for word in given:
        name = clean_tag(word)
        if name in names:
            merged.append(name)
        names[name] = None
    _refuse_too_many(len(names))
    return Tags(tuple(names), tuple(merged))


def clean_tag(word: str) -> str:
    """1..50 characters, no control character, no comma: it separates tags in a query."""
    name = unicodedata.normalize("NFC", word.strip()).lower()
    if not 0 < len(name) <= LONGEST_TAG:
        raise Invalid(f"tags: each has 1 to {LONGEST_TAG} characters.", param="tags")
    if not readable(name) or "," in name:
        raise Invalid("tags: no control characters and no commas.", param="tags")
    return name


def readable(text: str) -> bool:
    """One line of text that shows what it holds."""
    return not any(unicodedata.category(c) in UNREADABLE or c in TURNING for c in text)


def set_tags(image: Image, names: Sequence[str], by: audit.Source = audit.SYSTEM) -> Tags:
    """These tags and no others; raises Invalid, or Forbidden when `by` is not the owner."""
    must_own(image, by)
    wanted = clean_tags(names)
    with transaction.atomic():
        _replace(image, _locked_tags(image), set(wanted.names))
    return wanted


def add_tags(image: Image, names: Iterable[str], by: audit.Source = audit.SYSTEM) -> None:
    """These tags too; raises as set_tags does, also when they become more than 20."""
    must_own(image, by)
    added = {clean_tag(name) for name in names}
    with transaction.atomic():
        present = _locked_tags(image)
        _replace(image, present, present | added)


def drop_tags(image: Image, names: Iterable[str], by: audit.Source = audit.SYSTEM) -> None:
    """These tags no longer; those that were not there are no error."""
    must_own(image, by)
    image.tags.filter(name__in=[clean_tag(name) for name in names]).delete()


def tag_counts(user: User) -> list[tuple[str, int]]:
    """The user's own tags by name, each with how many of the user's pictures carry it."""
    counted = _count(Tag.objects.filter(owner=user))
    # Those that an older version wrote know their picture alone.
    unowned = Tag.objects.filter(owner=None)
    if unowned.exists():
        counted += _count(unowned.filter(image__owner=user))
    # Few if any; taken off afterwards, so that no picture's row has to be read for its state.
    gone = Image.objects.filter(state=Image.State.DELETING).values_list("pk", "owner_id")
    hidden = [key for key, owner in gone if owner == user.pk]
    for name in Tag.objects.filter(image__in=hidden).values_list("name", flat=True):
        counted[name] -= 1
    return sorted((name, count) for name, count in counted.items() if count)


def _count(tags: QuerySet[Tag]) -> Counter[str]:
    return Counter(dict(tags.order_by().values_list("name").annotate(Count("pk"))))


def set_favourite(image: Image, on: bool, by: audit.Source = audit.SYSTEM) -> None:  # noqa: FBT001 a switch
    """Raises Forbidden when `by` is not the owner."""
    set_marks(image, {"favourite": on}, by)


def set_keep(image: Image, on: bool, by: audit.Source = audit.SYSTEM) -> None:  # noqa: FBT001 a switch
    """Whether retention must leave the picture alone; raises Forbidden as above."""
    set_marks(image, {"keep": on}, by)


def set_marks(image: Image, marks: Mapping[str, bool], by: audit.Source = audit.SYSTEM) -> None:
    """`favourite` and `keep`, as far as they are named; raises Forbidden as above, or NotFound."""
    must_own(image, by)
    if marks and not Image.objects.filter(SHOWN, pk=image.pk).update(**marks):
        raise NotFound(GONE)
    for name, value in marks.items():
        setattr(image, name, value)


def must_own(image: Image, by: audit.Source) -> None:
    """What others may not see is refused before; here it is only not theirs."""
    if by.user is not None and by.user.pk != image.owner_id:
        raise Forbidden("Only its owner may do this with a picture.")


def _locked_tags(image: Image) -> set[str]:
    """The tags as they stay until the transaction ends; NotFound where the picture is gone."""
    if Image.objects.select_for_update().filter(SHOWN, pk=image.pk).first() is None:
        raise NotFound(GONE)
    return set(Tag.objects.filter(image=image).values_list("name", flat=True))


def _replace(image: Image, present: set[str], wanted: set[str]) -> None:
    _refuse_too_many(len(wanted))
    image.tags.filter(name__in=present - wanted).delete()
    new = sorted(wanted - present)
    Tag.objects.bulk_create([Tag(image=image, owner_id=image.owner_id, name=name) for name in new])


def _refuse_too_many(count: int) -> None:
    if count > MOST_TAGS:
        raise Invalid(f"tags: at most {MOST_TAGS} a picture.", param="tags")

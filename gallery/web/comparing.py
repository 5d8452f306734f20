"""Two pictures beside each other, and where their recipes part."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import PageRequest, page
from gallery import queries
from gallery.models import Image
from gallery.queries import Filter
from gallery.web import recipes
from gallery.web.answers import opened

CHOICES = 48
# Finding what two texts have in common takes the product of their lengths.
MOST_WORDS = 400
Text = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Row:
    """One value of both recipes, in pieces: (text, whether the other side lacks it)."""

    label: str
    left: Text
    right: Text
    differs: bool


@require_safe
@page
def compare(request: PageRequest) -> HttpResponse:
    """`?left=&right=`: both beside each other; with fewer, a wall to choose from."""
    left, right = _named(request, "left"), _named(request, "right")
    if left and right:
        rows = list(differences(left, right))
        differing = sum(row.differs for row in rows)
        shown = {"left": left, "right": right, "rows": rows, "differing": differing}
        return render(request, "gallery/compare.html", shown)
    cursor = request.GET.get("cursor") or None
    choices = queries.page_of(request.user, cursor, CHOICES, wanted=Filter(mine=True))
    if left:
        choices.images[:] = [image for image in choices.images if image.pk != left.pk]
    return render(request, "gallery/compare.html", {"left": left, "choices": choices})


def differences(left: Image, right: Image) -> Iterator[Row]:
    yield _words("Prompt", left.prompt, right.prompt)
    if left.negative_prompt or right.negative_prompt:
        yield _words("Negative prompt", left.negative_prompt, right.negative_prompt)
    here, there = dict(recipes.rows(left)), dict(recipes.rows(right))
    for label in dict.fromkeys([*here, *there]):
        yield _value(label, here.get(label), there.get(label))


def _named(request: PageRequest, name: str) -> Image | None:
    text = request.GET.get(name, "")
    try:
        return opened(request, UUID(text)) if text else None
    except ValueError as wrong:
        raise Http404 from wrong


def _words(label: str, left: str, right: str) -> Row:
    here, there = left.split(), right.split()
    if left == right or max(len(here), len(there)) > MOST_WORDS:
        return Row(label, [(left, False)], [(right, False)], left != right)
    same = SequenceMatcher(None, here, there, autojunk=False).get_opcodes()
    return Row(
        label,
        [(" ".join(here[a:b]), kind != "equal") for kind, a, b, _, _ in same if b > a],
        [(" ".join(there[c:d]), kind != "equal") for kind, _, _, c, d in same if d > c],
        differs=True,
    )


def _value(label: str, left: Any, right: Any) -> Row:
    differs = left != right
    return Row(label, [(_shown(left), differs)], [(_shown(right), differs)], differs)


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)  # noqa: RUF001 a dash for what is not there

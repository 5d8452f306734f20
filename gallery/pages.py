"""Pages of the gallery: the wall of prints, one picture with its recipe, and its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.dateparse import parse_datetime
from django.utils.http import parse_etags
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.pages import PageRequest, page
from gallery import sharing, storage
from gallery.models import Image

PAGE_SIZE = 48
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
CODECS: dict[str, storage.Format] = {"png": "png", "jpg": "jpeg", "webp": "webp"}
QUALITY = 92


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the gallery begins: the picture at its edge, and which way to read."""

    created_at: datetime
    id: UUID
    newer: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.newer else 'before'}~{self.created_at.isoformat()}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The inverse of str(); raises ValueError for anything else."""
        way, when, id = text.split("~")
        moment = parse_datetime(when)
        if way not in ("before", "after") or moment is None or moment.tzinfo is None:
            raise ValueError(text)
        return cls(moment, UUID(id), newer=way == "after")


def owned(user: User) -> QuerySet[Image]:
    return Image.objects.filter(owner=user, state=Image.State.STORED)


@require_safe
@page
def index(request: PageRequest) -> HttpResponse:
    """The person's own pictures, newest first; pages by key, never by count or offset."""
    pictures, newer, older = _leaf(owned(request.user), _place(request))
    shown = {"images": pictures, "newer": newer, "older": older}
    return render(request, "gallery/index.html", shown)


@require_safe
@page
def detail(request: PageRequest, pk: UUID) -> HttpResponse:
    image = _visible(request, pk)
    place = Place(image.created_at, image.pk)
    mine = owned(image.owner) if image.owner == request.user else Image.objects.none()
    shown = {
        "image": image,
        "recipe": list(_recipe(image)),
        "mine": image.owner == request.user,
        "older": mine.filter(_beyond(place)).first(),
        "newer": mine.filter(_beyond(place, newer=True)).reverse().first(),
        "link": sharing.link(image, base_url=sharing.base_url(request)),
        "link_hours": settings.ALICE_LINK_SECONDS // 3600,
    }
    return render(request, "gallery/detail.html", shown)


@require_safe
@page
def thumbnail(request: PageRequest, pk: UUID) -> HttpResponse:
    image = _visible(request, pk)
    return _file(request, image, "webp", small=True)


@require_safe
@page
def picture(request: PageRequest, pk: UUID, suffix: str) -> HttpResponse:
    """The picture itself; `?download` makes the browser keep it under a telling name."""
    if suffix not in TYPES:
        raise Http404
    image = _visible(request, pk)
    reply = _file(request, image, suffix)
    if "download" in request.GET:
        name = f"alice-{image.created_at:%Y%m%d}-{image.seed}.{suffix}"
        reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


@require_POST
@page
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    """Deletes a picture of the person's own: row, file and thumbnail."""
    image = owned(request.user).filter(pk=pk).first()
    if image is None:
        raise Http404
    storage.delete(image)
    messages.success(request, "The picture is deleted.")
    return redirect("gallery_pages:index")


def _visible(request: PageRequest, pk: UUID) -> Image:
    """A picture the person may see; a hidden one is as absent as one that never was."""
    image = Image.objects.select_related("owner").filter(pk=pk, state=Image.State.STORED).first()
    if image is None or not sharing.visible_to(image, request.user):
        raise Http404
    return image


def _place(request: PageRequest) -> Place | None:
    text = request.GET.get("from")
    if text is None:
        return None
    try:
        return Place.parse(text)
    except ValueError as wrong:
        raise BadRequest("from: not a place in the gallery") from wrong


def _leaf(
    pictures: QuerySet[Image], place: Place | None
) -> tuple[list[Image], Place | None, Place | None]:
    """One page, newest first, and where the newer and the older neighbour pages begin."""
    newer = place is not None and place.newer
    if place is not None:
        pictures = pictures.filter(_beyond(place, newer=newer))
    found = list((pictures.reverse() if newer else pictures)[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if newer:
        found.reverse()
    if not found:
        return [], None, None
    first, last = found[0], found[-1]
    before = place is not None if not newer else more
    behind = more if not newer else True
    return (
        found,
        Place(first.created_at, first.pk, newer=True) if before else None,
        Place(last.created_at, last.pk) if behind else None,
    )


def _beyond(place: Place, *, newer: bool = False) -> Q:
    if newer:
        return Q(created_at__gt=place.created_at) | Q(created_at=place.created_at, pk__gt=place.id)
    return Q(created_at__lt=place.created_at) | Q(created_at=place.created_at, pk__lt=place.id)


def _recipe(image: Image) -> Iterator[tuple[str, Any]]:
    """What made the picture, as rows of label and value, in the words of the form."""
    recipe = image.recipe
    yield "Model", image.model
    yield "Size", f"{image.width} × {image.height}"  # noqa: RUF001 the typographic cross
    yield "Steps", recipe.get("num_inference_steps")
    yield "Guidance", recipe.get("guidance_scale")
    yield "Scheduler", recipe.get("scheduler_label") or recipe.get("scheduler")
    yield "Seed", image.seed
    if recipe.get("clip_skip"):
        yield "Clip skip", recipe["clip_skip"]
    if image.generation_ms:
        yield "Took", f"{image.generation_ms / 1000:.1f} s"


def _file(request: PageRequest, image: Image, suffix: str, *, small: bool = False) -> HttpResponse:
    """The bytes of a picture; a browser that holds them already is told so before any is read."""
    etag = f'"{image.sha256}-{"small" if small else suffix}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return _private(HttpResponse(status=304), etag)
    data = storage.read_thumbnail(image) if small else storage.read(image)
    if not small and suffix != "png":
        data = storage.as_format(data, CODECS[suffix], QUALITY)
    return _private(HttpResponse(data, content_type=TYPES[suffix]), etag)


def _private(reply: HttpResponse, etag: str) -> HttpResponse:
    # Asked again each time: who may see a picture can change, its pixels cannot.
    reply["ETag"] = etag
    patch_cache_control(reply, private=True, no_cache=True)
    return reply

"""Pages of the gallery: the wall of prints, one picture with its recipe, and its files."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.pages import PageRequest, page
from gallery import files, queries, sharing, storage
from gallery.models import Image
from gallery.queries import Place

PAGE_SIZE = 48


def owned(user: User) -> QuerySet[Image]:
    return Image.objects.filter(owner=user, state=Image.State.STORED)


@require_safe
@page
def index(request: PageRequest) -> HttpResponse:
    """The person's own pictures, newest first; pages by key, never by count or offset."""
    return render(request, "gallery/index.html", _leaf(request))


@require_safe
@page
def detail(request: PageRequest, pk: UUID) -> HttpResponse:
    image = queries.one(request.user, pk)
    place = Place(image.created_at, image.pk)
    mine = owned(image.owner) if image.owner == request.user else Image.objects.none()
    shown = {
        "image": image,
        "recipe": list(_recipe(image)),
        "mine": image.owner == request.user,
        "older": mine.filter(_older(place)).first(),
        "newer": mine.filter(_newer(place)).reverse().first(),
        "link": sharing.link(image, base_url=sharing.base_url(request)),
        "link_ends": timezone.now() + timedelta(seconds=settings.ALICE_LINK_SECONDS),
    }
    return render(request, "gallery/detail.html", shown)


@require_safe
@page
def thumbnail(request: PageRequest, pk: UUID) -> HttpResponseBase:
    return files.thumbnail(request, queries.one(request.user, pk))


@require_safe
@page
def picture(request: PageRequest, pk: UUID, suffix: str) -> HttpResponseBase:
    """The picture itself; `?download` makes the browser keep it under a telling name."""
    if suffix not in files.FORMATS:
        raise Http404
    image = queries.one(request.user, pk)
    reply = files.picture(request, image, suffix)
    if "download" in request.GET:
        name = f"alice-{image.created_at:%Y%m%d}-{image.seed}.{suffix}"
        reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


@require_http_methods(["GET", "POST"])
@page
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    """Asks, and on POST deletes a picture of the person's own: row, file and thumbnail."""
    image = owned(request.user).filter(pk=pk).first()
    if image is None:
        raise Http404
    if request.method == "GET":
        return render(request, "gallery/delete.html", {"image": image})
    storage.delete(image)
    messages.success(request, "The picture is deleted.")
    return redirect("gallery_pages:index")


def _leaf(request: PageRequest) -> dict[str, Any]:
    """One page of the wall, newest first, and the places its newer and older neighbours begin at.

    `?before=` reads on towards the older pictures, `?after=` back towards the newer ones.
    """
    before, after = request.GET.get("before"), request.GET.get("after")
    pictures = owned(request.user)
    if after is not None:
        pictures = pictures.filter(_newer(Place.parse(after))).reverse()
    elif before is not None:
        pictures = pictures.filter(_older(Place.parse(before)))
    found = list(pictures[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if after is not None:
        found.reverse()
    edges = [Place(image.created_at, image.pk).cursor() for image in found]
    has_newer = more if after is not None else before is not None
    has_older = more if after is None else True
    return {
        "images": found,
        "newer": edges[0] if edges and has_newer else None,
        "older": edges[-1] if edges and has_older else None,
    }


def _older(place: Place) -> Q:
    return Q(created_at__lt=place.created_at) | Q(created_at=place.created_at, pk__lt=place.id)


def _newer(place: Place) -> Q:
    return Q(created_at__gt=place.created_at) | Q(created_at=place.created_at, pk__gt=place.id)


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

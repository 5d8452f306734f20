"""Pages of the gallery: the wall of prints, one picture with its recipe, and its files."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.origin import base_url
from accounts.pages import PageRequest, page
from gallery import files, queries, sharing, storage
from gallery.models import Image
from gallery.web import recipes, walls
from gallery.web.answers import opened


def owned(user: User) -> QuerySet[Image]:
    return Image.objects.filter(owner=user).exclude(state=Image.State.DELETING)


@require_safe
@page
def index(request: PageRequest) -> HttpResponse:
    """The person's own pictures, newest first; pages by key, never by count or offset."""
    shown = {
        "wall": walls.wall(request.GET, request.user),
        "albums": request.user.albums.all(),
    }
    return render(request, "gallery/index.html", shown)


@require_safe
@page
def detail(request: PageRequest, pk: UUID) -> HttpResponse:
    image = opened(request, pk)
    mine = image.owner == request.user
    shown = {
        "image": image,
        "recipe": [*recipes.rows(image), ("Took", _took(image))],
        "mine": mine,
        "lost": image.state == Image.State.LOST,
        "watched": not mine and not image.shared,
        "tags": [tag.name for tag in image.tags.all()],
        **_filing(request.user, image),
        **(_owners_part(request, image) if mine else {}),
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
    image = opened(request, pk)
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


def _took(image: Image) -> str | None:
    return f"{image.generation_ms / 1000:.1f} s" if image.generation_ms else None


def _owners_part(request: PageRequest, image: Image) -> dict[str, Any]:
    """What only its owner is shown: neighbours, the signed link, words for tags."""
    here, mine = {"created_at": image.created_at}, owned(request.user)
    # One range bound each, which an index can start at; an OR of two would read from the top.
    older = mine.filter(created_at__lte=image.created_at).exclude(**here, pk__gte=image.pk)
    newer = mine.filter(created_at__gte=image.created_at).exclude(**here, pk__lte=image.pk)
    return {
        "older": older.first(),
        "newer": newer.reverse().first(),
        "link": sharing.link(image, base_url=base_url(request)),
        "link_ends": timezone.now() + timedelta(seconds=settings.ALICE_LINK_SECONDS),
        "known_tags": sorted(walls.newest(request.user).tags),
    }


def _filing(user: User, image: Image) -> dict[str, Any]:
    """The person's albums, with this picture and without."""
    every = list(user.albums.all())
    holding = set(user.albums.filter(entries__image=image).values_list("pk", flat=True))
    return {
        "filed": [album for album in every if album.pk in holding],
        "unfiled": [album for album in every if album.pk not in holding],
    }

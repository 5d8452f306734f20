"""Pages of albums: all of them with their covers, and one as a wall of prints."""

from collections import defaultdict
from uuid import UUID

from django.contrib import messages
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.pages import PageRequest, page
from accounts.problems import Invalid
from gallery import albums, queries
from gallery.models import Album, AlbumEntry
from gallery.web import walls
from gallery.web.answers import told

COVERS = 4


@require_http_methods(["GET", "HEAD", "POST"])
@page
def index(request: PageRequest) -> HttpResponse:
    """The person's albums; a POST makes one."""
    name, problem = request.POST.get("name", ""), ""
    if request.method == "POST":
        try:
            return redirect("gallery_pages:album", albums.make_album(request.user, name).pk)
        except Invalid as refused:
            problem = refused.message
    shown = {"albums": _with_covers(request.user), "name": name, "problem": problem}
    return render(request, "gallery/albums.html", shown, status=400 if problem else 200)


@require_safe
@page
def album(request: PageRequest, pk: UUID) -> HttpResponse:
    found = albums.album_of(request.user, pk)
    shown = {
        "album": found,
        "wall": walls.wall(request.GET, request.user, found),
        "albums": request.user.albums.all(),
    }
    return render(request, "gallery/album.html", shown)


@require_POST
@page
def rename(request: PageRequest, pk: UUID) -> HttpResponse:
    with told(request):
        albums.rename(albums.album_of(request.user, pk), request.POST.get("name", ""))
    return redirect("gallery_pages:album", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    """Asks, and on POST drops the album; its pictures stay where they are."""
    found = albums.album_of(request.user, pk)
    if request.method == "POST":
        albums.drop_album(found)
        messages.success(request, f"The album “{found.name}” is deleted; its pictures are not.")
        return redirect("gallery_pages:albums")
    shown = {
        "question": f"Delete the album “{found.name}”?",
        "explanation": "Its pictures stay in the gallery.",
        "them": "it",
        "verb": "Delete the album",
        "back": reverse("gallery_pages:album", args=[pk]),
    }
    return render(request, "gallery/sure.html", shown)


def _with_covers(user: User) -> list[dict[str, object]]:
    """Each album with its newest pictures that the person may still see."""
    covers = defaultdict[UUID, list[UUID]](list)
    place = Window(RowNumber(), partition_by=F("album"), order_by=["-added_at", "-pk"])
    newest = AlbumEntry.objects.filter(queries.visible("image__", user), album__owner=user)
    for entry in newest.annotate(place=place).filter(place__lte=COVERS).order_by("place"):
        covers[entry.album_id].append(entry.image_id)
    return [_card(found, covers[found.pk]) for found in albums.albums_of(user)]


def _card(found: Album, covers: list[UUID]) -> dict[str, object]:
    return {"pk": found.pk, "name": found.name, "count": found.count, "covers": covers}

"""Forms on the page of one picture: its marks, tags, albums and who else sees it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.pages import PageRequest, page
from gallery import albums, curating, queries, sharing
from gallery.web.answers import keys, own, to_picture, told, whole, words


@require_POST
@page
def mark(request: PageRequest, pk: UUID) -> HttpResponse:
    """`favourite` and `keep`, "1" or "0"; what is not sent stays."""
    image, by = own(request.user, pk), audit.source(request)
    if "favourite" in request.POST:
        curating.set_favourite(image, request.POST["favourite"] == "1", by)
    if "keep" in request.POST:
        curating.set_keep(image, request.POST["keep"] == "1", by)
    return to_picture(request, image)


@require_POST
@page
def tags(request: PageRequest, pk: UUID) -> HttpResponse:
    """`add`: words between commas; `remove`: one tag."""
    image, by = own(request.user, pk), audit.source(request)
    with told(request):
        if added := words(request.POST.get("add", "")):
            curating.add_tags(image, added, by)
        if removed := request.POST.get("remove"):
            curating.drop_tags(image, [removed], by)
    return to_picture(request, image)


@require_POST
@page
def file(request: PageRequest, pk: UUID) -> HttpResponse:
    """Into an album (`add`: its id, or `make`: the name of a new one) or out of one (`remove`)."""
    image = queries.one(request.user, pk)
    sent = request.POST
    with told(request):
        for key in keys(sent.getlist("remove")):
            albums.remove_from_album(albums.album_of(request.user, key), [image.pk])
        for key in keys(sent.getlist("add")):
            albums.add_to_album(albums.album_of(request.user, key), [image])
        if name := sent.get("make"):
            albums.add_to_album(albums.make_album(request.user, name), [image])
    return to_picture(request, image)


@require_POST
@page
def share(request: PageRequest, pk: UUID) -> HttpResponse:
    """`public` "1" for `hours`, from now on, or "0": an end at once."""
    image, by = own(request.user, pk), audit.source(request)
    public = request.POST.get("public") == "1"
    with told(request):
        hours = whole(request.POST.get("hours", ""), sharing.DEFAULT_HOURS) if public else 1
        sharing.set_privacy(image, public=public, hours=hours, by=by)
        said = f"Shared until {image.public_until:%-d %B, %H:%M} UTC." if public else "Private now."
        messages.success(request, said)
    return to_picture(request, image)

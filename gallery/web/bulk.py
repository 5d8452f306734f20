"""The form under a wall: one deed for all pictures that are ticked."""

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.pages import PageRequest, page
from accounts.problems import Invalid
from gallery import albums, archive, queries
from gallery import bulk as deeds
from gallery.models import Image
from gallery.sharing import DEFAULT_HOURS
from gallery.web.answers import back, keys, told, whole, words

DONE = {
    deeds.Action.DELETE: "deleted",
    deeds.Action.SHARE: "shared",
    deeds.Action.UNSHARE: "private now",
    deeds.Action.FAVOURITE: "marked as favourites",
    deeds.Action.UNFAVOURITE: "no longer favourites",
    deeds.Action.KEEP: "kept",
    deeds.Action.UNKEEP: "no longer kept",
    deeds.Action.TAG: "tagged",
    deeds.Action.UNTAG: "without these tags",
}


@require_POST
@page
def bulk(request: PageRequest) -> HttpResponseBase:
    """`action` for `ids`; a deletion asks first, unless `sure` says that it was asked."""
    action = request.POST.get("action", "")
    answer: HttpResponseBase | None = None
    with told(request):
        ids = keys(request.POST.getlist("ids"))
        if not ids:
            raise Invalid("Select pictures first.", param="ids")
        answer = ASKING.get(action, _do)(request, ids)
    return answer or back(request, reverse("gallery_pages:index"))


def _do(request: PageRequest, ids: Sequence[UUID]) -> None:
    sent = request.POST
    if sent.get("action") not in set(deeds.Action):
        raise Invalid("There is no such action.", param="action")
    action = deeds.Action(sent["action"])
    outcomes = deeds.apply(
        request.user,
        ids,
        action,
        audit.source(request),
        hours=whole(sent.get("hours", ""), DEFAULT_HOURS),
        tags=words(sent.get("tags", "")),
    )
    done = sum(outcome.status == "done" for outcome in outcomes)
    if done:
        messages.success(request, f"{counted(done)} {DONE[action]}.")
    for message in dict.fromkeys(o.message for o in outcomes if o.status != "done"):
        count = sum(outcome.message == message for outcome in outcomes)
        messages.error(request, f"{counted(count)} left as they were: {message}")


def _delete(request: PageRequest, ids: Sequence[UUID]) -> HttpResponse | None:
    if request.POST.get("sure"):
        _do(request, ids)
        return None
    images = [image for image in _seen(request, ids) if image.owner_id == request.user.pk]
    if not images:
        raise Invalid("None of these pictures is yours to delete.", param="ids")
    next_page = request.POST.get("next", "")
    shown = {
        "question": f"Delete {counted(len(images))}?",
        "explanation": "The files and their links are gone for good.",
        "images": images,
        "kept": [("action", "delete"), ("next", next_page), *(("ids", i.pk) for i in images)],
        "them": "them",
        "verb": "Delete for good",
        "back": reverse("gallery_pages:index"),
    }
    return render(request, "gallery/sure.html", shown)


def _to_album(request: PageRequest, ids: Sequence[UUID]) -> None:
    sent = request.POST
    chosen = sent.get("to_album", "")
    name = sent.get("new_album", "").strip()
    if not chosen and not name:
        raise Invalid("Which album? Choose one or name a new one.", param="new_album")
    images = _seen(request, ids)
    if name:
        album = albums.make_album(request.user, name)
    else:
        album = albums.album_of(request.user, keys([chosen])[0])
    added = albums.add_to_album(album, images)
    messages.success(request, f"{counted(added)} added to “{album.name}”.")


def _out_of_album(request: PageRequest, ids: Sequence[UUID]) -> None:
    album = albums.album_of(request.user, keys([request.POST.get("album", "")])[0])
    gone = albums.remove_from_album(album, ids)
    messages.success(request, f"{counted(gone)} taken out of “{album.name}”.")


def _compare(request: PageRequest, ids: Sequence[UUID]) -> HttpResponse:
    if len(ids) > 2:
        raise Invalid("Compare takes two pictures.", param="ids")
    sides = dict(zip(("left", "right"), map(str, ids), strict=False))
    return redirect(f"{reverse('gallery_pages:compare')}?{urlencode(sides)}")


def _download(request: PageRequest, ids: Sequence[UUID]) -> HttpResponseBase:
    wanted = archive.some_of(request.user, ids)
    return archive.reply(archive.exportable(request.user, wanted))


def _seen(request: PageRequest, ids: Sequence[UUID]) -> list[Image]:
    """Those that the person may see, newest first; Invalid for too many."""
    if len(ids) > deeds.LARGEST:
        raise Invalid(f"At most {deeds.LARGEST} pictures at once.", param="ids")
    visible = queries.visible("", request.user)
    return list(Image.objects.filter(visible, pk__in=ids).select_related("owner"))


def counted(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


ASKING = {
    "delete": _delete,
    "album": _to_album,
    "unalbum": _out_of_album,
    "compare": _compare,
    "download": _download,
}

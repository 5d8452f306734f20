"""What a form of the gallery's pages answers: back to where it was sent from, with a word."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import audit
from accounts.models import User
from accounts.pages import PageRequest
from accounts.problems import Invalid, NotFound
from gallery import queries, sharing
from gallery.errors import GONE
from gallery.models import Image


@contextmanager
def told(request: PageRequest) -> Iterator[None]:
    """A wish that cannot be met is said on the page that is shown next."""
    try:
        yield
    except Invalid as problem:
        messages.error(request, problem.message)


def back(request: PageRequest, otherwise: str) -> HttpResponse:
    """To the page named by the form, if it is one of ours."""
    wanted = request.POST.get("next", "")
    ours = wanted.startswith("/web/") and url_has_allowed_host_and_scheme(wanted, None)
    return redirect(wanted if ours else otherwise)


def to_picture(request: PageRequest, image: Image) -> HttpResponse:
    return back(request, reverse("gallery_pages:detail", args=[image.pk]))


def opened(request: PageRequest, pk: UUID) -> Image:
    """A picture the person may see; staff who look at a private one leave a trace."""
    image = queries.one(request.user, pk)
    sharing.note_view(image, audit.source(request))
    return image


def own(user: User, pk: UUID) -> Image:
    """A picture of the person's own: for a form, what is shared is as little theirs as the rest."""
    image = queries.one(user, pk)
    if image.owner_id != user.pk:
        raise NotFound(GONE)
    return image


def whole(text: str, otherwise: int) -> int:
    """A whole number from a form; Invalid for any other text, `otherwise` for none."""
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Invalid("This must be a whole number.")
    return int(text)


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [word for part in text.split(",") if (word := part.strip())]


def keys(texts: list[str]) -> list[UUID]:
    """Ids from a form; Invalid for what is none."""
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise Invalid("This is no picture's id.", param="ids") from None

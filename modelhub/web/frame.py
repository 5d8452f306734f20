"""The pages under /web/models: who may see which, and how they hang together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from accounts.pages import PageRequest, page
from accounts.web.administration import staff_page

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Tab:
    """One section; its page is named `modelhub_pages:{name}`."""

    name: str
    title: str
    staff: bool

    @property
    def url(self) -> str:
        try:
            return reverse(f"modelhub_pages:{self.name}")
        except NoReverseMatch:
            return ""


# Everybody who is signed in reads what is installed; fetching and searching are for staff, and their
# pages stand behind accounts.web.administration.staff_page.
TABS = (
    Tab("models", "Models", staff=False),
    Tab("downloads", "Downloads", staff=True),
    Tab("search", "Search", staff=True),
)


def is_staff(request: HttpRequest) -> bool:
    """Whether the page offers staff's tabs and buttons; what they lead to asks again by itself."""
    return isinstance(request.user, User) and request.user.is_staff


def readable(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for everybody signed in, on which staff do more.

    With authentication off everybody is `local`, but whoever signed in as staff stays that.
    """
    for_everybody, for_staff = page(view), staff_page(view)

    @wraps(view)
    def chosen(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        guarded = for_staff if is_staff(request) else for_everybody
        return guarded(request, *args, **kwargs)

    return chosen


def show(
    request: HttpRequest, tab: str, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """`template`, which extends modelhub/layout.html, as the section called `tab`."""
    staff = is_staff(request)
    frame = {
        "tabs": [known for known in TABS if known.url and (staff or not known.staff)],
        "tab": next(known for known in TABS if known.name == tab),
        "staff": staff,
    }
    return render(request, template, frame | dict(context), status=status)

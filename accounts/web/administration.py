"""The pages for staff under /web/administration/: who may see them, and how they hang together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import add_never_cache_headers

from accounts import refusals, second_factor
from accounts.models import LOCAL_USERNAME, Registration, User
from accounts.pages import PageRequest
from accounts.problems import Forbidden

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Tab:
    """One section; its page is named `accounts_pages:administration_{name}`."""

    name: str
    title: str

    @property
    def url(self) -> str:
        try:
            return reverse(f"accounts_pages:administration_{self.name}")
        except NoReverseMatch:
            return ""


TABS = (
    Tab("users", "Users"),
    Tab("requests", "Requests"),
    Tab("invites", "Invites"),
    Tab("keys", "Keys"),
    Tab("quotas", "Quotas"),
    Tab("audit", "Audit"),
)


def staff_page(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for staff: strangers are led to the login and back, others get a 403.

    With authentication off the session still decides: `local` is no staff. No cache keeps it.
    For what a stolen session must not do add ``@signing_in.recent`` below this one.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or not user.is_active or user.username == LOCAL_USERNAME:
            return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
        if not user.is_staff:
            refusals.note(request, user)
            raise Forbidden("This page is for staff.")
        if second_factor.missing(request, user):
            return redirect("accounts_pages:set_up_second_factor")
        reply = view(request, *args, **kwargs)  # type: ignore[arg-type]  # its user is known now
        if not reply.has_header("Cache-Control"):
            add_never_cache_headers(reply)
        return reply

    return guarded


def show(
    request: HttpRequest, tab: str, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """`template`, which extends accounts/administration.html, as the section called `tab`."""
    frame = {
        "tabs": [known for known in TABS if known.url],
        "tab": next(known for known in TABS if known.name == tab),
        "waiting": Registration.objects.filter(status=Registration.Status.PENDING).count(),
    }
    return render(request, template, frame | dict(context), status=status)

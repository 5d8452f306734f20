"""Who may see a page under /web/ at all."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers

from accounts import second_factor
from accounts.local import local_user
from accounts.models import LOCAL_USERNAME, User

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request that a known person made."""

    user: User


def person(request: HttpRequest) -> User | None:
    """Who looks at a page: the session's user, or `local` when authentication is off."""
    if not settings.ALICE_REQUIRE_AUTH:
        return local_user()
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active or user.username == LOCAL_USERNAME:
        return None
    return user


def require_account(user: User) -> User:
    """With authentication off everybody is `local`, who has no account to look after: a 404."""
    if user.username == LOCAL_USERNAME:
        raise Http404
    return user


def page(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for people who are signed in: everybody else is led to the login and back.

    Whose role asks for a second factor that is not there yet is led to set it up. Unless a view
    says otherwise, nothing is kept by a cache: what one person saw must not meet the next one at
    the same screen.
    """

    @wraps(view)
    def complete(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if second_factor.missing(request, request.user):
            return redirect("accounts_pages:set_up_second_factor")
        return view(request, *args, **kwargs)

    return early_page(complete)


def early_page(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """As page, also for those who still have to set up their second factor."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user = person(request)
        if user is None:
            return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
        request.user = user
        reply = view(request, *args, **kwargs)  # type: ignore[arg-type]  # its user is known now
        if not reply.has_header("Cache-Control"):
            add_never_cache_headers(reply)
        return reply

    return guarded

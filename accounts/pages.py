"""Pages of an account, and who may see a page at all."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST

from accounts import keys
from accounts.authentication import PLAIN_SCOPES
from accounts.local import local_user
from accounts.models import LOCAL_USERNAME, SCOPES, ApiKey, User
from accounts.problems import Problem

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


def page(
    view: Callable[Concatenate[PageRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for people who are signed in: everybody else is led to the login and back.

    Unless a view says otherwise, nothing is kept by a cache: what one person saw must not meet
    the next one at the same screen.
    """

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


class Login(LoginView):
    """Signs a person in; `next` is followed only to a page of this server."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.ALICE_REQUIRE_AUTH:
            return redirect("pages:dashboard")
        return super().dispatch(request, *args, **kwargs)


@require_http_methods(["GET", "POST"])
@page
def account(request: PageRequest) -> HttpResponse:
    """The person's own keys; a POST makes one and shows its secret this one time."""
    secret, problem = "", ""
    if request.method == "POST":
        wanted = request.POST.getlist("scopes")
        try:
            _, secret = keys.mint(request.user, request.POST.get("name", ""), wanted)
        except Problem as refused:
            problem = refused.message
    offered = SCOPES if request.user.is_staff else [s for s in SCOPES if s in PLAIN_SCOPES]
    shown: dict[str, Any] = {
        "keys": request.user.api_keys.filter(revoked_at=None),
        "scopes": offered,
        "secret": secret,
        "problem": problem,
        "server": settings.ALICE_PUBLIC_URL or request.build_absolute_uri("/").rstrip("/"),
        "holds_keys": request.user.username != LOCAL_USERNAME,
    }
    return render(request, "accounts/account.html", shown, status=400 if problem else 200)


@require_POST
@page
def revoke_key(request: PageRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=pk, user=request.user)
    keys.revoke(key)
    messages.success(request, f"The key “{key.name}” no longer opens anything.")
    return redirect("accounts_pages:account")

"""Pages of signing in by the provider: going there, coming back, and what becomes of it."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, lockout, openid, registration, signing_in, throttle
from accounts.models import OpenIdentity, User
from accounts.openid import guests, identities, journey
from accounts.openid.guests import Guest
from accounts.openid.journey import ENTER, LINK, PROVE, Errand, Stale
from accounts.openid.provider import ProviderDown
from accounts.openid.tokens import LEEWAY_SECONDS, Claims, Untrusted
from accounts.pages import PageRequest, page, person, require_account
from accounts.problems import Forbidden, Invalid, Problem
from accounts.registration import Application

P = ParamSpec("P")

# Departures and returns a minute from one address: each may ask the provider.
TRIPS = 30


def told(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page of this kind: nothing while there is no provider, and refusals that say how to go on."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not openid.enabled():
            raise Http404
        try:
            lockout.require_open(request)
            reply = view(request, *args, **kwargs)
        except lockout.Locked as lock:
            return signing_in.locked_page(request, lock)
        except Problem as problem:
            reply = _refusal(request, problem)
        add_never_cache_headers(reply)
        return reply

    return guarded


@require_safe
@told
def enter(request: HttpRequest) -> HttpResponse:
    """To the provider, to sign in; `next` is followed only to a page of this server."""
    then = signing_in.local_path(request, request.GET.get("next", ""))
    if isinstance(request.user, User):
        return redirect(then)
    return _depart(request, Errand(ENTER, then))


@require_safe
@told
def prove(request: HttpRequest) -> HttpResponse:
    """To the provider, to prove once more who one is."""
    then = signing_in.local_path(request, request.GET.get("next", ""))
    if not isinstance(request.user, User):
        return redirect(f"/web/confirm?{urlencode({'next': then})}")
    return _depart(request, Errand(PROVE, then, request.user.pk))


@require_safe
@told
def begin_link(request: HttpRequest) -> HttpResponse:
    """To the provider, for an identity that is to open this account.

    Whoever must sign in or confirm first is led to the page before this: the content security
    policy ends a form's way at our own door, so that it may not lead here and on.
    """
    if not isinstance(request.user, User) or not signing_in.is_recent(request):
        return redirect("accounts_pages:link_openid")
    return _depart(request, Errand(LINK, reverse("accounts_pages:security"), request.user.pk))


@require_safe
@told
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends people back to."""
    _count(request)
    errand, claims, left_at = journey.arrive(request)
    if errand.purpose == ENTER:
        return _enter(request, errand, claims)
    if errand.user != request.user.pk:
        raise Stale
    if errand.purpose == PROVE:
        return _proved(request, errand, claims, left_at)
    guests.remember(request, Guest(claims, errand))
    return redirect("accounts_pages:link_openid")


@require_http_methods(["GET", "POST"])
@told
@page
@signing_in.recent
def link(request: PageRequest) -> HttpResponse:
    """The way to the provider; back from there it asks whether this is the right identity.

    Somebody else may have signed this browser in there.
    """
    require_account(request.user)
    guest = guests.remembered(request, LINK)
    if request.method != "POST":
        shown = {"provider": openid.label(), "guest": guest}
        return render(request, "accounts/openid_link.html", shown)
    if guest is None:
        raise Stale
    identities.link(request.user, guest.claims, audit.source(request))
    guests.forget(request)
    messages.success(request, f"You can sign in with {openid.label()} from now on.")
    return redirect(guest.errand.then)


@require_POST
@page
@signing_in.recent
def unlink(request: PageRequest, pk: int) -> HttpResponse:
    """Also of a provider that is not there any more."""
    identity = get_object_or_404(OpenIdentity, pk=pk, user=request.user)
    try:
        identities.unlink(identity, request.user, audit.source(request))
    except Invalid as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, "The identity opens this account no more.")
    return redirect("accounts_pages:security")


@require_http_methods(["GET", "POST"])
@told
def welcome(request: HttpRequest) -> HttpResponseBase:
    """The account of somebody who came by the provider: its name, and what the mode asks for."""
    guest = guests.remembered(request, ENTER)
    if person(request) is not None:
        return redirect("pages:dashboard")
    if guest is None:
        raise Stale
    problem: Problem | None = None
    if request.method == "POST":
        try:
            return _welcomed(request, guest)
        except Problem as refused:
            problem = refused
    return _form(request, guest, problem)


def _depart(request: HttpRequest, errand: Errand) -> HttpResponse:
    _count(request)
    return journey.depart(request, errand)


def _count(request: HttpRequest) -> None:
    here = throttle.neighbourhood(audit.stranger(request).address)
    throttle.hit(f"openid {here}", TRIPS)


def _enter(request: HttpRequest, errand: Errand, claims: Claims) -> HttpResponse:
    identity = identities.find(claims)
    if identity is None:
        return _strange(request, errand, claims)
    if identity.user is None:
        return redirect("accounts_pages:registration", identity.registration_id)
    if not identity.user.is_active:
        raise identities.refused(claims, audit.stranger(request), "inactive")
    identities.used(identity)
    return signing_in.admit(request, identity.user, errand.then, by="openid")


def _strange(request: HttpRequest, errand: Errand, claims: Claims) -> HttpResponse:
    try:
        registration.require_open()
    except Forbidden:
        raise identities.refused(claims, audit.stranger(request), "unknown") from None
    guests.remember(request, Guest(claims, errand))
    return redirect("accounts_pages:openid_welcome")


def _proved(request: HttpRequest, errand: Errand, claims: Claims, left_at: float) -> HttpResponse:
    identity, at = identities.find(claims), claims.signed_in_at
    if identity is None or identity.user != request.user or not identity.user.is_active:
        raise identities.refused(claims, audit.source(request), "another")
    now = time.time()
    # A provider that took an old sign-in for a proof is not to be believed.
    if at is None or not left_at - LEEWAY_SECONDS <= at <= now + LEEWAY_SECONDS:
        raise Untrusted("The provider did not ask you anew, so this proves nothing.")
    identities.used(identity)
    return signing_in.vouched(request, identity.user, errand.then)


def _welcomed(request: HttpRequest, guest: Guest) -> HttpResponse:
    given = request.POST
    message, code = given.get("message", ""), given.get("invite", "").strip()
    registration.check_words(message, code)
    wanted = Application(given.get("username", ""), "", guest.claims.email, message, code)
    row = guests.register(guest.claims, wanted, audit.stranger(request))
    guests.forget(request)
    if row.user is None:
        return redirect("accounts_pages:registration", row.pk)
    return signing_in.admit(request, row.user, guest.errand.then, by="openid")


def _form(request: HttpRequest, guest: Guest, problem: Problem | None) -> HttpResponse:
    shown = _seen(guest) | {
        "username": request.POST.get("username", guest.claims.username),
        "message": request.POST.get("message", ""),
        "invite": request.POST.get("invite", ""),
        "problem": problem,
        "param": problem.param if problem else None,
    }
    status = problem.status if problem else 200
    reply = render(request, "accounts/openid_welcome.html", shown, status=status)
    for name, value in (problem.headers if problem else {}).items():
        reply[name] = value
    return reply


def _seen(guest: Guest) -> dict[str, Any]:
    return {
        "provider": openid.label(),
        "guest": guest,
        "mode": settings.ALICE_REGISTRATION,
    }


def _refusal(request: HttpRequest, problem: Problem) -> HttpResponse:
    shown = {
        "provider": openid.label(),
        "problem": problem,
        "down": isinstance(problem, ProviderDown),
        "here": isinstance(request.user, User),
    }
    reply = render(request, "accounts/openid_problem.html", shown, status=problem.status)
    for name, value in problem.headers.items():
        reply[name] = value
    return reply

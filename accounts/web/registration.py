"""The pages of a stranger who wants an account."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit, invites, registration
from accounts.pages import person
from accounts.problems import Invalid, Problem
from accounts.registration import Application

# What a form shows again after a refusal: never a password.
KEPT = ("username", "email", "message", "invite")


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponseBase:
    """The form for an account; `?invite=` brings the code of an invite along."""
    if person(request) is not None:
        return redirect("pages:dashboard")
    problem: Problem | None = None
    if request.method == "POST":
        try:
            row = registration.register(_application(request), audit.stranger(request))
            return redirect("accounts_pages:registration", row.pk)
        except Problem as refused:
            problem = refused
    return _form(request, problem)


@require_safe
def state(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What became of a registration; its address is known to the one who registered."""
    row = registration.find(pk, audit.stranger(request))
    reply = render(request, "accounts/registration.html", {"registration": row})
    add_never_cache_headers(reply)
    return reply


def _application(request: HttpRequest) -> Application:
    given = request.POST
    if given.get("password", "") != given.get("again", ""):
        raise Invalid("The two passwords differ.", param="again")
    message, code = given.get("message", ""), given.get("invite", "").strip()
    registration.check_words(message, code)
    email = given.get("email", "").strip()
    return Application(given.get("username", ""), given.get("password", ""), email, message, code)


def _form(request: HttpRequest, problem: Problem | None) -> HttpResponse:
    mode = settings.ALICE_REGISTRATION
    given = {name: request.POST.get(name, "") for name in KEPT}
    code = given["invite"] or request.GET.get("invite", "")[: invites.LONGEST_CODE]
    invited = bool(code) and mode != registration.CLOSED
    shown: dict[str, Any] = {
        "mode": mode,
        "given": given | {"invite": code},
        "invited": invited,
        # Said before anybody fills in the rest: who can guess a code needs no hint.
        "dead": invited and problem is None and not invites.is_live(code),
        "problem": problem,
        "param": problem.param if problem else None,
    }
    closed = 403 if mode == registration.CLOSED else 200
    status = problem.status if problem else closed
    reply = render(request, "accounts/register.html", shown, status=status)
    for name, value in (problem.headers if problem else {}).items():
        reply[name] = value
    add_never_cache_headers(reply)
    return reply

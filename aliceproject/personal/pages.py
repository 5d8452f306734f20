"""The page of one's own data: how long it is kept, take it away, have it erased."""

from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from accounts.models import LOCAL_USERNAME, User
from accounts.pages import PageRequest, page
from accounts.problems import Invalid, Problem
from accounts.signing_in import recent
from accounts.web import people
from aliceproject.personal import erase, export, views
from gallery import retention


def _erase(user: User, by: audit.Source) -> None:
    """What cannot be undone takes two steps: somebody may still be at work with the account."""
    if user.is_active:
        raise Invalid("Deactivate the account first.", code="still_active")
    erase.start(user, by)


# The list of people belongs to a lower layer, which knows nothing of what is erased with them.
people.DEEDS["erase"] = people.Deed(
    _erase,
    "Erase {}?",
    "The account, its pictures with their files, its jobs, albums and keys are deleted for good. "
    "Nobody can bring them back.",
    "Erase",
    "{} is being erased.",
    recent=True,
)


@require_safe
@page
def data(request: PageRequest) -> HttpResponse:
    return _shown(request)


@require_POST
@page
def keeping(request: PageRequest) -> HttpResponse:
    """`days` after which the person's pictures go; empty: as long as the server keeps them."""
    try:
        retention.set_days(request.user, _days(request.POST.get("days", "").strip()))
    except Problem as refused:
        return _shown(request, keeping_problem=refused.message)
    messages.success(request, "Saved.")
    return redirect("personal_pages:data")


@require_POST
@page
@recent
def export_all(request: PageRequest) -> HttpResponseBase:
    try:
        return views.download(request.user, audit.source(request, request.user))
    except Problem as refused:
        return _shown(request, export_problem=refused.message)


@require_POST
@page
@recent
def erase_account(request: PageRequest) -> HttpResponse:
    """Erases the account whose name was typed, and ends this session."""
    user = request.user
    try:
        views.confirm(user, request.POST.get("confirm", ""))
        erase.start(user, audit.source(request, user))
    except Problem as refused:
        wrong = refused.param == "confirm"
        words = "This is not your user name: type it exactly as it is shown."
        return _shown(request, erase_problem=words if wrong else refused.message)
    auth.logout(request)
    messages.success(request, "Your account is erased.")
    return redirect(settings.LOGIN_URL)


def _shown(request: PageRequest, **problems: str) -> HttpResponse:
    user = request.user
    shown: dict[str, Any] = {
        "has": export.summary(user),
        "days": retention.days_of(user),
        "server_days": settings.ALICE_RETENTION_DAYS or None,
        "server_gigabytes": settings.ALICE_RETENTION_GB or None,
        "longest": retention.LONGEST_DAYS,
        "erasable": user.username != LOCAL_USERNAME,
        **problems,
    }
    return render(request, "accounts/data.html", shown, status=400 if problems else 200)


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise Invalid("Days: a whole number.", param="days")
    if not 1 <= int(text) <= retention.LONGEST_DAYS:
        raise Invalid(f"Days: from 1 to {retention.LONGEST_DAYS}.", param="days")
    return int(text)

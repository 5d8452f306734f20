"""The page on which staff make and revoke invites."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, invites
from accounts.models import Invite
from accounts.origin import base_url
from accounts.pages import PageRequest
from accounts.problems import Invalid, Problem
from accounts.signing_in import recent
from accounts.web.administration import show, staff_page

# What a page offers; over the API an invite ends at any time. Days, 0: never.
LIVES = {"1": "a day", "7": "a week", "30": "30 days", "0": "it is revoked"}
USUAL = {"uses": "1", "days": "7", "note": ""}
SHOWN = 200


@require_http_methods(["GET", "POST"])
@staff_page
def listed(request: PageRequest) -> HttpResponseBase:
    """The newest invites; a POST makes one and shows its link this one time."""
    return _make(request) if request.method == "POST" else _shown(request, USUAL)


@recent
def _make(request: PageRequest) -> HttpResponse:
    given = {name: request.POST.get(name, usual) for name, usual in USUAL.items()}
    try:
        address = _made(request, given)
    except Problem as refused:
        return _shown(request, given, problem=refused.message)
    return _shown(request, USUAL, address=address)


@require_POST
@staff_page
def revoke(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Invite, pk=pk)
    invites.revoke(row, audit.source(request))
    messages.success(request, f"The invite {row.hint}… lets nobody in any more.")
    return redirect("accounts_pages:administration_invites")


def _shown(
    request: PageRequest, given: Mapping[str, str], address: str = "", problem: str = ""
) -> HttpResponse:
    rows = Invite.objects.select_related("created_by")[:SHOWN]
    shown = {
        "invites": [(row, invites.state(row)) for row in rows],
        "address": address,
        "problem": problem,
        "given": given,
        "lives": LIVES.items(),
        "most": invites.MOST_USES,
        "mode": settings.ALICE_REGISTRATION,
    }
    return show(request, "invites", "accounts/invites.html", shown, 400 if problem else 200)


def _made(request: PageRequest, given: dict[str, str]) -> str:
    """The address of the new invite. Raises Invalid."""
    uses = given["uses"]
    if not (uses.isascii() and uses.isdigit() and len(uses) < 10):
        raise Invalid("How often it may be used is a whole number.", param="uses")
    by = audit.source(request)
    _, code = invites.make(by, uses=int(uses), expires_at=_end(given["days"]), note=given["note"])
    return invites.link(base_url(request), code)


def _end(days: str) -> datetime | None:
    if days not in LIVES:
        raise Invalid("Choose how long it lives.", param="days")
    return timezone.now() + timedelta(days=int(days)) if days != "0" else None

"""The pages of API keys: a person's own, and everybody's for staff."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.shortcuts import render as rendered
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, keys
from accounts.authentication import PLAIN_SCOPES
from accounts.models import LOCAL_USERNAME, SCOPES, ApiKey
from accounts.origin import base_url
from accounts.pages import PageRequest, page
from accounts.problems import Invalid, Problem
from accounts.signing_in import recent
from accounts.web.administration import show, staff_page

# What each scope means to the person who ticks it.
SCOPE_WORDS = {
    "generate": "make pictures, follow and cancel own jobs",
    "read": "see and change own pictures",
    "models": "manage models",
    "admin": "manage people, keys and the server",
}
# What a page offers; over the API a key ends at any time. Days, 0: never.
LIVES = {"30": "30 days", "90": "90 days", "365": "a year", "0": "for ever"}
USUAL_LIFE = "90"
# Hours, as the API counts them.
OVERLAPS = {"0": "at once", "1": "in an hour", "24": "in a day", "168": "in a week"}
USUAL_OVERLAP = "24"
STATES = ("live", "ended", "revoked")
KEYS_A_PAGE = 50
LONGEST_SEARCH = 200
SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Row:
    """A key as a page shows it. `state`: live, ending (rotated or close to its end), ended or
    revoked; `rate` in requests a minute, 0: no limit.
    """

    key: ApiKey
    state: str
    rate: int

    @property
    def live(self) -> bool:
        return self.state in {"live", "ending"}

    @property
    def rotatable(self) -> bool:
        """Not while a successor lives; where its secret was lost, and so it was revoked, once more."""
        return self.live and not (self.key.successor and self.key.successor.active)


@require_http_methods(["GET", "POST"])
@page
def account(request: PageRequest) -> HttpResponseBase:
    """The person's own keys; a POST makes one and shows its secret this one time."""
    return _make(request) if request.method == "POST" else _shown(request)


@recent
def _make(request: PageRequest) -> HttpResponse:
    given = request.POST
    try:
        _, secret = keys.mint(
            request.user,
            given.get("name", ""),
            given.getlist("scopes"),
            _end(given.get("days", USUAL_LIFE)),
            _rate(given.get("rate", "")),
            by=audit.source(request),
        )
    except Problem as refused:
        return _shown(request, problem=refused)
    return _shown(request, secret=secret)


@require_POST
@page
@recent
def rotate(request: PageRequest, pk: int) -> HttpResponse:
    """Gives the key a successor and shows its secret this one time."""
    key = get_object_or_404(ApiKey, pk=pk, user=request.user)
    hours = request.POST.get("hours", USUAL_OVERLAP)
    try:
        if hours not in OVERLAPS:
            raise Invalid("Choose when the former key ends.", param="overlapHours")
        _, secret = keys.rotate(key, timedelta(hours=int(hours)), audit.source(request))
    except Problem as refused:
        return _shown(request, problem=refused)
    return _shown(request, secret=secret)


@require_POST
@page
def revoke(request: PageRequest, pk: int) -> HttpResponse:
    return _ended(request, get_object_or_404(ApiKey, pk=pk, user=request.user), "account")


@require_safe
@staff_page
def listed(request: PageRequest) -> HttpResponse:
    """Everybody's keys, of those whose name holds `q`, in one `state`."""
    search = request.GET.get("q", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    state = request.GET.get("state", "live")
    state = state if state in STATES else ""
    found = Paginator(_found(search, state), KEYS_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "page": found,
        "rows": _rows(found.object_list),
        "search": search,
        "state": state,
        "query": urlencode({"q": search, "state": state}),
    }
    return show(request, "keys", "accounts/keys.html", shown)


@require_POST
@staff_page
def revoke_any(request: PageRequest, pk: int) -> HttpResponse:
    return _ended(request, get_object_or_404(ApiKey, pk=pk), "administration_keys")


def _ended(request: PageRequest, key: ApiKey, then: str) -> HttpResponse:
    keys.revoke(key, audit.source(request))
    messages.success(request, f"The key “{key.name}” no longer opens anything.")
    return redirect(f"accounts_pages:{then}")


def _shown(request: PageRequest, secret: str = "", problem: Problem | None = None) -> HttpResponse:
    own = request.user.api_keys.filter(revoked_at=None)
    offered = [s for s in SCOPES if s in PLAIN_SCOPES or request.user.is_staff]
    given = request.POST if problem else {}
    shown = {
        "rows": _rows(own.select_related("successor__user").order_by("-pk")),
        "scopes": [(scope, SCOPE_WORDS[scope]) for scope in offered],
        "chosen": request.POST.getlist("scopes") if problem else sorted(PLAIN_SCOPES),
        "given": {"days": USUAL_LIFE} | {name: given.get(name, "") for name in given},
        "lives": LIVES.items(),
        "overlaps": OVERLAPS.items(),
        "usual_overlap": USUAL_OVERLAP,
        "usual_rate": settings.ALICE_KEY_RATE_LIMIT,
        "most": keys.MAX_RATE,
        "secret": secret,
        "problem": problem.message if problem else "",
        "wrong": problem.param if problem else None,
        "server": base_url(request),
        "holds_keys": request.user.username != LOCAL_USERNAME,
    }
    return rendered(request, "accounts/account.html", shown, status=400 if problem else 200)


def _found(search: str, state: str) -> QuerySet[ApiKey]:
    found = ApiKey.objects.select_related("user", "successor").order_by("-pk")
    if search:
        prefix = search.removeprefix(keys.MARK)[: keys.PREFIX_LENGTH]
        found = found.filter(
            Q(user__username__icontains=search) | Q(name__icontains=search) | Q(prefix=prefix)
        )
    over = Q(expires_at__lte=timezone.now())
    match state:
        case "revoked":
            return found.exclude(revoked_at=None)
        case "ended":
            return found.filter(over, revoked_at=None)
        case "live":
            return found.filter(revoked_at=None, user__is_active=True).exclude(over)
    return found


def _rows(found: Iterable[ApiKey]) -> list[Row]:
    return [Row(key, _state(key), keys.rate_of(key)) for key in found]


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if not key.active:
        return "ended"
    soon = key.expires_at is not None and key.expires_at < timezone.now() + SOON
    return "ending" if soon else "live"


def _end(days: str) -> datetime | None:
    if days not in LIVES:
        raise Invalid("Choose how long the key lives.", param="expiresAt")
    return timezone.now() + timedelta(days=int(days)) if days != "0" else None


def _rate(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("The limit is a whole number of requests a minute.", param="rateLimit")
    return int(text)

"""The pages on which staff look after people: who is there, and who wants to be."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, members, people, registration, signing_in
from accounts.models import LOCAL_USERNAME, Registration, User
from accounts.pages import PageRequest
from accounts.problems import Problem
from accounts.web.administration import show, staff_page

PEOPLE_A_PAGE = 50
REQUESTS_A_PAGE = 20
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Deed:
    """What a button does to an account, and the words around it. `{}` is the user's name."""

    act: Callable[[User, audit.Source], None]
    title: str
    text: str
    verb: str
    done: str
    # What a stolen session must not be able to do: it opens a door, or cannot be undone.
    recent: bool = False


DEEDS = {
    "deactivate": Deed(
        members.deactivate,
        "Deactivate {}?",
        "Sessions, API keys and open pages of this account end at once, its jobs are cancelled and "
        "its shared pictures close. Nothing is deleted.",
        "Deactivate",
        "{} is deactivated.",
    ),
    "reactivate": Deed(
        members.reactivate,
        "Reactivate {}?",
        "The account, its API keys and its shared pictures open again.",
        "Reactivate",
        "{} is active again.",
        recent=True,
    ),
    "make-staff": Deed(
        partial(members.set_role, staff=True),
        "Make {} staff?",
        "Staff see every picture and job, look after people, models and quotas, and may make "
        "others staff.",
        "Make staff",
        "{} is staff now.",
        recent=True,
    ),
    "make-user": Deed(
        partial(members.set_role, staff=False),
        "Make {} a plain user?",
        "The account keeps its pictures and loses every right over others, in its keys as well.",
        "Make plain user",
        "{} is a plain user now.",
        recent=True,
    ),
}


@require_safe
@staff_page
def index(request: PageRequest) -> HttpResponse:
    return redirect("accounts_pages:administration_users")


@require_safe
@staff_page
def users(request: PageRequest) -> HttpResponse:
    """Everybody, searched by `q`, of one `role`."""
    search = request.GET.get("q", "").replace("\0", "")[:LONGEST_SEARCH].strip()
    role = request.GET.get("role", "")
    role = role if role in {"user", "staff", "inactive"} else ""
    page = _page(people.found(search, role), PEOPLE_A_PAGE, request)
    rows = people.described(page.object_list)  # type: ignore[arg-type]  # a slice of users
    shown = {
        "people": [(row, _deeds(request.user, row.user)) for row in rows],
        "page": page,
        "search": search,
        "role": role,
        "query": urlencode({"q": search, "role": role}),
    }
    return show(request, "users", "accounts/people.html", shown)


@require_POST
@staff_page
def change_user(request: PageRequest, pk: int, deed: str) -> HttpResponseBase:
    """Do a deed; without `sure` only ask whether it is meant."""
    user = get_object_or_404(User.objects.exclude(username=LOCAL_USERNAME), pk=pk)
    if deed not in DEEDS:
        raise Http404
    chosen = DEEDS[deed]
    if "sure" not in request.POST:
        return _sure(request, "users", _words(chosen, user))
    change = signing_in.recent(_change) if chosen.recent else _change
    return change(request, user, chosen)


@require_safe
@staff_page
def requests(request: PageRequest) -> HttpResponse:
    """Who waits for an account, or with `status` who was approved or rejected."""
    status = request.GET.get("status", "")
    status = status if status in Registration.Status.values else "pending"
    rows = Registration.objects.filter(status=status).select_related(
        "decided_by", "invite", "user", "open_identity"
    )
    page = _page(rows, REQUESTS_A_PAGE, request)
    shown = {
        "page": page,
        "taken": people.taken(page.object_list),
        "status": status,
        "statuses": Registration.Status.choices,
        "query": urlencode({"status": status}),
        "mode": settings.ALICE_REGISTRATION,
    }
    return show(request, "requests", "accounts/requests.html", shown)


@require_POST
@staff_page
@signing_in.recent
def approve(request: PageRequest, pk: UUID) -> HttpResponse:
    row = get_object_or_404(Registration, pk=pk)
    done = partial(registration.approve, row, audit.source(request))
    return _told(request, done, f"{row.username} has an account now.")


@require_POST
@staff_page
def reject(request: PageRequest, pk: UUID) -> HttpResponse:
    """Refuse with a `reason`; without `sure` only ask for it."""
    row = get_object_or_404(Registration, pk=pk)
    if "sure" not in request.POST:
        words = {
            "title": f"Reject {row.username}?",
            "text": "Whoever asked sees the reason, if you give one.",
            "verb": "Reject",
            "reason": True,
        }
        return _sure(request, "requests", words)
    reason = request.POST.get("reason", "")
    done = partial(registration.reject, row, reason, audit.source(request))
    return _told(request, done, f"The request of {row.username} is rejected.")


def _change(request: PageRequest, user: User, chosen: Deed) -> HttpResponseBase:
    try:
        chosen.act(user, audit.source(request))
    except Problem as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, chosen.done.format(user.username))
    return redirect("accounts_pages:administration_users")


def _deeds(actor: User, user: User) -> list[tuple[str, dict[str, Any]]]:
    """What `actor` may do to `user`, as buttons."""
    if actor.pk == user.pk or (user.is_superuser and not actor.is_superuser):
        return []
    role = "make-user" if user.is_staff else "make-staff"
    names = [role, "deactivate"] if user.is_active else ["reactivate", "erase"]
    return [(name, _words(DEEDS[name], user)) for name in names if name in DEEDS]


def _words(deed: Deed, user: User) -> dict[str, Any]:
    return {"title": deed.title.format(user.username), "text": deed.text, "verb": deed.verb}


def _sure(request: PageRequest, tab: str, words: dict[str, Any]) -> HttpResponse:
    return show(request, tab, "accounts/sure.html", words)


def _told(request: PageRequest, done: Callable[[], object], words: str) -> HttpResponse:
    try:
        done()
    except Problem as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, words)
    return redirect("accounts_pages:administration_requests")


def _page(rows: QuerySet[Any], size: int, request: PageRequest) -> Page[Any]:
    return Paginator(rows, size).get_page(request.GET.get("page"))

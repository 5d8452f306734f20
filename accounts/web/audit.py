"""The page on which staff read the audit log, and take it away as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, streams, telling, trail, trail_files
from accounts.audit import Action
from accounts.models import AuditEntry
from accounts.pages import PageRequest
from accounts.problems import Invalid, Problem
from accounts.web.administration import show, staff_page

A_PAGE = 50
FILTERS = ("action", "actor", "target", "address", "since", "until")
# What staff look for first, in groups; an action in no group is a mistake a test finds.
GROUPS: Mapping[str, tuple[Action, ...]] = {
    "Signing in": (
        Action.LOGIN, Action.LOGIN_FAILED, Action.LOGIN_LOCKED, Action.LOGOUT,
        Action.PASSWORD_CHANGED, Action.SECOND_FACTOR_ADDED, Action.SECOND_FACTOR_REMOVED,
        Action.RECOVERY_CODES_RENEWED, Action.SESSIONS_ENDED, Action.OPENID_LINKED,
        Action.OPENID_UNLINKED, Action.OPENID_REFUSED, Action.ACCESS_REFUSED,
    ),
    "People": (
        Action.REGISTERED, Action.REGISTRATION_APPROVED, Action.REGISTRATION_REJECTED,
        Action.INVITE_CREATED, Action.INVITE_REVOKED, Action.USER_DEACTIVATED,
        Action.USER_REACTIVATED, Action.USER_ROLE_CHANGED, Action.USER_ERASED,
        Action.DATA_EXPORTED, Action.QUOTA_CHANGED, Action.GROUP_CHANGED, Action.ROW_DELETED,
    ),
    "Keys": (Action.KEY_CREATED, Action.KEY_ROTATED, Action.KEY_REVOKED),
    "Pictures and jobs": (
        Action.PRIVACY_CHANGED, Action.PRIVATE_PICTURE_VIEWED, Action.PICTURE_DELETED,
        Action.JOB_CHANGED, Action.GALLERY_CLEANED,
    ),
    "Models": (
        Action.MODELS_REFRESHED, Action.MODEL_CHANGED, Action.MODEL_UPLOADED, Action.MODEL_DELETED,
        Action.MODEL_DOWNLOAD_ASKED, Action.MODEL_DOWNLOAD_CANCELLED,
        Action.MODEL_DOWNLOAD_FORGOTTEN, Action.MODEL_DOWNLOADED,
    ),
    "This log": (Action.AUDIT_EXPORTED,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it. `actor`: whether who acted is still here; `person`: the name
    of the user it was done to; `target`: what finds everything else done to the same.
    """

    entry: AuditEntry
    text: str
    actor: bool
    person: str
    target: str

    @property
    def facts(self) -> dict[str, Any]:
        facts = self.entry.detail.items()
        return {name.replace("_", " "): _said(name, value) for name, value in facts}


@require_safe
@staff_page
def listed(request: PageRequest) -> HttpResponse:
    """Entries, newest first, of what is asked for; `cursor` opens a further page."""
    given = {name: request.GET.get(name, "").strip() for name in FILTERS}
    cursor = request.GET.get("cursor", "")
    page, problem = trail.Page([], None), ""
    try:
        page = trail.page_of(_wanted(given), cursor or None, A_PAGE)
    except Problem as refused:
        problem = refused.message
    asked = {name: value for name, value in given.items() if value}
    shown = {
        "rows": _rows(page.entries),
        "given": given,
        "asked": bool(asked),
        "groups": [(title, [(a, _words(a)) for a in group]) for title, group in GROUPS.items()],
        "older": urlencode(asked | {"cursor": page.cursor}) if page.cursor else "",
        "newest": urlencode(asked) if cursor else None,
        "problem": problem,
    }
    return show(request, "audit", "accounts/audit.html", shown, 400 if problem else 200)


@require_POST
@staff_page
def export(request: PageRequest) -> HttpResponseBase:
    """What the filters of the form find, as a file."""
    given = {name: request.POST.get(name, "").strip() for name in FILTERS}
    form = request.POST.get("format", "")
    if form not in trail_files.MEDIA:
        raise Invalid("Choose CSV or JSON lines.", param="format")
    pieces = trail_files.export(_wanted(given), form, audit.source(request))
    return streams.download(pieces, trail_files.filename(form), trail_files.MEDIA[form])


def _wanted(given: Mapping[str, str]) -> trail.Wanted:
    """Days are those of UTC, both included. Raises Invalid."""
    since, until = _day(given["since"], "since"), _day(given["until"], "until")
    return trail.wanted(
        given["action"],
        given["actor"],
        given["target"],
        given["address"],
        since=since,
        until=until + timedelta(days=1) if until else None,
    )


def _day(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{name}: a day such as 2026-01-31.", param=name) from None
    if not 1970 <= day.year < 9999:
        raise Invalid(f"{name}: a day such as 2026-01-31.", param=name)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _rows(entries: list[AuditEntry]) -> list[Row]:
    names = telling.names_of(entries)
    return [_row(entry, names) for entry in entries]


def _row(entry: AuditEntry, names: Mapping[int, str]) -> Row:
    of_user = entry.target_type == "user" and entry.target_id.isdecimal()
    return Row(
        entry,
        telling.sentence(entry, names),
        # A later namesake is somebody else.
        entry.actor_id is not None and names.get(entry.actor_id) == entry.actor_name,
        names.get(int(entry.target_id), "") if of_user else "",
        f"{entry.target_type}:{entry.target_id}" if entry.target_type else "",
    )


def _said(name: str, value: Any) -> Any:
    if value is None:
        return "none"
    if name == "until" and isinstance(value, int):
        # The end of a share is kept in Unix seconds.
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _words(action: Action) -> str:
    return action.value.replace("_", " ")

"""The lock on the door: a number of wrong attempts from an address, then a wait."""

import ipaddress
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_username, get_cool_off, get_failure_limit
from axes.models import AccessAttempt
from django.db import connection, transaction
from django.db.models import F, Max
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.problems import Problem

# A household or a server is given at least this much of IPv6: single addresses cost nothing there.
IPV6_NETWORK = 64
MAX_NAME = 150
MARK_LENGTH = 32


class Locked(Problem):
    """Too many wrong attempts. Says nothing of whether the name exists: both are counted alike."""

    status, type, code = 429, "rate_limit_error", "login_locked"

    def __init__(self, seconds: int) -> None:
        minutes = -(-seconds // 60)
        wait = f"{minutes} minute{'s' if minutes > 1 else ''}"
        message = f"Too many wrong attempts from your address. Try again in {wait}."
        super().__init__(message, headers={"Retry-After": str(seconds)})
        self.seconds = seconds


class Handler(AxesDatabaseHandler):  # type: ignore[misc] # django-axes carries no types
    """Counts an attempt before its password is looked at, and takes it back when it was right.

    django-axes looks, lets the password be checked, then counts: of fifty attempts at once, all
    would have looked before the first was counted.
    """

    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Counts this attempt; where the limit is reached False, and nothing is counted."""
        with transaction.atomic():
            _alone(request.axes_ip_address)  # type: ignore[attr-defined] # set by django-axes
            self.clean_expired_user_attempts(request, credentials)
            before = self.get_failures(request, credentials)
            if before >= get_failure_limit(request, credentials):
                return False
            _count(request, get_client_username(request, credentials))
        request.axes_failures_since_start = before + 1  # type: ignore[attr-defined] # as django-axes does
        return True

    def user_login_failed(
        self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any
    ) -> None:
        """Nothing: the attempt was counted when it began."""

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        forgive(request, user.get_username())

    def user_logged_out(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Nothing: there is no access log to complete."""


def address(request: HttpRequest) -> str | None:
    """Where the request comes from, as attempts are counted; of IPv6 the whole /64 network.

    REMOTE_ADDR only: aliceproject.edge has already put the client of a trusted proxy there.
    """
    try:
        known = ipaddress.ip_address(str(request.META.get("REMOTE_ADDR") or ""))
    except ValueError:
        return None
    if known.version == 4:
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    network = ipaddress.ip_network((known, IPV6_NETWORK), strict=False)
    return str(network.network_address)


def counted_name(request: Any, credentials: dict[str, Any] | None = None) -> str:
    """By what django-axes tells names apart: not the name, which may be a mistyped password."""
    given = (credentials or {}).get("username") or request.POST.get("username") or ""
    return mark(str(given)[:MAX_NAME])


def mark(name: str) -> str:
    """Equal for equal names, and for nobody without the secret key to turn back into one."""
    return salted_hmac("accounts.lockout", name, algorithm="sha256").hexdigest()[:MARK_LENGTH]


def attempt(request: HttpRequest, username: str) -> None:
    """Count an attempt that no authentication backend sees, such as a second factor.

    Raises Locked where the limit is reached; forgive takes it back.
    """
    if not AxesProxyHandler.is_allowed(request, {"username": username}):
        raise locked(request, username)


def require_open(request: HttpRequest) -> None:
    """Raises Locked where the address is locked out; counts nothing, for nothing is guessed."""
    if AxesProxyHandler.get_failures(request, {"username": ""}) >= get_failure_limit(request, None):
        raise locked(request, "")


def locked(request: HttpRequest, username: str) -> Locked:
    """The refusal of a request that is locked out, with the time that is left."""
    AxesProxyHandler.update_request(request)
    attempts = AxesProxyHandler.get_implementation().get_user_attempts(
        request, {"username": username}
    )
    found = (some.aggregate(at=Max("attempt_time"))["at"] for some in attempts)
    # None where a right one was forgiven, or the last minute ended, since this one was refused.
    newest = max(filter(None, found), default=None)
    if newest is None:
        return Locked(1)
    left = newest + get_cool_off(request) - timezone.now()
    return Locked(max(1, int(left.total_seconds()) + 1))


def is_last(request: HttpRequest) -> bool:
    """Whether the attempt in `request` was the last one before the lock."""
    number: int = getattr(request, "axes_failures_since_start", None) or 0
    return number >= int(get_failure_limit(request, None))


def forgive(request: HttpRequest, username: str) -> None:
    """Forget what this name did wrong from this address. Others there stay counted:
    whoever has an account must not be able to clear an address for guessing at another.
    """
    AccessAttempt.objects.filter(username=mark(username), ip_address=address(request)).delete()


def _alone(place: str | None) -> None:
    """One attempt at a time from an address, until the transaction ends; SQLite is always so."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"alice login {place}"]
            )


def _count(request: Any, username: str) -> None:
    row, created = AccessAttempt.objects.get_or_create(
        username=username,
        ip_address=request.axes_ip_address,
        user_agent="",
        defaults={"failures_since_start": 1},
    )
    if not created:
        AccessAttempt.objects.filter(pk=row.pk).update(
            failures_since_start=F("failures_since_start") + 1, attempt_time=timezone.now()
        )

"""Who is asking: an API key, a browser session, or nobody."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import keys, rates, second_factor
from accounts.local import local_user
from accounts.models import LOCAL_USERNAME, SCOPES, STAFF_SCOPES, ApiKey, User
from accounts.problems import Forbidden, Unauthenticated

PLAIN_SCOPES = frozenset(SCOPES) - STAFF_SCOPES
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `key` is None for sessions and for the `local` user."""

    user: User
    scopes: frozenset[str]
    key: ApiKey | None
    session: bool


def identify(request: HttpRequest, *, staff: bool = False) -> Identity:
    """The caller of `request`; synchronous, asks the database.

    The first non-empty of `Authorization: Bearer`, `X-Api-Key` and `api-key` decides, then the
    session cookie. With authentication off everybody is `local` and credentials are ignored;
    `staff` (the endpoint needs a staff scope) still asks for the login. Raises Unauthenticated,
    RateLimited for a key that asks too often, or Forbidden `csrf_failed` for an unsafe request
    that carries a session but no CSRF token.
    """
    found = find(request, staff=staff)
    if found is None:
        raise Unauthenticated("An API key is required.", headers=CHALLENGE)
    return found


def find(request: HttpRequest, *, staff: bool = False) -> Identity | None:
    """As identify, but None where the request carries no credentials at all."""
    if not settings.ALICE_REQUIRE_AUTH:
        return _by_session(request) if staff else everybody()
    secret = secret_in(request.headers)
    return _by_key(request, secret) if secret else _by_session(request)


def require(identity: Identity, scope: str) -> None:
    """Raises Forbidden unless the caller holds `scope`."""
    if scope in identity.scopes:
        return
    holder = "This API key" if identity.key else "Your account"
    raise Forbidden(f"{holder} lacks the scope {scope!r}.")


def caller(request: Request) -> Identity:
    """Whom AliceAuthentication found behind a REST framework request; raises Unauthenticated."""
    identity: Any = request.auth
    if not isinstance(identity, Identity):
        raise Unauthenticated("An API key is required.", headers=CHALLENGE)
    return identity


def secret_in(headers: Mapping[str, str]) -> str:
    """The key sent, or ''. Foreign schemes, such as a proxy's own Basic, are not ours to judge."""
    scheme, _, value = headers.get("Authorization", "").strip().partition(" ")
    bearer = value.strip() if scheme.lower() == "bearer" else ""
    plain = (headers.get(name, "").strip() for name in ("X-Api-Key", "api-key"))
    return bearer or next(filter(None, plain), "")


def opened(secret: str, address: str) -> ApiKey:
    """The live key that `secret` opens. Raises Unauthenticated for any other, and RateLimited
    where too many of those came from `address` within a minute.
    """
    key = keys.verify(secret)
    if key is None:
        rates.mistaken(address)
        raise Unauthenticated("The API key is invalid, expired or revoked.", headers=CHALLENGE)
    return key


def holder(key: ApiKey) -> Identity:
    """Who acts by a live key, its user loaded."""
    # Scopes are cut at every use: who loses staff rights loses them in the keys too.
    return Identity(key.user, frozenset(key.scopes) & _ceiling(key.user), key, session=False)


def session_holder(request: HttpRequest) -> Identity | None:
    """Who is signed in at the browser that sent `request`, whatever it asks for."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active or user.username == LOCAL_USERNAME:
        return None
    if second_factor.missing(request, user):
        # A password alone opens nothing of staff's where the role asks for a second factor.
        user = _plain(user)
    return Identity(user, _ceiling(user), None, session=True)


def everybody() -> Identity:
    """Whom all callers act as while authentication is off."""
    return Identity(local_user(), PLAIN_SCOPES, None, session=False)


class AliceAuthentication(BaseAuthentication):
    """identify() for Django REST framework: `request.auth` is the Identity."""

    def authenticate(self, request: Request) -> tuple[User, Identity] | None:
        view = (request.parser_context or {}).get("view")
        scope = getattr(view, "required_scope", "")
        found = find(request._request, staff=scope in STAFF_SCOPES)  # noqa: SLF001 DRF has no other door to Django's request
        return (found.user, found) if found else None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


def _by_key(request: HttpRequest, secret: str) -> Identity:
    key = opened(secret, str(request.META.get("REMOTE_ADDR") or ""))
    # Once a request, however often a view asks who calls; the headers of the reply tell it.
    if not hasattr(request, "alice_rate"):
        request.alice_rate = rates.used(key)  # type: ignore[attr-defined] # ours
    return holder(key)


def _by_session(request: HttpRequest) -> Identity | None:
    found = session_holder(request)
    if found is not None:
        _check_csrf(request)
    return found


def _plain(user: User) -> User:
    """The same person, for this request without a role. Not to be saved."""
    seen = copy(user)
    seen.is_staff = seen.is_superuser = False
    return seen


def _ceiling(user: User) -> frozenset[str]:
    return frozenset(SCOPES) if user.is_staff else PLAIN_SCOPES


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _check_csrf(request: HttpRequest) -> None:
    """API views are exempt from Django's own check: keys need none, cookies do."""

    def nothing(_: HttpRequest) -> HttpResponse:  # pragma: no cover - the check never answers
        return HttpResponse()

    check = _CsrfCheck(nothing)
    check.process_request(request)
    reason = check.process_view(request, nothing, (), {})
    if reason:
        raise Forbidden(f"CSRF check failed: {reason}", code="csrf_failed")

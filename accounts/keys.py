"""API keys: made once, kept as a digest, checked on every request."""

import hashlib
import hmac
import logging
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from accounts.models import LOCAL_USERNAME, SCOPES, STAFF_SCOPES, ApiKey, User
from accounts.problems import Forbidden, Invalid, Missing

logger = logging.getLogger(__name__)

MARK = "sk-alice-"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_LENGTH, SECRET_LENGTH, CHECK_LENGTH = 8, 32, 6
SHAPE = re.compile(
    rf"{MARK}([0-9A-Za-z]{{{PREFIX_LENGTH}}})[0-9A-Za-z]{{{SECRET_LENGTH + CHECK_LENGTH}}}"
)
# What an unknown prefix is compared with, so that a miss costs what a hit does.
NOBODY = hashlib.sha256(b"no such key").hexdigest()
TOUCH_EVERY = timedelta(minutes=1)
MAX_NAME = 100


def mint(
    user: User, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key of `user`, and its secret, which nothing can show again. Raises as check does."""
    wanted = set(scopes)
    check(user, name, wanted, expires_at)
    secret = _new_secret()
    key = ApiKey.objects.create(
        user=user,
        name=name.strip(),
        prefix=_prefix(secret),
        digest=_digest(secret),
        scopes=[scope for scope in SCOPES if scope in wanted],
        expires_at=expires_at,
    )
    return key, secret


def check(user: User, name: str, scopes: set[str], expires_at: datetime | None) -> None:
    """Whether such a key may be: raises Missing or Invalid for a bad name, scope or expiry,
    Forbidden for a staff scope that the user may not hold.
    """
    _check_scopes(user, scopes)
    if not name.strip():
        raise Missing("A key needs a name.", param="name")
    if len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"name: at most {MAX_NAME} printable characters.", param="name")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("The expiry lies in the past.", param="expiresAt")


def verify(secret: str) -> ApiKey | None:
    """The live key that `secret` opens, its user loaded; None for anything else.

    A mistyped key fails its checksum and costs no query.
    """
    if not _well_formed(secret):
        return None
    key = ApiKey.objects.select_related("user").filter(prefix=_prefix(secret)).first()
    matches = hmac.compare_digest(key.digest if key else NOBODY, _digest(secret))
    if key is None or not matches or not key.active:
        return None
    _touch(key)
    return key


def revoke(key: ApiKey) -> None:
    """End the key for its very next request; a revoked key keeps the time it first ended."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])


def _check_scopes(user: User, wanted: set[str]) -> None:
    unknown = wanted - set(SCOPES)
    if unknown:
        raise Invalid(
            f"Unknown scope {', '.join(sorted(unknown))}; choose from {', '.join(SCOPES)}.",
            param="scopes",
        )
    if not wanted:
        raise Missing("A key needs at least one scope.", param="scopes")
    if user.username == LOCAL_USERNAME or not user.is_active:
        raise Invalid(f"{user.username} cannot hold a key.", param="user")
    above = wanted & STAFF_SCOPES
    if above and not user.is_staff:
        raise Forbidden(
            f"Scope {', '.join(sorted(above))} needs a staff account; {user.username} is not one.",
            param="scopes",
        )


def _touch(key: ApiKey) -> None:
    """Note the use, at most once a minute: one update wins, however many requests race."""
    now = timezone.now()
    stale = now - TOUCH_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lte=stale)
    try:
        ApiKey.objects.filter(due, pk=key.pk).update(last_used_at=now)
    except DatabaseError:
        # A full or read-only disk must not lock people out of what they may still read.
        logger.warning("Could not note the use of key %s", key.prefix, exc_info=True)


def _new_secret() -> str:
    length = PREFIX_LENGTH + SECRET_LENGTH
    body = MARK + "".join(secrets.choice(ALPHABET) for _ in range(length))
    return body + _checksum(body)


def _well_formed(secret: str) -> bool:
    if SHAPE.fullmatch(secret) is None:
        return False
    return _checksum(secret[:-CHECK_LENGTH]) == secret[-CHECK_LENGTH:]


def _checksum(body: str) -> str:
    """CRC32 in base 62: lets secret scanners and us tell a key from a typing error."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _prefix(secret: str) -> str:
    return secret[len(MARK) :][:PREFIX_LENGTH]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""API keys: made once, kept as a digest, checked on every request, ended or followed by another."""

import hashlib
import hmac
import logging
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.audit import Action
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
# Requests a minute.
MAX_RATE = 100_000
OVERLAP, MAX_OVERLAP = timedelta(hours=24), timedelta(hours=168)


def mint(
    user: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    by: audit.Source = audit.SYSTEM,
) -> tuple[ApiKey, str]:
    """A new key of `user`, and its secret, which nothing can show again.

    `rate_limit` is in requests a minute, 1 to 100,000; None: what the settings give every key.
    Raises as check does.
    """
    wanted = set(scopes)
    check(user, name, wanted, expires_at, rate_limit)
    with transaction.atomic():
        key, secret = _create(
            user=user,
            name=name.strip(),
            scopes=[scope for scope in SCOPES if scope in wanted],
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        audit.record(Action.KEY_CREATED, by, key, **_described(key))
    return key, secret


def check(
    user: User,
    name: str,
    scopes: set[str],
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
) -> None:
    """Whether such a key may be: raises Missing or Invalid for a bad name, scope, expiry or limit,
    Forbidden for a staff scope or a limit that the user may not have.
    """
    _check_scopes(user, scopes)
    _check_rate(user, rate_limit)
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


def revoke(key: ApiKey, by: audit.Source = audit.SYSTEM) -> None:
    """End the key for its very next request; a revoked key keeps the time it first ended."""
    with transaction.atomic():
        live = ApiKey.objects.filter(pk=key.pk, revoked_at=None)
        if live.update(revoked_at=timezone.now()):
            audit.record(Action.KEY_REVOKED, by, key, **_described(key))
    key.refresh_from_db(fields=["revoked_at"])


def rotate(
    key: ApiKey, overlap: timedelta = OVERLAP, by: audit.Source = audit.SYSTEM
) -> tuple[ApiKey, str]:
    """A successor with the same name, scopes and limit, and its secret; `key` ends after `overlap`.

    Both open meanwhile; no overlap ends `key` at once. A key that was to end gets a successor of
    the same length of life. Raises Invalid for a key that opens nothing any more or has a live
    successor already, and as check does.
    """
    now = timezone.now()
    with transaction.atomic():
        # Locked: of two who rotate at once the second finds the first one's successor.
        old = ApiKey.objects.select_for_update().get(pk=key.pk)
        _check_rotation(old, overlap)
        life = _life(old)
        end = now + life if life else None
        check(old.user, old.name, set(old.scopes), end, old.rate_limit)
        new, secret = _create(
            user=old.user,
            name=old.name,
            scopes=old.scopes,
            expires_at=end,
            rate_limit=old.rate_limit,
        )
        old.successor = new
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
        old.save(update_fields=["successor", "expires_at"])
        audit.record(Action.KEY_ROTATED, by, old, **_described(old), successor=new.prefix)
    key.refresh_from_db(fields=["successor", "expires_at"])
    return new, secret


def rate_of(key: ApiKey) -> int:
    """Requests a minute that the key may make; 0: as many as it likes."""
    return key.rate_limit or int(settings.ALICE_KEY_RATE_LIMIT)


def _create(**fields: Any) -> tuple[ApiKey, str]:
    secret = _new_secret()
    made = ApiKey.objects.create(prefix=_prefix(secret), digest=_digest(secret), **fields)
    return made, secret


def _described(key: ApiKey) -> dict[str, Any]:
    return {"owner": key.user.username, "name": key.name, "prefix": key.prefix} | {
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _life(key: ApiKey) -> timedelta | None:
    """How long the key was made to live. A rotation cuts it short: its successor still knows."""
    while key.successor is not None:
        key = key.successor
    return key.expires_at - key.created_at if key.expires_at else None


def _check_rotation(key: ApiKey, overlap: timedelta) -> None:
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise Invalid("overlapHours: 0 to 168.", param="overlapHours")
    if not key.active:
        raise Invalid("A key that has ended cannot be rotated; make a new one.", code="key_ended")
    if key.successor is not None and key.successor.active:
        raise Invalid(f"The key was rotated already, into {key.successor}.", code="key_rotated")


def _check_rate(user: User, wanted: int | None) -> None:
    if wanted is None:
        return
    if not 1 <= wanted <= MAX_RATE:
        raise Invalid(f"rateLimit: 1 to {MAX_RATE} requests a minute.", param="rateLimit")
    usual = int(settings.ALICE_KEY_RATE_LIMIT)
    if usual and wanted > usual and not user.is_staff:
        raise Forbidden(f"A rateLimit above {usual} a minute is for staff.", param="rateLimit")


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

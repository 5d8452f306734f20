"""Invites: a code, shown once, that lets so many people register until it ends."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.audit import Action, Source
from accounts.models import Invite, User
from accounts.problems import Forbidden, Invalid

# 160 random bits.
CODE_BYTES = 20
HINT_LENGTH = 4
MOST_USES = 1000
LONGEST_CODE = 200
LONGEST_NOTE = 200


def make(
    by: Source, *, uses: int = 1, expires_at: datetime | None = None, note: str = ""
) -> tuple[Invite, str]:
    """An invite and its code, which nothing can show again. Raises Invalid, or Forbidden for who is
    no staff any more.
    """
    if not 1 <= uses <= MOST_USES:
        raise Invalid(f"uses: a whole number from 1 to {MOST_USES}.", param="uses")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("The expiry lies in the past.", param="expiresAt")
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise Invalid(f"note: at most {LONGEST_NOTE} printable characters.", param="note")
    code = secrets.token_urlsafe(CODE_BYTES)
    with transaction.atomic():
        _require_staff(by)
        invite = Invite.objects.create(
            digest=_digest(code),
            hint=code[:HINT_LENGTH],
            note=note.strip(),
            created_by=by.user,
            expires_at=expires_at,
            uses=uses,
        )
        audit.record(Action.INVITE_CREATED, by, invite, uses=uses, note=invite.note)
    return invite, code


def consume(code: str) -> Invite:
    """Take one use, inside the caller's transaction: whoever comes too late changes no row.

    Raises Invalid `invalid_invite`.
    """
    now = timezone.now()
    known = Invite.objects.filter(digest=_digest(code))
    if not known.filter(_live(now)).update(used=F("used") + 1):
        raise Invalid(
            "The invite is unknown, used up, expired or revoked.",
            code="invalid_invite",
            param="inviteCode",
        )
    return known.get()


def link(base_url: str, code: str) -> str:
    """Where somebody with the code registers."""
    return f"{base_url}/web/register?invite={code}"


def revoke(invite: Invite, by: Source) -> None:
    """End the invite for the next registration; a revoked one keeps the time it first ended."""
    with transaction.atomic():
        live = Invite.objects.filter(pk=invite.pk, revoked_at=None)
        if live.update(revoked_at=timezone.now()):
            audit.record(Action.INVITE_REVOKED, by, invite)
    invite.refresh_from_db(fields=["revoked_at"])


def revoke_all(member: User, by: Source) -> None:
    """End what the member could still let people in with; inside the caller's transaction."""
    for invite in Invite.objects.filter(_live(timezone.now()), created_by=member):
        revoke(invite, by)


def is_live(code: str) -> bool:
    """Whether a registration with `code` would be let in at this moment."""
    return Invite.objects.filter(_live(timezone.now()), digest=_digest(code)).exists()


def state(invite: Invite) -> str:
    """live, used, expired or revoked."""
    if invite.revoked_at is not None:
        return "revoked"
    if invite.expires_at is not None and invite.expires_at <= timezone.now():
        return "expired"
    return "used" if invite.used >= invite.uses else "live"


def _require_staff(by: Source) -> None:
    """Locked: whoever takes the role away meanwhile finds the invite, or comes first."""
    makers = User.objects.filter(is_active=True, is_staff=True).select_for_update(no_key=True)
    if by.user is not None and makers.filter(pk=by.user.pk).first() is None:
        raise Forbidden("Only staff make invites.")


def _live(now: datetime) -> Q:
    lasting = Q(expires_at=None) | Q(expires_at__gt=now)
    return lasting & Q(revoked_at=None, used__lt=F("uses"))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()

"""People, invites and registrations as JSON. Times are Unix seconds."""

from datetime import datetime
from typing import Any

from accounts import invites
from accounts.models import Invite, Registration
from accounts.people import Person


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def person(shown: Person) -> dict[str, Any]:
    user = shown.user
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "isActive": user.is_active,
        "isStaff": user.is_staff,
        "createdAt": seconds(user.date_joined),
        "lastSeen": seconds(shown.last_seen),
        "keys": shown.keys,
        "storedImages": shown.stored_images,
        "storedBytes": shown.stored_bytes,
    }


def invite(row: Invite) -> dict[str, Any]:
    """Everything but the code, which nobody can show again."""
    return {
        "id": row.pk,
        "hint": row.hint,
        "note": row.note,
        "state": invites.state(row),
        "uses": row.uses,
        "used": row.used,
        "createdAt": seconds(row.created_at),
        "createdBy": row.created_by.username if row.created_by else None,
        "expiresAt": seconds(row.expires_at),
        "revokedAt": seconds(row.revoked_at),
    }


def registration(row: Registration) -> dict[str, Any]:
    """What the one who asked may know."""
    return {
        "id": str(row.pk),
        "username": row.username,
        "status": row.status,
        "reason": row.reason,
        "createdAt": seconds(row.created_at),
        "decidedAt": seconds(row.decided_at),
    }


def request(row: Registration, *, taken: bool) -> dict[str, Any]:
    """What staff may know. `taken`: the name, or one that looks like it, has an account."""
    decided_by = row.decided_by.username if row.decided_by else None
    return registration(row) | {
        "email": row.email,
        "message": row.message,
        "nameTaken": taken,
        "decidedBy": decided_by,
    }

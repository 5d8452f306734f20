"""Who may use how much: set by staff, for a role or one user, and written into the audit log."""

from dataclasses import asdict
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Quota, User
from accounts.quotas import Limits, limits_in

MOST_JOBS = 2**31 - 1
MOST_BYTES = 2**63 - 1
MOST_WORK = 1e12

Whose = User | Quota.Role


def granted(whose: Whose) -> Limits | None:
    """The limits set for exactly this role or user; None where nothing is set."""
    row = Quota.objects.filter(**_key(whose)).first()
    return limits_in(row) if row else None


@transaction.atomic
def grant(whose: Whose, limits: Limits, by: audit.Source) -> None:
    """Set all five limits. They hold from the next job on; what is in use stays."""
    before = granted(whose)
    row, _ = Quota.objects.update_or_create(**_key(whose), defaults=asdict(limits))
    old, new = asdict(before or Limits()), asdict(limits)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed or before is None:
        audit.record(audit.Action.QUOTA_CHANGED, by, row, of=str(row), **changed)


@transaction.atomic
def withdraw(whose: Whose, by: audit.Source) -> bool:
    """Take the limits away: a user has the role's again, a role none. False where none were set."""
    row = Quota.objects.select_for_update(of=("self",)).filter(**_key(whose)).first()
    if row is None:
        return False
    audit.record(audit.Action.QUOTA_CHANGED, by, row, of=str(row), gone=True)
    row.delete()
    return True


def _key(whose: Whose) -> dict[str, Any]:
    return {"user": whose} if isinstance(whose, User) else {"role": whose, "user": None}

"""What each person may use, what is in use, and the one place where more is refused."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Quota, Usage, User


@dataclass(frozen=True, slots=True)
class Limits:
    """What somebody may use; None: no limit of this kind. Days are days of UTC."""

    queued_jobs: int | None = None
    running_jobs: int | None = None
    images_per_day: int | None = None
    megapixel_steps_per_day: float | None = None
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What somebody has in use now, and had so far on this day, which ends at `resets_at`."""

    resets_at: datetime
    queued_jobs: int = 0
    running_jobs: int = 0
    images_today: int = 0
    megapixel_steps_today: float = 0.0
    stored_images: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit and what is used of it; `resets_at` only where a new day brings it back."""

    name: str
    limit: float | None
    used: float
    resets_at: datetime | None = None

    @property
    def left(self) -> float | None:
        return None if self.limit is None else max(0, self.limit - self.used)


def limits_of(user: User) -> Limits:
    """The user's own quota where there is one, wholly instead of the role's; superusers are staff."""
    rows = {row.role: row for row in Quota.objects.filter(Q(user=user.pk) | Q(user=None))}
    found = rows.get(None) or rows.get(role_of(user))
    return limits_in(found) if found else Limits()


def limits_in(quota: Quota) -> Limits:
    return Limits(**{field.name: getattr(quota, field.name) for field in fields(Limits)})


def role_of(user: User) -> Quota.Role:
    return Quota.Role.STAFF if user.is_staff or user.is_superuser else Quota.Role.USER


def usage_of(user: User) -> Used:
    """What the user has in use, by the clock of the database, which all hosts share."""
    # From the user's row: everybody has one, while a usage row is made at the first job.
    row = User.objects.filter(pk=user.pk).annotate(present=Now()).select_related("usage")
    found = row.first()
    if found is None:
        return Used(_midnight_after(datetime.now(UTC).date()))
    return _used(getattr(found, "usage", None), found.present.astimezone(UTC).date())


def allowances(user: User) -> list[Allowance]:
    """Every limit there is, set or not, with what the user has used of it."""
    limits, used = limits_of(user), usage_of(user)
    return _allowances(limits, used)


def left(user: User) -> dict[str, dict[str, Any]]:
    """By limit (queuedJobs, runningJobs, imagesPerDay, megapixelStepsPerDay, storedBytes):

    `limit` and `left` (null: no limit), `used`, and `resetsAt` in Unix seconds, or null where no
    new day gives it back.
    """
    return {
        camel(one.name): {
            "limit": one.limit,
            "used": one.used,
            "left": one.left,
            "resetsAt": int(one.resets_at.timestamp()) if one.resets_at else None,
        }
        for one in allowances(user)
    }


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _allowances(limits: Limits, used: Used) -> list[Allowance]:
    spent = {
        "queued_jobs": used.queued_jobs,
        "running_jobs": used.running_jobs,
        "images_per_day": used.images_today,
        "megapixel_steps_per_day": round(used.megapixel_steps_today, 3),
        "stored_bytes": used.stored_bytes,
    }
    return [
        Allowance(name, limit, spent[name], used.resets_at if name.endswith("_per_day") else None)
        for name, limit in asdict(limits).items()
    ]


def _used(row: Usage | None, today: date) -> Used:
    end = _midnight_after(today)
    if row is None:
        return Used(end)
    fresh = row.day != today
    return Used(
        resets_at=end,
        queued_jobs=row.queued_jobs,
        running_jobs=row.running_jobs,
        images_today=0 if fresh else row.images_today,
        megapixel_steps_today=0.0 if fresh else row.megapixel_steps_today,
        stored_images=row.stored_images,
        stored_bytes=row.stored_bytes,
    )


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)

"""What each person may use, what is in use, and the one place where more is refused."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.functions import Now

from accounts import usage
from accounts.models import Quota, Usage, User
from accounts.problems import Forbidden, QuotaUsed
from accounts.usage import Reserved, kept_bytes, moved, stored

__all__ = [
    "Allowance", "Limits", "Reserved", "Used", "allowances", "at_running_limit", "begin", "fact",
    "kept_bytes", "left", "limits_in", "limits_of", "moved", "reserve", "role_of", "size", "stored", "usage_of",
]  # fmt: skip

NAMES = {
    "queued_jobs": "queued jobs",
    "running_jobs": "running jobs",
    "images_per_day": "images",
    "megapixel_steps_per_day": "megapixel-steps",
    "stored_bytes": "stored bytes",
}
# Sums of fractions come out a little beside the whole.
ROUNDING = 1e-6


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
    return _used(getattr(found, "usage", None), usage.day_of(found.present))


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
            **_figures(one),
            "resetsAt": int(one.resets_at.timestamp()) if one.resets_at else None,
        }
        for one in allowances(user)
    }


def fact(one: Allowance) -> dict[str, Any]:
    """An allowance in the words of our native endpoints: `resets_at` is ISO 8601 or null."""
    resets_at = one.resets_at.isoformat().replace("+00:00", "Z") if one.resets_at else None
    return {
        **_figures(one),
        "resets_at": resets_at,
    }


def _figures(one: Allowance) -> dict[str, float | None]:
    """Sums of fractions to a thousandth, whole numbers as they are."""
    left = one.left
    rounded = None if left is None else round(left, 3)
    return {"limit": one.limit, "used": round(one.used, 3), "left": rounded}


def reserve(user: User, images: int, megapixel_steps: float) -> Reserved:
    """Count one job more in the queue, and what it takes of the day's allowance.

    Within the transaction that writes the job. Raises QuotaUsed where a limit is reached and
    Forbidden where it is 0; nothing is used then.
    """
    limits, (row, today) = limits_of(user), usage.locked(user.pk)
    used = _used(row, today)
    # Whether a picture's bytes fit is known once it is drawn: the last one may go over.
    wanted = {
        "queued_jobs": 1,
        "images_per_day": images,
        "megapixel_steps_per_day": megapixel_steps,
        "stored_bytes": 1,
    }
    for allowance in _allowances(limits, used):
        _check(allowance, wanted.get(allowance.name, 0))
    Usage.objects.filter(pk=user.pk).update(
        day=today,
        queued_jobs=used.queued_jobs + 1,
        images_today=used.images_today + images,
        megapixel_steps_today=used.megapixel_steps_today + megapixel_steps,
    )
    return Reserved(today, images, megapixel_steps)


def begin(user_id: int) -> bool:
    """Count one job less in the queue and one more at work; False where no other may run now.

    Within the transaction that claims the job, after its row and the queue's clock.
    """
    limit = _running_limit(user_id)
    rows = Usage.objects.filter(pk=user_id)
    free = rows if limit is None else rows.filter(running_jobs__lt=limit)
    changes = {
        "queued_jobs": usage.raised("queued_jobs", -1),
        "running_jobs": F("running_jobs") + 1,
    }
    # Who has no row, because an older release took the job, is counted by the next recount.
    return bool(free.update(**changes)) or not rows.exists()


def at_running_limit() -> list[int]:
    """The ids of the users whose queued jobs must wait until one that runs has ended."""
    if not Quota.objects.filter(running_jobs__isnull=False).exists():
        return []
    of_role = dict(Quota.objects.filter(user=None).values_list("role", "running_jobs"))
    limit = Case(
        When(user__quota__isnull=False, then=F("user__quota__running_jobs")),
        When(
            Q(user__is_staff=True) | Q(user__is_superuser=True),
            then=Value(of_role.get(Quota.Role.STAFF), IntegerField()),
        ),
        default=Value(of_role.get(Quota.Role.USER), IntegerField()),
    )
    # Annotated first: within a filter alone the join would drop users without a quota.
    waiting = Usage.objects.filter(queued_jobs__gt=0).annotate(most=limit)
    return list(waiting.filter(running_jobs__gte=F("most")).values_list("pk", flat=True))


def _running_limit(user_id: int) -> int | None:
    mine = Quota.objects.filter(Q(user=user_id) | Q(user=None), running_jobs__isnull=False)
    return limits_of(User.objects.get(pk=user_id)).running_jobs if mine.exists() else None


def _check(one: Allowance, wanted: float) -> None:
    if one.limit == 0:
        raise Forbidden(f"Your account may make no pictures: its limit of {NAMES[one.name]} is 0.")
    if one.limit is None or not wanted or one.used + wanted <= one.limit + ROUNDING:
        return
    raise QuotaUsed(
        _refusal(one, wanted), quota={"name": one.name, **fact(one), "requested": wanted}
    )


def _refusal(one: Allowance, wanted: float) -> str:
    if one.name == "queued_jobs":
        return (
            f"{one.used:g} of your jobs wait, and {one.limit:g} may: "
            "come back when one of them has begun, or cancel one."
        )
    if one.name == "stored_bytes":
        return (
            f"Your pictures take {size(one.used)} of the "
            f"{size(one.limit or 0)} they may: delete some first."
        )
    return (
        f"This needs {wanted:g} {NAMES[one.name]}, and {one.left:g} of your {one.limit:g} are "
        f"left today: the day's count begins anew at {one.resets_at:%Y-%m-%d %H:%M} UTC."
    )


def size(count: float) -> str:
    """Bytes as people read them, by thousands, as ALICE_MAX_STORAGE_GB counts: 1.5 GB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= factor:
            return f"{round(count / factor, 1):,g} {unit}"
    return f"{count:g} bytes"


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _allowances(limits: Limits, used: Used) -> list[Allowance]:
    spent = {
        "queued_jobs": used.queued_jobs,
        "running_jobs": used.running_jobs,
        "images_per_day": used.images_today,
        "megapixel_steps_per_day": used.megapixel_steps_today,
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

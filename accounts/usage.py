"""The row of what a person has in use: counted by whoever changes it, in the same transaction.

Locks are taken in one order: rows of jobs or pictures, then the queue's clock and shares, then
one usage row. Who holds a usage row waits for nothing that somebody else may hold, so that no
two wait for each other; where several users' rows change together, go by rising user id.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Case, F, FloatField, IntegerField, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Now

from accounts.models import Usage


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a job takes of its owner's allowance of `day`."""

    day: date
    images: int
    megapixel_steps: float


def locked(user_id: int) -> tuple[Usage, date]:
    """The user's row, made where there is none, and the present day, until the transaction ends."""
    rows = Usage.objects.select_for_update().annotate(present=Now()).filter(pk=user_id)
    row = rows.first()
    if row is None:
        ensure(user_id)
        row = rows.get()
    today = day_of(row.present)
    # The wait for the lock may have gone over midnight.
    return row, row.day if row.day == today + timedelta(days=1) else today


def day_of(moment: datetime) -> date:
    """The day of UTC: the one that allowances are for."""
    return moment.astimezone(UTC).date()


def kept_bytes() -> int:
    """Bytes of everybody's pictures, from one small row a person."""
    return Usage.objects.aggregate(total=Sum("stored_bytes"))["total"] or 0


def kept_images() -> int:
    """How many they are, as kept_bytes()."""
    return Usage.objects.aggregate(total=Sum("stored_images"))["total"] or 0


def ensure(user_id: int) -> None:
    Usage.objects.bulk_create([Usage(user_id=user_id)], ignore_conflicts=True)


def moved(
    user_id: int, *, queued: int = 0, running: int = 0, returned: Reserved | None = None
) -> None:
    """So many jobs more or, below 0, less in each state; `returned` is given back to its day.

    In the transaction that changes the job's row, after that.
    """
    changes: dict[str, Combinable] = {
        "queued_jobs": raised("queued_jobs", queued),
        "running_jobs": raised("running_jobs", running),
    }
    if returned:
        changes["images_today"] = _of_day("images_today", returned.day, returned.images)
        changes["megapixel_steps_today"] = _of_day(
            "megapixel_steps_today", returned.day, returned.megapixel_steps
        )
    Usage.objects.filter(pk=user_id).update(**changes)


def stored(user_id: int, *, images: int, bytes: int) -> None:
    """So many pictures more or, below 0, less.

    In the transaction that adds, hides or removes their rows, after that.
    """
    if images > 0:
        ensure(user_id)
    Usage.objects.filter(pk=user_id).update(
        stored_images=raised("stored_images", images), stored_bytes=raised("stored_bytes", bytes)
    )


def raised(name: str, by: float) -> Combinable:
    """The column changed by so much, never below 0: no miscount may stop a job from ending."""
    return Greatest(F(name) + Value(by), Value(type(by)(0)))


def _of_day(name: str, day: date, back: float) -> Combinable:
    kind = FloatField() if name == "megapixel_steps_today" else IntegerField()
    return Case(When(day=day, then=raised(name, -back)), default=F(name), output_field=kind)

"""Setting usage rows right by the jobs and pictures they count, wherever a count went astray."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now

from accounts import usage
from accounts.models import Usage, User
from gallery.models import Image
from generation.models import OPEN, Job

logger = logging.getLogger(__name__)
EVERYBODY = Q()
STATES = {"queued": "queued_jobs", "running": "running_jobs"}
OF_THE_DAY = ("images_today", "megapixel_steps_today")
COLUMNS = (*STATES.values(), *OF_THE_DAY, "stored_images", "stored_bytes")
# Sums of fractions come out a little different in another order.
ROUNDING = 1e-6

Counts = dict[str, float]


@dataclass(frozen=True, slots=True)
class Miscount:
    """A column of a user's usage row that said something else than the rows it counts."""

    user_id: int
    column: str
    was: float
    real: float


def recount(user: User | None = None, *, dry_run: bool = False) -> list[Miscount]:
    """Count again, for one user or for all, and set right what is wrong; what was wrong.

    Safe beside everything else: no count can change while it is compared. The sums of the day
    are never lowered: what a job took stays taken when the job is forgotten.
    """
    chosen = [user.pk] if user else _suspects()
    found = [wrong for user_id in chosen for wrong in _recount(user_id, dry_run=dry_run)]
    for one in found:
        logger.warning("usage of user %s: %s was %s, is %s", one.user_id, one.column, one.was,
                       one.real)  # fmt: skip
    return found


@transaction.atomic
def _recount(user_id: int, *, dry_run: bool) -> list[Miscount]:
    # Whoever counts waits for this lock before its change is committed: what can be read from
    # now on is what the row should say.
    row, today = usage.locked(user_id)
    wrong = _differences(row, _counts(Q(owner=user_id), today)[user_id], today)
    if wrong and not dry_run:
        of_day = {name: 0 for name in OF_THE_DAY if row.day != today}
        real = {one.column: one.real for one in wrong}
        Usage.objects.filter(pk=user_id).update(day=today, **(of_day | real))
    return wrong


def _suspects() -> list[int]:
    """Whose rows seem wrong at a glance that locks nothing, by rising id."""
    present = User.objects.annotate(present=Now()).values_list("present", flat=True).first()
    if present is None:
        return []
    today = usage.day_of(present)
    real, rows = _counts(EVERYBODY, today), Usage.objects.in_bulk()
    return sorted(
        user_id
        for user_id in rows.keys() | real.keys()
        if _differences(rows.get(user_id) or Usage(user_id=user_id), real[user_id], today)
    )


def _differences(row: Usage, real: Counts, today: date) -> list[Miscount]:
    found = []
    for column in COLUMNS:
        was, counted = getattr(row, column), real.get(column, 0)
        if column in OF_THE_DAY:
            was = was if row.day == today else 0
            counted = max(was, counted)
        if abs(counted - was) > ROUNDING:
            found.append(Miscount(row.user_id, column, was, counted))
    return found


def _counts(of: Q, today: date) -> defaultdict[int, Counts]:
    """By user id, what the rows of jobs and pictures say; columns that are 0 may be missing."""
    found: defaultdict[int, Counts] = defaultdict(dict)
    by_state = Job.objects.filter(of, status__in=OPEN).order_by().values_list("owner", "status")
    for owner, status, count in by_state.annotate(Count("pk")):
        found[owner][STATES[status]] = count
    taken = (
        # An index by time leads past the history; a day's jobs are no older than the day before.
        Job.objects.filter(of, reserved_on=today, created_at__gt=Now() - timedelta(days=2))
        .order_by()
        .values("owner")
        .annotate(images=Sum("reserved_images"), work=Sum("reserved_megapixel_steps"))
    )
    for row in taken:
        sums = zip(OF_THE_DAY, (row["images"], row["work"]), strict=True)
        found[row["owner"]].update(sums)
    kept = Image.objects.filter(of).exclude(state=Image.State.DELETING).order_by()
    for owner, count, size in kept.values_list("owner").annotate(Count("pk"), Sum("size_bytes")):
        found[owner].update(stored_images=count, stored_bytes=size)
    return found

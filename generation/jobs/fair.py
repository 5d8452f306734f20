"""Fair order between owners: start-time fair queueing over one virtual clock.

A job's tag is the moment of virtual time at which its share begins: now, or where its owner's
share before it ends. The least tag runs first, and the clock goes to the tag of what runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import F, Max, QuerySet, Value
from django.db.models.functions import Greatest

from accounts import quotas
from accounts.models import User
from generation.models import OPEN, FairShare, Job

CLOCK = "image"
FAIR_ORDER = ("fair_tag", "-priority", "created_at", "pk")
OWN_ORDER = ("-priority", "fair_tag", "created_at", "pk")
# A job whose model is warm may overtake the head of the queue by this many times the head's own
# cost. Every overtaking moves the clock on, so that the head's turn comes.
WARM_LEAD = 4.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is: the job, the tag it runs under, and where the clock goes."""

    job: Job
    tag: float
    clock: float


def queued() -> QuerySet[Job]:
    return Job.objects.filter(status=Job.Status.QUEUED)


def ready(busy: Collection[int] = ()) -> QuerySet[Job]:
    """The queued jobs that may run now: of owners at no limit of running jobs, nor in `busy`."""
    held_up = {*busy, *quotas.at_running_limit()}
    return queued().exclude(owner__in=held_up) if held_up else queued()


def lock() -> float:
    """The present of the virtual clock; until the transaction ends nobody else submits."""
    FairShare.objects.get_or_create(name=CLOCK)
    return FairShare.objects.select_for_update().get(name=CLOCK).virtual_time


def tag(owner: User, present: float) -> float:
    """Where a new job of the owner begins. What was cancelled before it ran costs nothing."""
    ran = FairShare.objects.filter(name=_owners(owner.pk)).first()
    waiting = Job.objects.filter(owner=owner, status__in=OPEN)
    last = waiting.aggregate(end=Max(F("fair_tag") + F("cost")))["end"]
    return max(present, ran.virtual_time if ran else 0.0, last or 0.0)


def choose(warm: Sequence[str], ready: QuerySet[Job]) -> Turn | None:
    """The job of `ready` whose turn it is; a more urgent one of its owner takes that turn.

    Within a transaction, which holds the rows on databases that lock them.
    """
    waiting = ready.select_for_update(skip_locked=True)
    head = waiting.order_by(*FAIR_ORDER).first()
    if head is None:
        return None
    clock = head.fair_tag
    if warm and head.model not in warm and (early := _warm_before(head, waiting, warm)):
        head, clock = early, early.fair_tag + early.cost
    urgent = waiting.filter(owner=head.owner_id, priority__gt=head.priority)
    first = urgent.order_by(*OWN_ORDER).first()
    if first is None:
        return Turn(head, head.fair_tag, clock)
    # They change places: the owner's share stays what it was.
    queued().filter(pk=head.pk).update(fair_tag=first.fair_tag)
    return Turn(first, head.fair_tag, clock)


def charge(turn: Turn) -> None:
    """Move the clock, and remember where the owner's share ends: the next job begins there."""
    # Always the clock first: two claims that lock in one order never wait for each other.
    _advance(CLOCK, turn.clock)
    _advance(_owners(turn.job.owner_id), turn.tag + turn.job.cost)


def _advance(name: str, moment: float) -> None:
    FairShare.objects.get_or_create(name=name)
    FairShare.objects.filter(name=name).update(
        virtual_time=Greatest(F("virtual_time"), Value(moment))
    )


def _warm_before(head: Job, waiting: QuerySet[Job], warm: Sequence[str]) -> Job | None:
    bound = head.fair_tag + WARM_LEAD * head.cost
    able = waiting.filter(model__in=warm, fair_tag__lte=bound)
    return able.order_by(*FAIR_ORDER).first()


def _owners(pk: int) -> str:
    return f"owner {pk}"

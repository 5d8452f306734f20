"""The claim a worker holds, and the fence that makes every write of a former holder miss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from accounts import quotas
from generation import conf
from generation.engine.contract import JobSpec
from generation.models import Job
from modelhub.models import CatalogModel

if TYPE_CHECKING:
    # Not subscriptable while the program runs.
    Moment = ExpressionWrapper[CombinedExpression]

QUEUED, RUNNING = Job.Status.QUEUED, Job.Status.RUNNING
PICTURELESS = frozenset({Job.Status.FAILED, Job.Status.CANCELLED})
COUNTED = ("owner", "status", "step", "steps", "reserved_on", "reserved_images",
           "reserved_megapixel_steps")  # fmt: skip


class LeaseLost(Exception):
    """The job is no longer this worker's: it was cancelled, published or given to another."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one job. `token` is the attempt's number, `holder` is unique to the claim."""

    job: Job
    spec: JobSpec
    model: CatalogModel
    token: int
    holder: str


def held(claim: Claim) -> QuerySet[Job]:
    """The claimed row, or nothing when the claim no longer stands."""
    return Job.objects.filter(
        pk=claim.job.pk, status=RUNNING, attempts=claim.token, lease_owner=claim.holder
    )


def from_now(seconds: float) -> Moment:
    """A moment by the database's clock: hosts' clocks differ and jump, that one is shared."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def lease() -> Moment:
    return from_now(conf.lease_seconds())


def change(one: QuerySet[Job], status: Job.Status, **values: Any) -> bool:
    """Move the one job that is asked for to a status without a lease, and count it there.

    False when it is not there, or no longer as the query wants it.
    """
    with transaction.atomic(savepoint=False):
        job = one.select_for_update().only(*COUNTED).order_by().first()
        if job is None:
            return False
        Job.objects.filter(pk=job.pk).update(
            status=status,
            lease_owner="",
            lease_expires_at=None,
            revision=F("revision") + 1,
            **values,
        )
        quotas.moved(
            job.owner_id,
            queued=(status == QUEUED) - (job.status == QUEUED),
            running=-(job.status == RUNNING),
            returned=_returned(job) if status in PICTURELESS else None,
        )
    return True


def end(one: QuerySet[Job], status: Job.Status, **values: Any) -> bool:
    """Move the job to a final status; as change."""
    return change(one, status, finished_at=Now(), **values)


def _returned(job: Job) -> quotas.Reserved | None:
    """The pictures that nobody will see, and the share of the work that was not done."""
    if job.reserved_on is None:
        return None
    undone = 1 - min(1.0, job.step / job.steps) if job.steps else 1.0
    back = job.reserved_megapixel_steps * undone
    Job.objects.filter(pk=job.pk).update(
        reserved_images=0, reserved_megapixel_steps=job.reserved_megapixel_steps - back
    )
    return quotas.Reserved(job.reserved_on, job.reserved_images, back)

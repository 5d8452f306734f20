"""The claim a worker holds, and the fence that makes every write of a former holder miss."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from generation import conf
from generation.engine.contract import JobSpec
from generation.models import Job
from modelhub.models import CatalogModel

if TYPE_CHECKING:
    # Not subscriptable while the program runs.
    Moment = ExpressionWrapper[CombinedExpression]

RUNNING = Job.Status.RUNNING


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


def change(rows: QuerySet[Job], status: Job.Status, **values: Any) -> int:
    """Move rows to a status without a lease; how many moved."""
    return rows.update(
        status=status,
        lease_owner="",
        lease_expires_at=None,
        revision=F("revision") + 1,
        **values,
    )


def end(rows: QuerySet[Job], status: Job.Status, **values: Any) -> int:
    """Move rows to a final status; how many moved."""
    return change(rows, status, finished_at=Now(), **values)

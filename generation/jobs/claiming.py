"""Taking the next job, keeping it alive, giving it back, and reaping what dead workers left."""

import logging
import secrets
from collections.abc import Sequence

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts import quotas
from generation import conf, progress
from generation.engine.contract import JobSpec
from generation.jobs import fair
from generation.jobs.bell import ring
from generation.jobs.fair import queued
from generation.jobs.fence import Claim, LeaseLost, change, end, held, lease
from generation.models import Job
from modelhub import catalog

logger = logging.getLogger(__name__)
Status = Job.Status


def claim(worker: str, warm: Sequence[str] = ()) -> Claim | None:
    """Take the next job for `worker`, or None when none waits; `warm` are loaded models' ids.

    Fair share between owners decides first, then priority, then age; a warm model may go ahead
    within bounds. A job whose model is gone fails here and the next one is taken.
    """
    while job := _take(worker, warm):
        if model := catalog.ready(job.model, None):
            return Claim(job, JobSpec.from_json(job.spec), model, job.attempts, job.lease_owner)
        _fail_without_model(job)
    return None


def _take(worker: str, warm: Sequence[str]) -> Job | None:
    busy: set[int] = set()
    while (waiting := fair.ready(busy)).exists():
        with transaction.atomic():
            turn = fair.choose(warm, waiting)
            if turn is None:
                # Others hold all that waits.
                return None
            job = turn.job
            if not _win(job, worker, turn.tag):
                continue
            fair.charge(turn)
            if not quotas.begin(job.owner_id):
                # Another worker just took the last job its owner may run at a time.
                busy.add(job.owner_id)
                transaction.set_rollback(True)
                continue
        job.refresh_from_db()
        progress.nudge(job.pk)
        return job
    return None


def _win(job: Job, worker: str, tag: float) -> bool:
    """Only one update can win a queued row, whatever was read before."""
    return bool(
        queued()
        .filter(pk=job.pk)
        .update(
            status=Status.RUNNING,
            attempts=F("attempts") + 1,
            lease_owner=f"{worker[:50]}/{secrets.token_hex(4)}",
            lease_expires_at=lease(),
            started_at=Now(),
            fair_tag=tag,
            step=0,
            revision=F("revision") + 1,
        )
    )


def _fail_without_model(job: Job) -> None:
    message = f"The model {job.model} was deleted, or cannot be used any more."
    rows = Job.objects.filter(pk=job.pk, attempts=job.attempts, lease_owner=job.lease_owner)
    end(rows, Status.FAILED, error_code="model_not_found", error_message=message)
    progress.nudge(job.pk)


def heartbeat(claim: Claim) -> bool:
    """Extend the lease; True when the job's cancellation was asked for. Raises LeaseLost."""
    if not held(claim).update(lease_expires_at=lease()):
        raise LeaseLost
    return held(claim).filter(cancel_requested=True).exists()


def release(claim: Claim) -> bool:
    """Give the job back at an orderly stop: queued again, the attempt not counted.

    False when the claim no longer stood.
    """
    rows = held(claim)
    if rows.filter(cancel_requested=True).exists():
        freed = end(rows, Status.CANCELLED)
    else:
        freed = change(rows, Status.QUEUED, attempts=F("attempts") - 1, step=0, started_at=None)
    _back_in_line(claim.job, freed)
    return freed


def retry(claim: Claim, code: str, message: str, attempts: int = conf.MAX_ATTEMPTS) -> None:
    """Queue the job again after a death of its worker, or fail it at the last of `attempts`."""
    if claim.token >= attempts:
        moved = end(held(claim), Status.FAILED, error_code=code, error_message=message)
    else:
        moved = change(held(claim), Status.QUEUED, step=0)
    _back_in_line(claim.job, moved)


def reap() -> int:
    """End the leases that ran out: queued again, failed at the third death, or cancelled.

    Any process may call it at any time; returns how many jobs moved.
    """
    expired = Job.objects.filter(status=Status.RUNNING, lease_expires_at__lte=Now())
    return sum(_reap(job) for job in expired.order_by("lease_expires_at")[:100])


def _reap(job: Job) -> bool:
    rows = Job.objects.filter(
        pk=job.pk,
        status=Status.RUNNING,
        attempts=job.attempts,
        lease_owner=job.lease_owner,
        # Its worker may have been heard of since we looked.
        lease_expires_at__lte=Now(),
    )
    if job.cancel_requested:
        moved = end(rows, Status.CANCELLED)
    elif job.attempts >= conf.MAX_ATTEMPTS:
        message = f"The worker died {job.attempts} times while it ran this job."
        moved = end(rows, Status.FAILED, error_code="worker_lost", error_message=message)
    else:
        moved = change(rows, Status.QUEUED, step=0)
    if moved:
        logger.warning("job %s: lease of attempt %s ran out", job.pk, job.attempts)
    _back_in_line(job, moved)
    return moved


def _back_in_line(job: Job, moved: bool) -> None:  # noqa: FBT001 the one fact it acts on
    if moved:
        transaction.on_commit(ring)
        progress.nudge(job.pk)

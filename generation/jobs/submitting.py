"""Accepting a job: one transaction, then the bell."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts import quotas
from accounts.models import User
from accounts.problems import Invalid
from generation import conf, limits, progress
from generation.jobs import fair
from generation.jobs.bell import ring
from generation.models import OPEN, Job, Submission
from generation.resolve import Resolved, adjustments_json

MAX_KEY = 255
JOINABLE = OPEN | {Job.Status.SUCCEEDED}


@dataclass(frozen=True, slots=True)
class Caller:
    """How the request came: what decides about joining, previews and order, not the picture.

    `body_hash` is the SHA-256 of the request's body in hex; `sdk_retry` says that a client
    library sends it again by itself; higher `priority` goes first among the owner's own jobs.
    """

    dialect: str
    client_job_id: str = ""
    idempotency_key: str = ""
    body_hash: str = ""
    sdk_retry: bool = False
    previews: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the queue a new job begins, and what of its owner's day it takes."""

    fair_tag: float
    reserved: quotas.Reserved


def submit(owner: User, resolved: Resolved, caller: Caller) -> Job:
    """Queue the order, or return the job that an earlier form of this request made.

    On return the job is durable. Raises QuotaUsed or Forbidden (a limit of the owner), QueueFull,
    StorageFull, or Invalid with the code `idempotency_mismatch`; nothing is written then.
    """
    if earlier := joined(owner, caller):
        return earlier
    limits.check_storage()
    with transaction.atomic():
        present = fair.lock()
        # Between the look above and the lock the same request may have come a second time.
        if earlier := joined(owner, caller):
            return earlier
        # Before the queue's own limit: who may not ask again must not be told to.
        reserved = quotas.reserve(owner, resolved.spec.n, resolved.megapixel_steps)
        limits.check_queue()
        job = _write(owner, resolved, caller, Place(fair.tag(owner, present), reserved))
        transaction.on_commit(lambda: _announce(job))
    return job


def joined(owner: User, caller: Caller) -> Job | None:
    """The job that submit would return instead of a new one.

    Raises Invalid for an Idempotency-Key that is too long or was used with another body.
    """
    if caller.idempotency_key:
        return _of_key(owner, caller)
    if caller.sdk_retry and caller.body_hash:
        return _of_body(owner, caller)
    return None


def _of_key(owner: User, caller: Caller) -> Job | None:
    if len(caller.idempotency_key) > MAX_KEY:
        raise Invalid(
            f"An Idempotency-Key has at most {MAX_KEY} characters.",
            code="idempotency_key_too_long",
            param="Idempotency-Key",
        )
    earlier = (
        Submission.objects.filter(owner=owner, key=caller.idempotency_key)
        .filter(created_at__gt=Now() - timedelta(seconds=conf.IDEMPOTENCY_SECONDS))
        .select_related("job")
        .first()
    )
    if earlier is None:
        return None
    if earlier.body_hash != caller.body_hash:
        raise Invalid(
            "This Idempotency-Key was used with another request.",
            code="idempotency_mismatch",
            param="Idempotency-Key",
        )
    return earlier.job


def _of_body(owner: User, caller: Caller) -> Job | None:
    earlier = (
        Submission.objects.filter(owner=owner, body_hash=caller.body_hash)
        .filter(created_at__gt=Now() - timedelta(seconds=conf.SDK_RETRY_SECONDS))
        .filter(job__status__in=JOINABLE, job__cancel_requested=False)
        .select_related("job")
        .order_by("-created_at", "-pk")
        .first()
    )
    return earlier.job if earlier else None


def _write(owner: User, resolved: Resolved, caller: Caller, place: Place) -> Job:
    spec = resolved.spec
    job = Job.objects.create(
        owner=owner,
        client_job_id=caller.client_job_id,
        dialect=caller.dialect,
        kind=spec.task,
        model=spec.model,
        requested=resolved.requested,
        spec=spec.to_json(),
        adjustments=adjustments_json(resolved),
        previews=caller.previews,
        priority=caller.priority,
        fair_tag=place.fair_tag,
        cost=resolved.megapixel_steps,
        reserved_on=place.reserved.day,
        reserved_images=place.reserved.images,
        reserved_megapixel_steps=place.reserved.megapixel_steps,
        # The engine says how many it really takes, for all pictures together.
        steps=spec.num_inference_steps,
        revision=1,
    )
    if caller.idempotency_key:
        # Only one that ran out can still be there.
        Submission.objects.filter(owner=owner, key=caller.idempotency_key).delete()
    if caller.idempotency_key or caller.body_hash:
        Submission.objects.create(
            owner=owner, key=caller.idempotency_key, body_hash=caller.body_hash, job=job
        )
    return job


def _announce(job: Job) -> None:
    ring()
    progress.nudge(job.pk)

"""How a claimed job ends: pictures and status in one transaction, or a failure with its code."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts import quotas
from gallery import storage
from gallery.metadata import Recipe
from gallery.models import Image
from generation import progress
from generation.jobs.fence import Claim, LeaseLost, end, held
from generation.models import Job, JobImage

logger = logging.getLogger(__name__)
Status = Job.Status


@dataclass(frozen=True, slots=True)
class Stored:
    """One picture of a result whose files are durable already. `index` counts from 0."""

    image_id: uuid.UUID
    index: int
    recipe: Recipe
    file: storage.StoredFile


def publish(claim: Claim, stored: Sequence[Stored], timings: dict[str, int]) -> None:
    """Insert the pictures and end the job, all or nothing.

    Raises LeaseLost when the claim no longer stands or the job was cancelled meanwhile; nothing
    is visible then, and the files are the caller's to discard.
    """
    with transaction.atomic():
        rows = held(claim).filter(cancel_requested=False)
        if not end(rows, Status.SUCCEEDED, timings=timings, step=F("steps")):
            raise LeaseLost
        Image.objects.bulk_create(_image(claim, one, timings) for one in stored)
        JobImage.objects.bulk_create(
            JobImage(
                job_id=claim.job.pk,
                image_id=one.image_id,
                index=one.index,
                seed=one.recipe.seed,
            )
            for one in stored
        )
        size = sum(one.file.size_bytes for one in stored)
        quotas.stored(claim.job.owner_id, images=len(stored), bytes=size)
    progress.nudge(claim.job.pk)


def published(claim: Claim, stored: Sequence[Stored]) -> bool:
    """Whether an earlier publish of these very pictures did commit, though it seemed to fail."""
    names = [one.image_id for one in stored]
    return JobImage.objects.filter(job=claim.job.pk, image__in=names).exists()


def fail(claim: Claim, code: str, message: str) -> bool:
    """End the job without a picture; False when the claim no longer stood."""
    return _end(claim, Status.FAILED, error_code=code, error_message=message)


def end_cancelled(claim: Claim) -> bool:
    """End a job whose cancellation was asked for; False when the claim no longer stood."""
    return _end(claim, Status.CANCELLED)


def _end(claim: Claim, status: Job.Status, **values: Any) -> bool:
    ended = end(held(claim), status, **values)
    if ended:
        progress.nudge(claim.job.pk)
    return ended


def _image(claim: Claim, one: Stored, timings: dict[str, int]) -> Image:
    return Image(
        id=one.image_id,
        owner_id=claim.job.owner_id,
        file=one.file.file,
        thumbnail=one.file.thumbnail,
        sha256=one.file.sha256,
        size_bytes=one.file.size_bytes,
        width=one.file.width,
        height=one.file.height,
        prompt=one.recipe.prompt,
        negative_prompt=one.recipe.negative_prompt,
        model=one.recipe.model,
        seed=one.recipe.seed,
        recipe=one.recipe.to_json(),
        generation_ms=sum(timings[name] for name in ("encode_ms", "denoise_ms", "decode_ms")),
    )

"""What a running job shows of itself: its step and its latest preview."""

from django.db import transaction
from django.db.models import F

from generation import progress
from generation.jobs.fence import Claim, LeaseLost, held, lease
from generation.models import Job, JobPreview


def report(claim: Claim, step: int, steps: int, preview: bytes | None = None) -> bool:
    """Write the step, and a WebP preview of at most 64 KB, extending the lease with it.

    True when the job's cancellation was asked for. Raises LeaseLost.
    """
    with transaction.atomic():
        moved = held(claim).update(
            step=step, steps=steps, revision=F("revision") + 1, lease_expires_at=lease()
        )
        if not moved:
            raise LeaseLost
        cancel, revision = Job.objects.values_list("cancel_requested", "revision").get(
            pk=claim.job.pk
        )
        if preview is not None:
            JobPreview.objects.update_or_create(
                job_id=claim.job.pk, defaults={"step": step, "revision": revision, "data": preview}
            )
    progress.nudge(claim.job.pk)
    return bool(cancel)

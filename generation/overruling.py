"""What staff do to jobs of others is in the audit log, whichever way they came."""

from accounts import audit
from generation.models import Job


def note(job: Job, by: audit.Source, **detail: str) -> None:
    """`detail`: `asked`, "cancel" or "delete", or `repeats`, the job made again. Own jobs are not told."""
    if by.user and job.owner_id != by.user.pk:
        audit.record(audit.Action.JOB_CHANGED, by, job, **detail)

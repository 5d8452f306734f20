"""What people who were deactivated still have in the queue ends."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from accounts.signals import deactivated
from generation import jobs
from generation.models import OPEN, Job


@receiver(deactivated)
def _left(user: User, **_: Any) -> None:
    cancel_abandoned()


def cancel_abandoned() -> int:
    """Cancel the open jobs of inactive owners; how many were asked to end.

    A request that was let in just before its owner was deactivated may queue one just after.
    """
    abandoned = Job.objects.filter(status__in=OPEN, owner__is_active=False, cancel_requested=False)
    found = list(abandoned.values_list("pk", flat=True))
    for job_id in found:
        jobs.cancel(job_id)
    return len(found)

"""Forgetting what nobody can ask for any more."""

from datetime import timedelta

from django.db.models.functions import Now

from generation import conf
from generation.models import JobPreview, Submission, Unload, WorkerStatus


def drop_previews() -> int:
    """Forget the previews of jobs that ended a minute ago; their followers have them by now."""
    ended = JobPreview.objects.filter(job__finished_at__lt=Now() - timedelta(minutes=1))
    return ended.delete()[0]


def drop_submissions() -> int:
    """Forget the proofs of requests whose retries join nothing any more."""
    longest = max(conf.IDEMPOTENCY_SECONDS, conf.SDK_RETRY_SECONDS)
    past = Submission.objects.filter(created_at__lt=Now() - timedelta(seconds=longest))
    return past.delete()[0]


def drop_workers() -> int:
    """Forget workers that were not heard of for a day; those that stop in order go at once."""
    day_ago = Now() - timedelta(days=1)
    Unload.objects.filter(created_at__lt=day_ago).delete()
    return WorkerStatus.objects.filter(updated_at__lt=day_ago).delete()[0]

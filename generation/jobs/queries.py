"""What callers ask about a job, and the one thing they may change: that it stops."""

from uuid import UUID

from django.db.models import Q

from accounts.problems import NotFound
from gallery.models import Image
from generation import progress
from generation.jobs.fair import FAIR_ORDER, OWN_ORDER, queued
from generation.jobs.fence import end
from generation.models import Job

Status = Job.Status


def cancel(job_id: UUID) -> Job:
    """Ask that the job ends: at once when queued, within a step when running, else no change.

    Raises NotFound.
    """
    job = Job.objects.filter(pk=job_id)
    if end(job.filter(status=Status.QUEUED), Status.CANCELLED):
        progress.nudge(job_id)
    elif job.filter(status=Status.RUNNING).update(cancel_requested=True):
        progress.ask_cancel(job_id)
    found = job.first()
    if found is None:
        raise NotFound(f"There is no job {job_id}.")
    return found


def position(job: Job) -> int:
    """How many queued jobs run before this one; 0 for the next and for those not queued."""
    own = list(queued().filter(owner=job.owner_id).order_by(*OWN_ORDER).values_list("pk"))
    rank = next((rank for rank, (pk,) in enumerate(own) if pk == job.pk), None)
    if rank is None:
        return 0
    # Priority changes which of the owner's jobs takes the owner's next share, not the share.
    shares = queued().filter(owner=job.owner_id).order_by(*FAIR_ORDER)
    share = next(iter(shares[rank : rank + 1]), None)
    if share is None:
        # A worker took jobs between the two looks: this one's turn is near.
        return 0
    return rank + queued().exclude(owner=job.owner_id).filter(before(share)).count()


def before(share: Job) -> Q:
    """The queued jobs whose turn comes before that of `share`, as FAIR_ORDER has it."""
    tied = Q(fair_tag=share.fair_tag)
    return (
        Q(fair_tag__lt=share.fair_tag)
        | tied & Q(priority__gt=share.priority)
        | tied & Q(priority=share.priority, created_at__lt=share.created_at)
    )


def result_images(job: Job) -> list[Image]:
    """The job's pictures in order, without those deleted since."""
    links = job.job_images.select_related("image").order_by("index")
    stored = Image.State.STORED
    return [link.image for link in links if link.image and link.image.state == stored]

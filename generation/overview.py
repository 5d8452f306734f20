"""What the dashboard shows, as JSON: the queue, the devices, the newest pictures."""

from collections.abc import Iterator, Set
from itertools import count
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse

from accounts.models import User
from gallery.models import Image
from generation import jobs, worker_status
from generation.jobs.fair import FAIR_ORDER, OWN_ORDER
from generation.jobs.queries import before
from generation.models import OPEN, Job, WorkerStatus
from modelhub import catalog

JOBS_SHOWN = 12
IMAGES_SHOWN = 12
PROMPT_SHOWN = 240


def board(viewer: User) -> dict[str, Any]:
    """Everything at once, about 10 KB: own jobs (staff: everybody's), and how full the queue is."""
    return {
        "queue": _counts(),
        "jobs": (_running(viewer) + _queued(viewer))[:JOBS_SHOWN],
        "workers": _workers(viewer),
        "images": [picture(image) for image in recent_images(viewer)[:IMAGES_SHOWN]],
    }


def recent_images(viewer: User) -> QuerySet[Image]:
    return Image.objects.filter(owner=viewer, state=Image.State.STORED)


def picture(image: Image) -> dict[str, Any]:
    """A stored picture and where its page, thumbnail and file lie on this server."""
    return {
        "id": str(image.pk),
        "prompt": image.prompt[:PROMPT_SHOWN],
        "width": image.width,
        "height": image.height,
        "seed": image.seed,
        "page": reverse("gallery_pages:detail", args=[image.pk]),
        "thumbnail": reverse("gallery_pages:thumbnail", args=[image.pk]),
        "picture": reverse("gallery_pages:picture", args=[image.pk, "png"]),
    }


def _counts() -> dict[str, int]:
    rows = Job.objects.filter(status__in=OPEN).order_by().values_list("status")
    counted = dict(rows.annotate(Count("pk")))
    return {status.value: counted.get(status.value, 0) for status in OPEN}


def _running(viewer: User) -> list[dict[str, Any]]:
    running = Job.objects.filter(status=Job.Status.RUNNING).select_related("owner")
    mine = running if viewer.is_staff else running.filter(owner=viewer)
    return [_job(job, viewer) for job in mine.order_by("started_at")[:JOBS_SHOWN]]


def _queued(viewer: User) -> list[dict[str, Any]]:
    """The head of the queue in the order it will be served, as `jobs.position` tells it.

    Shares decide whose turn it is, the owner's own order which job takes it. A few queries for
    all of it: every open dashboard asks again and again.
    """
    waiting = jobs.queued() if viewer.is_staff else jobs.queued().filter(owner=viewer)
    turns = list(waiting.order_by(*FAIR_ORDER)[:JOBS_SHOWN])
    own = {owner: iter(_own_order(owner)) for owner in {turn.owner_id for turn in turns}}
    shown = [(next(own[turn.owner_id], None), ahead) for turn, ahead in _numbered(turns, viewer)]
    # None: claimed since its turn was read.
    return [_job(job, viewer, ahead) for job, ahead in shown if job is not None]


def _numbered(turns: list[Job], viewer: User) -> Iterator[tuple[Job, int]]:
    """Each turn and how many come before it: the viewer's own, and those of others in between."""
    if viewer.is_staff or not turns:
        return zip(turns, count())
    others = jobs.queued().exclude(owner=viewer)
    counts = {str(at): Count("pk", filter=before(turn)) for at, turn in enumerate(turns)}
    between = others.aggregate(**counts)
    return ((turn, at + between[str(at)]) for at, turn in enumerate(turns))


def _own_order(owner: int) -> QuerySet[Job]:
    waiting = jobs.queued().filter(owner=owner).select_related("owner")
    return waiting.order_by(*OWN_ORDER)[:JOBS_SHOWN]


def _job(job: Job, viewer: User, position: int = 0) -> dict[str, Any]:
    return {
        "id": str(job.pk),
        "prompt": str(job.spec.get("prompt", ""))[:PROMPT_SHOWN],
        "model": job.model,
        "status": job.status,
        "position": position,
        "step": job.step,
        "steps": job.steps,
        "owner": "" if job.owner_id == viewer.pk else job.owner.username,
    }


def _workers(viewer: User) -> list[dict[str, Any]]:
    alive = list(worker_status.alive())
    warm = {model for worker in alive for model in worker.models_loaded}
    # Models for staff do not exist for others, warm or not.
    seen = catalog.seen_by(viewer).filter(public_id__in=warm)
    known = set(seen.values_list("public_id", flat=True))
    return [_worker(worker, known) for worker in alive]


def _worker(worker: WorkerStatus, known: Set[str]) -> dict[str, Any]:
    return {
        "device": worker.device,
        "host": worker.host,
        "backend": worker.backend,
        "dtype": worker.dtype,
        "models": [model for model in worker.models_loaded if model in known],
        "memory_used": worker.memory_used_bytes,
        "memory_total": worker.memory_total_bytes,
        "utilization": worker.utilization,
        "busy": worker.busy_job is not None,
    }

"""What the dashboard shows, as JSON: the queue, the devices, the newest pictures."""

from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse

from accounts.models import User
from gallery.models import Image
from generation import jobs, worker_status
from generation.models import OPEN, Job, WorkerStatus

JOBS_SHOWN = 12
IMAGES_SHOWN = 12
PROMPT_SHOWN = 240


def board(viewer: User) -> dict[str, Any]:
    """Everything at once, about 10 KB: own jobs (staff: everybody's), and how full the queue is."""
    return {
        "queue": _counts(),
        "jobs": [_job(job, viewer) for job in _open_jobs(viewer)[:JOBS_SHOWN]],
        "workers": [_worker(worker) for worker in worker_status.alive()],
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


def _open_jobs(viewer: User) -> QuerySet[Job]:
    """Running ones first, then the queue in the order it will be served."""
    found = Job.objects.filter(status__in=OPEN).select_related("owner")
    mine = found if viewer.is_staff else found.filter(owner=viewer)
    return mine.order_by("-status", "fair_tag", "-priority", "created_at")


def _job(job: Job, viewer: User) -> dict[str, Any]:
    waiting = job.status == Job.Status.QUEUED
    return {
        "id": str(job.pk),
        "prompt": str(job.spec.get("prompt", ""))[:PROMPT_SHOWN],
        "model": job.model,
        "status": job.status,
        "position": jobs.position(job) if waiting else 0,
        "step": job.step,
        "steps": job.steps,
        "owner": "" if job.owner_id == viewer.pk else job.owner.username,
    }


def _worker(worker: WorkerStatus) -> dict[str, Any]:
    return {
        "device": worker.device,
        "host": worker.host,
        "backend": worker.backend,
        "dtype": worker.dtype,
        "models": worker.models_loaded,
        "memory_used": worker.memory_used_bytes,
        "memory_total": worker.memory_total_bytes,
        "utilization": worker.utilization,
        "busy": worker.busy_job is not None,
    }

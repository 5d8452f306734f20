"""What the administration's front page says of the server: queue, workers, storage, people."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from accounts import people
from accounts.models import ApiKey, Registration, Usage
from accounts.quotas import size
from aliceproject.ops import figures as service
from gallery import text_index
from gallery.models import Image
from generation.models import ENDED, Job, WorkerStatus

OWNERS_SHOWN, ERRORS_SHOWN = 5, 5
GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and the list behind it; `alarm` where somebody should act."""

    label: str
    value: str
    link: str = ""
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: list[Figure]


def figures() -> list[Group]:
    """Everything at once: a dozen queries, each answered by an index or a small table."""
    return [
        Group("Queue", _queue()),
        Group("Last 24 hours", _day()),
        Group("Workers", _workers()),
        Group("Storage", _storage()),
        Group("Largest galleries", _owners()),
        Group("People", _people()),
    ]


def _queue() -> list[Figure]:
    waiting = Job.objects.filter(status=Job.Status.QUEUED)
    oldest = waiting.order_by("created_at").values_list("created_at", flat=True).first()
    queued, limit = waiting.count(), settings.ALICE_QUEUE_LIMIT
    running = Job.objects.filter(status=Job.Status.RUNNING).count()
    return [
        Figure("Waiting", f"{queued} of {limit}", _jobs(status="queued"), alarm=queued >= limit),
        Figure("Running", str(running), _jobs(status="running")),
        Figure("Longest wait", timesince(oldest) if oldest else "none"),
    ]


def _day() -> list[Figure]:
    ended = Job.objects.filter(
        status__in=ENDED, created_at__gt=timezone.now() - timedelta(hours=24)
    ).order_by()
    counted = dict(ended.values_list("status").annotate(Count("pk")))
    failed = ended.filter(status=Job.Status.FAILED).values_list("error_code")
    worst = failed.annotate(jobs=Count("pk")).order_by("-jobs", "error_code")[:ERRORS_SHOWN]
    return [
        *[
            Figure(str(status.label), str(counted.get(status.value, 0)), _jobs(status=status.value))
            for status in (Job.Status.SUCCEEDED, Job.Status.FAILED, Job.Status.CANCELLED)
        ],
        *[Figure(code or "unknown", str(jobs), _jobs(error_code=code)) for code, jobs in worst],
        Figure("Average picture", f"{service.average_seconds():.1f} s"),
    ]


def _workers() -> list[Figure]:
    rows = service.workers().rows
    if not rows:
        return [Figure("Alive", "none", alarm=True)]
    return [Figure(f"{row.device or 'unknown'} on {row.host}", _doing(row)) for row in rows]


def _doing(worker: WorkerStatus) -> str:
    models = ", ".join(worker.models_loaded) or "no model loaded"
    return f"{'busy' if worker.busy_job else 'idle'}, {models}"


def _storage() -> list[Figure]:
    kept = Usage.objects.aggregate(images=Sum("stored_images"), bytes=Sum("stored_bytes"))
    most = settings.ALICE_MAX_STORAGE_GB * GIGABYTE
    used, free = kept["bytes"] or 0, shutil.disk_usage(settings.ALICE_DATA_DIR).free
    lost = Image.objects.filter(state=Image.State.LOST).count()
    return [
        Figure("Pictures", str(kept["images"] or 0), _images()),
        Figure("They take", f"{size(used)} of {size(most)}", alarm=used >= most),
        Figure("Free on the disk", size(free), alarm=free < GIGABYTE),
        Figure("Text index", "whole" if text_index.whole(connection) else "not whole yet"),
        Figure("Shared now", str(_shared().count()), _images(share="now")),
        Figure("Files lost", str(lost), _images(state__exact="lost"), alarm=lost > 0),
    ]


def _owners() -> list[Figure]:
    largest = Usage.objects.select_related("user").filter(stored_images__gt=0)
    return [
        Figure(row.user.username, f"{row.stored_images}, {size(row.stored_bytes)}",
               _images(owner__id__exact=row.user_id))
        for row in largest.order_by("-stored_bytes")[:OWNERS_SHOWN]
    ]  # fmt: skip


def _people() -> list[Figure]:
    pending = Registration.objects.filter(status=Registration.Status.PENDING).count()
    live = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    keys = ApiKey.objects.filter(live, revoked_at=None, user__is_active=True).count()
    requests = f"{reverse('admin:accounts_registration_changelist')}?status__exact=pending"
    return [
        Figure("Active", str(people.found().filter(is_active=True).count())),
        Figure("Asking for an account", str(pending), requests, alarm=pending > 0),
        Figure("Live keys", str(keys), reverse("accounts_pages:administration_keys")),
    ]


def _shared() -> QuerySet[Image]:
    return Image.objects.filter(is_public=True).filter(
        Q(public_until=None) | Q(public_until__gt=timezone.now())
    )


def _jobs(**wanted: Any) -> str:
    return _list("generation_job", {f"{name}__exact": value for name, value in wanted.items()})


def _images(**wanted: Any) -> str:
    return _list("gallery_image", wanted)


def _list(name: str, wanted: dict[str, Any]) -> str:
    return reverse(f"admin:{name}_changelist", query=wanted or None)

"""What the workers last said of themselves: the web process knows devices only from here."""

import socket
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from generation import conf
from generation.models import WorkerStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """One worker at one moment. Memory in bytes, 0 where unknown; utilization 0 to 1 or None."""

    device: str
    backend: str
    dtype: str = ""
    models_loaded: list[str] = field(default_factory=list)
    memory_used_bytes: int = 0
    memory_total_bytes: int = 0
    utilization: float | None = None


def record(worker: str, facts: Facts, busy_job: UUID | None = None) -> None:
    """Write what `worker` is and does now; the database's clock says when."""
    values = {name: getattr(facts, name) for name in Facts.__slots__}
    WorkerStatus.objects.update_or_create(
        worker=worker,
        defaults=values | {"busy_job": busy_job, "host": socket.gethostname(), "updated_at": Now()},
    )


def alive() -> QuerySet[WorkerStatus]:
    """Workers heard of within one lease."""
    silence = timedelta(seconds=conf.lease_seconds())
    return WorkerStatus.objects.filter(updated_at__gt=Now() - silence)


def gone(worker: str) -> None:
    """An orderly stop: the worker is no longer counted from this moment."""
    WorkerStatus.objects.filter(worker=worker).delete()

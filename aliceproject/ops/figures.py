"""The figures that health, metrics and the dashboard show: the database's truth, no device asked."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, FloatField, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from generation import worker_status
from generation.models import Job, WorkerStatus

STAGES = ("queue", "load", "encode", "denoise", "decode", "save")
# The average speaks of the present: a slow first day must not colour it for ever.
RECENT_JOBS = 200
STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers that are alive, as one machine. Memory in bytes, utilization 0 to 1."""

    rows: tuple[WorkerStatus, ...]

    @property
    def ready(self) -> bool:
        return bool(self.rows)

    @property
    def models_loaded(self) -> list[str]:
        return sorted({name for row in self.rows for name in row.models_loaded})

    @property
    def gpu_available(self) -> bool:
        return any(row.device.partition(":")[0] not in {"", "cpu"} for row in self.rows)

    @property
    def backend(self) -> str | None:
        return _one(row.backend for row in self.rows)

    @property
    def device(self) -> str | None:
        return _one(row.device for row in self.rows)

    @property
    def memory_used_bytes(self) -> int:
        return sum(row.memory_used_bytes for row in self.rows)

    @property
    def memory_total_bytes(self) -> int:
        return sum(row.memory_total_bytes for row in self.rows)

    @property
    def utilization(self) -> float:
        """The mean over devices; a worker that cannot tell counts as busy or not."""
        if not self.rows:
            return 0.0
        said = (
            float(bool(row.busy_job)) if row.utilization is None else row.utilization
            for row in self.rows
        )
        return sum(said) / len(self.rows)


def _one(names: Iterable[str]) -> str | None:
    return ", ".join(sorted({name for name in names if name})) or None


def workers() -> Workers:
    return Workers(tuple(worker_status.alive()))


def queue_depth() -> int:
    return Job.objects.filter(status=Job.Status.QUEUED).count()


def jobs_by_status() -> dict[str, int]:
    counted = dict(Job.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: counted.get(status, 0) for status in Job.Status.values}


def average_seconds() -> float:
    """Mean time from start to end of the latest finished jobs; 0 before the first."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    recent = Job.objects.filter(status=Job.Status.SUCCEEDED, started_at__isnull=False)
    latest = recent.order_by("-created_at", "-id").annotate(took=took)[:RECENT_JOBS]
    mean = latest.aggregate(mean=Avg("took"))["mean"]
    return round(mean.total_seconds(), 3) if mean else 0.0


def stage_seconds() -> dict[str, float]:
    """Time spent in each stage by all succeeded jobs, in seconds."""
    sums = Job.objects.filter(status=Job.Status.SUCCEEDED).aggregate(
        **{stage: Sum(Cast(KT(f"timings__{stage}_ms"), FloatField())) for stage in STAGES}
    )
    return {stage: (sums[stage] or 0.0) / 1000 for stage in STAGES}


def uptime_seconds() -> int:
    return int(time.monotonic() - STARTED)

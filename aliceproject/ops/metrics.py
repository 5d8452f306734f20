"""/metrics: ALICE's JSON for its clients, Prometheus text for those that prefer it."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.authentication import identify, require
from aliceproject import __version__
from aliceproject.ops import figures
from gallery import statistics

# Prometheus 3 refuses a scrape whose type is blank or unknown.
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_TYPES = ("text/plain", "application/openmetrics-text")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: Prometheus only where Accept prefers it to JSON; `*/*` says nothing."""
    require(identify(request), "read")
    if prefers_prometheus(request.headers.get("Accept", "")):
        response = _prometheus()
    else:
        response = JsonResponse(_json())
    patch_vary_headers(response, ["Accept"])
    return response


@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """GET /metrics/prometheus: the text form whatever the client accepts."""
    require(identify(request), "read")
    return _prometheus()


def prefers_prometheus(accept: str) -> bool:
    weights = dict(_weights(accept))
    text = max(weights.get(name, 0.0) for name in PROMETHEUS_TYPES)
    return text > weights.get("application/json", 0.0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        said = [p.removeprefix("q=") for p in parameters if p.startswith("q=")]
        yield name, _quality(said[0]) if said else 1.0


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _json() -> dict[str, Any]:
    workers, jobs = figures.workers(), figures.jobs_by_status()
    return {
        "queueDepth": jobs["queued"],
        "gpuUtilization": round(workers.utilization, 3),
        "gpuMemoryUsed": gigabytes(workers.memory_used_bytes),
        "gpuMemoryTotal": gigabytes(workers.memory_total_bytes),
        "modelsLoaded": len(workers.models_loaded),
        "totalGenerations": jobs["succeeded"],
        "avgGenerationTime": figures.average_seconds(),
        "jobs": jobs,
        "workers": len(workers.rows),
        "imagesLost": statistics.lost(),
        "uptimeSeconds": figures.uptime_seconds(),
    }


def gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB"


def _prometheus() -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=TEXT)


class Figures(Collector):
    """Everything is read from the database at the scrape, so any web process says the same."""

    def collect(self) -> Iterator[Metric]:
        yield _labelled("alice_build_info", "The running version.", "version", {__version__: 1})
        yield from self._queue()
        yield from self._workers()
        yield from self._pictures()

    def _queue(self) -> Iterator[Metric]:
        jobs = figures.jobs_by_status()
        yield GaugeMetricFamily("alice_queue_depth", "Jobs that wait.", value=jobs["queued"])
        yield _labelled("alice_jobs", "Jobs by status.", "status", jobs)
        stages = CounterMetricFamily(
            "alice_stage_seconds", "Time succeeded jobs spent in a stage.", labels=["stage"]
        )
        for stage, seconds in figures.stage_seconds().items():
            stages.add_metric([stage], seconds)
        yield stages

    def _pictures(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "alice_images_lost", "Pictures whose file is gone.", value=statistics.lost()
        )

    def _workers(self) -> Iterator[Metric]:
        rows = figures.workers().rows
        workers = {row.worker: row for row in rows}
        for name, help_text, attribute in (
            ("alice_worker_memory_used_bytes", "Device memory in use.", "memory_used_bytes"),
            ("alice_worker_memory_total_bytes", "Device memory in all.", "memory_total_bytes"),
        ):
            values = {worker: getattr(row, attribute) for worker, row in workers.items()}
            yield _labelled(name, help_text, "worker", values)
        busy = {worker: int(bool(row.busy_job)) for worker, row in workers.items()}
        loaded = {worker: len(row.models_loaded) for worker, row in workers.items()}
        yield _labelled("alice_worker_up", "Workers alive.", "worker", dict.fromkeys(workers, 1))
        yield _labelled("alice_worker_busy", "Workers that run a job.", "worker", busy)
        yield _labelled("alice_worker_models_loaded", "Warm models.", "worker", loaded)


def _labelled(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family

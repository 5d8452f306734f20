"""Is it alive, is it ready, what is it: answers for people, clients and orchestrators."""

from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts.problems import Busy
from aliceproject import __version__
from aliceproject.errors import respond
from aliceproject.ops import figures
from modelhub import catalog

MESSAGES = {
    "ok": "Image generation service is ready",
    "starting": "No worker is alive yet",
    "degraded": "The database does not answer",
}


def _report() -> dict[str, Any]:
    try:
        workers, depth = figures.workers(), figures.queue_depth()
        names = _named(workers.models_loaded)
    except DatabaseError:
        return _body("degraded", figures.Workers(()), [], None)
    return _body("ok" if workers.ready else "starting", workers, names, depth)


def _named(loaded: list[str]) -> list[str]:
    """Without those that strangers may not know of: nobody is asked who he is here."""
    if not loaded:
        return []
    told = catalog.for_everybody().filter(public_id__in=loaded)
    return sorted(told.values_list("public_id", flat=True))


def _body(
    status: str, workers: figures.Workers, names: list[str], depth: int | None
) -> dict[str, Any]:
    loaded = workers.models_loaded
    return {
        "status": status,
        "version": __version__,
        "message": MESSAGES[status],
        # Both spellings: clients of several services read this body.
        "gpuAvailable": workers.gpu_available,
        "gpu_available": workers.gpu_available,
        "modelsLoaded": len(loaded),
        "models_loaded": len(loaded),
        "backend": workers.backend,
        "device": workers.device,
        "cache": {"models": names},
        "workers": len(workers.rows),
        "queueDepth": depth,
        "uptimeSeconds": figures.uptime_seconds(),
    }


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """GET /health: 200 while the process lives; `status` is ok, starting or degraded."""
    return JsonResponse(_report())


@require_safe
def health_slash(request: HttpRequest) -> HttpResponse:
    """GET /health/: the same for clients that know `healthy` instead of `ok`."""
    report = _report()
    word = "healthy" if report["status"] == "ok" else report["status"]
    return JsonResponse(report | {"status": word})


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """GET /livez: the process answers; asks nothing of anybody else."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """GET /readyz: 503 until the database answers and a worker is alive."""
    status = _report()["status"]
    if status == "ok":
        return JsonResponse({"status": "ready"})
    return respond(request, Busy(MESSAGES[status], code="not_ready", retry_after=2))

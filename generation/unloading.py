"""Asking workers to let go of a model: a row a worker, which the worker reads before its next job."""

from collections.abc import Sequence

from generation import worker_status
from generation.jobs import ring
from generation.models import Unload


def ask(model_id: str) -> list[str]:
    """The workers that hold it now and will let go of it."""
    holders = [row.worker for row in worker_status.alive() if model_id in row.models_loaded]
    wanted = [Unload(worker=worker, model=model_id) for worker in holders]
    Unload.objects.bulk_create(wanted, ignore_conflicts=True)
    if holders:
        ring()
    return holders


def asked_of(worker: str) -> list[Unload]:
    return list(Unload.objects.filter(worker=worker))


def done(asked: Sequence[Unload]) -> None:
    """What was asked once more in between is another row, and stays."""
    Unload.objects.filter(pk__in=[row.pk for row in asked]).delete()

"""Asking workers to let go of a model: a row a worker, which the worker reads before its next job."""

from collections.abc import Sequence

from generation import worker_status
from generation.jobs import ring
from generation.models import Unload


def ask(model_id: str) -> list[str]:
    """Have it let go of everywhere; the workers that said they hold it.

    All are asked: what a worker said of itself may be older than what it loaded.
    """
    workers = list(worker_status.alive())
    wanted = [Unload(worker=row.worker, model=model_id) for row in workers]
    Unload.objects.bulk_create(wanted, ignore_conflicts=True)
    if wanted:
        ring()
    return [row.worker for row in workers if model_id in row.models_loaded]


def asked_of(worker: str) -> list[Unload]:
    return list(Unload.objects.filter(worker=worker))


def done(asked: Sequence[Unload]) -> None:
    """What was asked once more in between is another row, and stays."""
    Unload.objects.filter(pk__in=[row.pk for row in asked]).delete()

"""What the model hub asks and tells, and only those who run the models know."""

from typing import Any

from django.dispatch import receiver

from generation import unloading, worker_status
from generation.engine import samplers
from generation.models import Job
from modelhub.models import CatalogModel
from modelhub.signals import held, in_use, let_go, scheduler_named, schedulers


@receiver(in_use)
def _runs(model: CatalogModel, **_: Any) -> bool:
    """A job takes its model only after it is marked as running: none slips between."""
    return Job.objects.filter(status=Job.Status.RUNNING, model=model.public_id).exists()


@receiver(let_go)
def _let_go(model: CatalogModel, **_: Any) -> int:
    return len(unloading.ask(model.public_id))


@receiver(held)
def _held(**_: Any) -> list[str]:
    return [model for worker in worker_status.alive() for model in worker.models_loaded]


@receiver(schedulers)
def _schedulers(**_: Any) -> list[tuple[str, str]]:
    return [(sampler.name, sampler.label) for sampler in samplers.SAMPLERS.values()]


@receiver(scheduler_named)
def _scheduler(name: str, **_: Any) -> str | None:
    return samplers.canonical(name)

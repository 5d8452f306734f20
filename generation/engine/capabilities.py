"""Holding a spec against what a back end can do, before anything is loaded."""

from generation.engine import options
from generation.engine.contract import Capabilities, JobSpec, ModelRef
from generation.engine.errors import NotSupported
from modelhub.families import TRAITS, Family


def check(spec: JobSpec, model: ModelRef, able: Capabilities) -> None:
    """Raise NotSupported naming the first thing `able` cannot do."""
    wanted = (
        ("task", spec.task.value, {task.value for task in able.tasks}),
        ("model family", model.family, able.families),
        ("model layout", model.layout, able.layouts),
        ("scheduler", spec.scheduler, able.schedulers),
    )
    for what, value, offered in wanted:
        if value not in offered:
            raise NotSupported(
                f"The {able.backend} back end does not support {what} {value!r};"
                f" it supports {', '.join(sorted(offered)) or 'none'}."
            )
    for option in options.asked(spec):
        if option.name not in able.options:
            raise NotSupported(f"The {able.backend} back end does not support {option.title}.")
    _check_scheduler(spec, Family(model.family))
    _check_size(spec, Family(model.family))


def _check_scheduler(spec: JobSpec, family: Family) -> None:
    suitable = TRAITS[family].schedulers
    if suitable and spec.scheduler not in suitable:
        raise NotSupported(
            f"The scheduler {spec.scheduler} does not suit {TRAITS[family].title};"
            f" it takes {', '.join(suitable)}."
        )


def _check_size(spec: JobSpec, family: Family) -> None:
    multiple = TRAITS[family].multiple
    for name, side in (("width", spec.width), ("height", spec.height)):
        if side <= 0 or side % multiple:
            raise NotSupported(
                f"{name} {side} is not a multiple of {multiple}, as {TRAITS[family].title} needs."
            )

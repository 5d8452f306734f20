"""Single values that people write for a model, each held against what it must be."""

from collections.abc import Callable
from typing import Any

from modelhub.signals import answers, scheduler_named

Read = Callable[[Any], Any]


class Wrong(ValueError):
    """What a value must be."""


def whole(low: int, high: int) -> Read:
    """A whole number in that range; neither true nor "5" is one."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"must be a whole number from {low} to {high}")
        return value

    return read


def number(low: float, high: float) -> Read:
    """A number in that range; neither NaN nor one that no float can hold is."""

    def read(value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise Wrong(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return read


def scheduler(value: Any) -> str:
    """Its canonical name, by whatever name it is called."""
    known = answers(scheduler_named, name=value) if isinstance(value, str) else []
    if not known:
        raise Wrong("must be the name of a scheduler: GET /v1/schedulers lists them")
    return str(known[0])

"""What staff may set for one model: its defaults and its limits, as tables of keys.

The one place that says which keys there are, what each may be, and how the API calls it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.problems import Invalid
from modelhub import bounds
from modelhub.models import CatalogModel
from modelhub.values import Read, Wrong, number, scheduler, whole


@dataclass(frozen=True, slots=True)
class Key:
    """`name` is kept in the row, `wire` is what the API says; `read` raises Wrong."""

    name: str
    wire: str
    label: str
    read: Read


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > bounds.MAX_NEGATIVE_PROMPT:
        raise Wrong(f"must be a text of at most {bounds.MAX_NEGATIVE_PROMPT} characters")
    if bounds.UNSTORABLE.search(value):
        raise Wrong("may not contain NUL or half a surrogate pair")
    return value


_side = whole(bounds.MIN_SIDE, bounds.MAX_SIDE)
DEFAULTS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("steps", "steps", "Steps", whole(1, bounds.MAX_STEPS)),
        Key("guidance_scale", "guidanceScale", "Guidance", number(0, bounds.MAX_GUIDANCE)),
        Key("scheduler", "scheduler", "Scheduler", scheduler),
        Key("width", "width", "Width", _side),
        Key("height", "height", "Height", _side),
        Key("clip_skip", "clipSkip", "Clip skip", whole(0, bounds.MAX_CLIP_SKIP)),
        Key("negative_prompt", "negativePrompt", "Negative prompt", _text),
    )
}
LIMITS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("max_steps", "maxSteps", "Most steps", whole(1, bounds.MAX_STEPS)),
        Key("min_side", "minSide", "Shortest side", _side),
        Key("max_side", "maxSide", "Longest side", _side),
        Key("max_images", "maxImages", "Most pictures at once", whole(1, bounds.MAX_N)),
        Key(
            "max_megapixel_steps",
            "maxMegapixelSteps",
            "Most megapixel-steps",
            number(1, bounds.MAX_MEGAPIXEL_STEPS),
        ),
    )
}
TABLES: Mapping[str, Mapping[str, Key]] = {"defaults": DEFAULTS, "limits": LIMITS}


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an order with one model may go. Sides in pixels."""

    max_steps: int = bounds.MAX_STEPS
    min_side: int = bounds.MIN_SIDE
    max_side: int = bounds.MAX_SIDE
    max_images: int = bounds.MAX_N
    max_megapixel_steps: float = bounds.MAX_MEGAPIXEL_STEPS


def defaults_of(model: CatalogModel) -> dict[str, Any]:
    """What an order with `model` gets where it says nothing: the side-car's word, then staff's."""
    beside = model.sidecar.get("defaults") if isinstance(model.sidecar, Mapping) else None
    return _kept(beside, DEFAULTS) | _kept(model.defaults, DEFAULTS)


def limits_of(model: CatalogModel) -> Limits:
    return Limits(**_kept(model.limits, LIMITS))


def _kept(said: Any, table: Mapping[str, Key]) -> dict[str, Any]:
    """What of a stored value still stands: a side-car is anybody's, and schedulers may go."""
    kept = {}
    for name, key in table.items():
        try:
            if isinstance(said, Mapping) and name in said:
                kept[name] = key.read(said[name])
        except Wrong:
            continue
    return kept


def merged(group: str, present: Mapping[str, Any], said: Any, *, wire: bool) -> dict[str, Any]:
    """`present` with what is said changed; null takes a key away. Raises Invalid.

    `group` is defaults or limits; `wire`: the keys are the API's.
    """
    if not isinstance(said, Mapping):
        raise Invalid(f"{group} must be an object.", param=group)
    keys = {(key.wire if wire else key.name): key for key in TABLES[group].values()}
    left = dict(present)
    for name, value in said.items():
        param = f"{group}.{str(name)[:80]}"
        if name not in keys:
            raise Invalid(f"Unknown parameter {param!r}: there are {', '.join(keys)}.", param=param)
        left.pop(keys[name].name, None)
        if value is not None:
            left[keys[name].name] = _read(keys[name], value, param)
    return left


def _read(key: Key, value: Any, param: str) -> Any:
    try:
        return key.read(value)
    except Wrong as wrong:
        raise Invalid(f"{param} {wrong}.", param=param) from None


def check_together(defaults: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
    """Raises Invalid where a default lies beyond a limit, or the limits leave nothing between."""
    far = Limits(**limits)
    if far.min_side > far.max_side:
        raise Invalid("limits.minSide is above limits.maxSide.", param="limits.minSide")
    if defaults.get("steps", 0) > far.max_steps:
        raise Invalid(
            f"defaults.steps is {defaults['steps']}, limits.maxSteps {far.max_steps}.",
            param="defaults.steps",
        )
    for side in ("width", "height"):
        if not far.min_side <= defaults.get(side, far.min_side) <= far.max_side:
            raise Invalid(
                f"defaults.{side} is {defaults[side]}, "
                f"the limits are {far.min_side} to {far.max_side} pixels.",
                param=f"defaults.{side}",
            )


def to_wire(values: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {key.wire: values[name] for name, key in TABLES[group].items() if name in values}

"""Which sizes suit a model: its side-car's, or as many pixels as it was trained on in each shape."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modelhub import preferences
from modelhub.models import CatalogModel
from modelhub.preferences import Limits

# Width to height, as people call it.
RATIOS = (
    ("Square", 1, 1),
    ("Portrait", 2, 3),
    ("Landscape", 3, 2),
    ("Tall", 9, 16),
    ("Wide", 16, 9),
)
MORE_RATIOS = (("Portrait 3:4", 3, 4), ("Landscape 4:3", 4, 3))
# Sides that divide by these keep the coarsest layer of the network whole: cleaner pictures.
COARSE_GRID, FINE_GRID = 64, 32
COARSE_FROM = 512
# How far two shapes may differ and still be called the same.
ALIKE = 0.08


@dataclass(frozen=True, slots=True)
class Size:
    """A preset, sides in pixels."""

    label: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def presets(model: CatalogModel) -> tuple[Size, ...]:
    """One size a shape, for buttons: the side-car's where it names one of that shape."""
    told = told_sizes(model)
    return tuple(
        _told(told, label, across / down) or _computed(model, label, across, down)
        for label, across, down in RATIOS
    )


def recommended(model: CatalogModel) -> list[Size]:
    """Every size worth naming; the side-car's own list where there is one."""
    told = told_sizes(model)
    if told:
        return told
    every = [_computed(model, *shape) for shape in RATIOS + MORE_RATIOS]
    # Small models round two shapes to one size.
    first = {(size.width, size.height): size for size in reversed(every)}
    return [size for size in every if first[size.width, size.height] is size]


def told_sizes(model: CatalogModel) -> list[Size]:
    """What the side-car recommends, as far as the model may draw it."""
    said: Any = model.sidecar.get("recommended_resolutions")
    return list(_read(said, model)) if isinstance(said, Sequence) else []


def _read(said: Sequence[Any], model: CatalogModel) -> Iterator[Size]:
    limits, multiple = preferences.limits_of(model), model.traits.multiple
    for entry in said:
        size = Size(str(entry.get("label") or ""), int(entry["width"]), int(entry["height"]))
        sides = (size.width, size.height)
        if all(limits.min_side <= side <= limits.max_side for side in sides) and not any(
            side % multiple for side in sides
        ):
            yield size if size.label else Size(_called(size), *sides)


def _called(size: Size) -> str:
    shapes = RATIOS + MORE_RATIOS
    ratio = size.width / size.height
    nearest = min(shapes, key=lambda shape: abs(math.log(ratio * shape[2] / shape[1])))
    return nearest[0]


def _told(told: Sequence[Size], label: str, ratio: float) -> Size | None:
    alike = [s for s in told if abs(math.log(s.width / s.height / ratio)) <= ALIKE]
    nearest = min(alike, key=lambda s: abs(math.log(s.width / s.height / ratio)), default=None)
    return Size(label, nearest.width, nearest.height) if nearest else None


def _computed(model: CatalogModel, label: str, across: int, down: int) -> Size:
    native = model.native_resolution
    grid = math.lcm(COARSE_GRID if native >= COARSE_FROM else FINE_GRID, model.traits.multiple)
    limits = preferences.limits_of(model)
    return Size(
        label,
        _side(native * math.sqrt(across / down), grid, limits),
        _side(native * math.sqrt(down / across), grid, limits),
    )


def _side(wanted: float, grid: int, limits: Limits) -> int:
    lowest, highest = math.ceil(limits.min_side / grid), max(1, limits.max_side // grid)
    return max(lowest, min(highest, round(wanted / grid))) * grid

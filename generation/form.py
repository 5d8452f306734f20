"""What the form of the page offers: each model with its own defaults and sizes."""

import math
from dataclasses import dataclass

from generation import conf
from generation.engine.contract import JobSpec
from generation.engine.samplers import SAMPLERS, Sampler
from generation.requests import ImageRequest
from generation.resolve import resolve
from modelhub import catalog
from modelhub.models import CatalogModel

# Width to height. Every size has about as many pixels as the model was trained on.
RATIOS = (
    ("Square", 1, 1),
    ("Portrait", 2, 3),
    ("Landscape", 3, 2),
    ("Tall", 9, 16),
    ("Wide", 16, 9),
)
# Sides that divide by these keep the coarsest layer of the network whole: cleaner pictures.
COARSE_GRID, FINE_GRID = 64, 32
COARSE_FROM = 512


@dataclass(frozen=True, slots=True)
class Size:
    """A preset, sides in pixels."""

    label: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model as the form offers it; `usual` is the order it makes of an empty request."""

    model: CatalogModel
    usual: JobSpec
    sizes: tuple[Size, ...]

    @property
    def name(self) -> str:
        return self.model.public_id.removeprefix(catalog.PREFIX)


def model_choices() -> list[Choice]:
    """Every usable model, the default first."""
    return [_choice(model) for model in catalog.listed()]


def schedulers() -> list[Sampler]:
    return list(SAMPLERS.values())


def sizes(native: int, multiple: int) -> tuple[Size, ...]:
    """Presets for a model trained on `native` pixels a side whose sides divide by `multiple`."""
    grid = math.lcm(COARSE_GRID if native >= COARSE_FROM else FINE_GRID, multiple)
    return tuple(
        Size(
            label,
            _side(native * math.sqrt(across / down), grid),
            _side(native * math.sqrt(down / across), grid),
        )
        for label, across, down in RATIOS
    )


def _side(wanted: float, grid: int) -> int:
    lowest, highest = math.ceil(conf.MIN_SIDE / grid), conf.MAX_SIDE // grid
    return max(lowest, min(highest, round(wanted / grid))) * grid


def _choice(model: CatalogModel) -> Choice:
    usual = resolve(ImageRequest(prompt="-"), model).spec
    return Choice(model, usual, sizes(model.native_resolution, model.traits.multiple))

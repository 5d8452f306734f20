"""What the form of the page offers: each model with its own defaults and sizes, or a recipe."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generation import conf
from generation.engine.contract import JobSpec
from generation.engine.samplers import SAMPLERS, Sampler, canonical
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
# What a recipe says and the form can hold.
FIELDS = (
    "prompt", "negative_prompt", "model", "width", "height", "num_inference_steps",
    "guidance_scale", "scheduler", "seed", "clip_skip",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Filled:
    """The form's first values by field, and in words what of a recipe it could not take over."""

    values: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def filled(recipe: Mapping[str, Any], choices: Sequence[Choice]) -> Filled:
    """The form as it makes the picture of `recipe` again."""
    values = {name: recipe[name] for name in FIELDS if recipe.get(name) is not None}
    notes = tuple(_missing(recipe, choices))
    offered = {choice.model.public_id for choice in choices}
    if values.get("model") not in offered:
        values.pop("model", None)
    values["scheduler"] = canonical(str(values.get("scheduler", ""))) or ""
    return Filled(values, notes)


def _missing(recipe: Mapping[str, Any], choices: Sequence[Choice]) -> Iterator[str]:
    model, scheduler = str(recipe.get("model", "")), str(recipe.get("scheduler", ""))
    if choices and model not in {choice.model.public_id for choice in choices}:
        yield f"The model {model} is not here any more: {choices[0].name} is chosen instead."
    if canonical(scheduler) is None:
        yield f"The scheduler {scheduler or 'of this picture'} is not known: another is chosen."
    extra = sorted(recipe.get("extra") or {})
    if extra:
        yield f"The form has no field for {', '.join(extra)}: this part of the recipe is left out."


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

"""What the form of the page offers: each model with its own defaults and sizes, or a recipe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from generation.engine.contract import JobSpec
from generation.engine.samplers import SAMPLERS, Sampler, canonical
from generation.resolve import usual
from modelhub import catalog, preferences
from modelhub.models import CatalogModel
from modelhub.preferences import Limits
from modelhub.sizes import Size, presets

# What a recipe says and the form can hold.
FIELDS = (
    "prompt", "negative_prompt", "model", "width", "height", "num_inference_steps",
    "guidance_scale", "scheduler", "seed", "clip_skip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A model as the form offers it; `usual` is the order it makes of an empty request."""

    model: CatalogModel
    usual: JobSpec
    sizes: tuple[Size, ...]
    limits: Limits

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


def model_choices(user: User) -> list[Choice]:
    """Every model `user` may use, the default first."""
    return [_choice(model) for model in catalog.listed(user)]


def schedulers() -> list[Sampler]:
    return list(SAMPLERS.values())


def _choice(model: CatalogModel) -> Choice:
    return Choice(model, usual(model), presets(model), preferences.limits_of(model))

"""Builds ALICE's schedulers from the table of samplers and a checkpoint's own noise schedule."""

from collections.abc import Mapping
from typing import Any

import diffusers

from generation.engine.samplers import SAMPLERS

# What a checkpoint was trained with. The rest of its file says how its author liked to sample, and
# would turn an "Euler" into an "Euler Karras" that is called otherwise.
_TRAINED = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
    "set_alpha_to_one",
    "steps_offset",
    "timestep_spacing",
    "lambda_min_clipped",
)


def build(name: str, schedule: Mapping[str, Any]) -> Any:
    """A fresh scheduler: they keep state between steps and must not outlive a call."""
    sampler = SAMPLERS[name]
    trained = {key: schedule[key] for key in _TRAINED if key in schedule}
    return getattr(diffusers, sampler.cls).from_config(trained, **sampler.options)


def evaluations(name: str, schedule: Mapping[str, Any], steps: int) -> int:
    """How often the UNet is asked for `steps` steps: PNDM, for one, asks once more."""
    scheduler = build(name, schedule)
    scheduler.set_timesteps(steps)
    return len(scheduler.timesteps)

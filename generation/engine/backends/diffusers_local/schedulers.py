"""Builds ALICE's schedulers from the table of samplers and a checkpoint's own noise schedule."""

from collections.abc import Mapping
from typing import Any

import diffusers

from generation.engine.errors import NotSupported
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
    # Those of flow models.
    "shift",
    "use_dynamic_shifting",
    "base_shift",
    "max_shift",
    "base_image_seq_len",
    "max_image_seq_len",
    "time_shift_type",
)


def build(name: str, schedule: Mapping[str, Any]) -> Any:
    """A fresh scheduler: they keep state between steps and must not outlive a call."""
    sampler = SAMPLERS[name]
    trained = {key: schedule[key] for key in _TRAINED if key in schedule}
    if not is_flow(schedule):
        return getattr(diffusers, sampler.cls).from_config(trained, **sampler.options)
    if not sampler.flow_cls:
        raise NotSupported(f"{sampler.label} does not suit flow models; choose euler.")
    return getattr(diffusers, sampler.flow_cls).from_config(trained)


def is_flow(schedule: Mapping[str, Any]) -> bool:
    """Whether the checkpoint learned straight paths from noise to pictures, as SD 3 and FLUX did."""
    return str(schedule.get("_class_name", "")).startswith("FlowMatch")


def evaluations(name: str, schedule: Mapping[str, Any], steps: int) -> int:
    """How often the UNet is asked for `steps` steps: PNDM, for one, asks once more."""
    scheduler = build(name, schedule)
    if is_flow(schedule):
        # Some need the size of the picture to set their steps; all take as many as asked.
        return steps
    scheduler.set_timesteps(steps)
    return len(scheduler.timesteps)

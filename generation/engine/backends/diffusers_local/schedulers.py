"""Builds ALICE's schedulers from the table of samplers and a checkpoint's own noise schedule."""

from collections.abc import Mapping
from typing import Any

import diffusers

from generation.engine.samplers import SAMPLERS


def build(name: str, schedule: Mapping[str, Any]) -> Any:
    """A fresh scheduler: they keep state between steps and must not outlive a call."""
    sampler = SAMPLERS[name]
    return getattr(diffusers, sampler.cls).from_config(dict(schedule), **sampler.options)


def evaluations(name: str, schedule: Mapping[str, Any], steps: int) -> int:
    """How often the UNet is asked for `steps` steps: PNDM, for one, asks once more."""
    scheduler = build(name, schedule)
    scheduler.set_timesteps(steps)
    return len(scheduler.timesteps)

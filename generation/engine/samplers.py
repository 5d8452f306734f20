"""The schedulers ALICE offers: names, what other clients call them, and how diffusers builds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Sampler:
    """`cls` is a diffusers scheduler class, `options` what it is configured with.

    `flow_cls` is its counterpart for flow models; empty: it has none.
    """

    name: str
    label: str
    cls: str
    options: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    flow_cls: str = ""


_SAMPLERS = (
    # DPMSolverSDEScheduler ignores the generator; the multistep form is deterministic.
    Sampler(
        "dpm++_sde_karras",
        "DPM++ SDE Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
        ("dpm++ sde", "dpm++ 2m sde karras", "dpm++ 2m sde", "automatic"),
    ),
    Sampler(
        "dpm++_karras",
        "DPM++ 2M Karras",
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True},
        ("dpm++ karras", "dpm++ 2m", "dpmsolver++"),
    ),
    Sampler(
        "euler_a",
        "Euler a",
        "EulerAncestralDiscreteScheduler",
        {},
        ("euler ancestral", "k_euler_a"),
    ),
    Sampler(
        "euler",
        "Euler",
        "EulerDiscreteScheduler",
        {},
        ("k_euler", "flow match euler", "flowmatcheulerdiscretescheduler"),
        "FlowMatchEulerDiscreteScheduler",
    ),
    # Latents are not bounded to -1..1; a schedule that leaves it unsaid would clip them.
    Sampler("ddim", "DDIM", "DDIMScheduler", {"clip_sample": False}),
    Sampler("pndm", "PNDM", "PNDMScheduler", {"skip_prk_steps": True}, ("plms",)),
    Sampler("lms", "LMS", "LMSDiscreteScheduler", {}, ("k_lms",)),
)
SAMPLERS: Mapping[str, Sampler] = MappingProxyType({s.name: s for s in _SAMPLERS})

_BY_ALIAS = {alias.lower(): s.name for s in _SAMPLERS for alias in (s.name, s.label, *s.aliases)}


def canonical(name: str) -> str | None:
    """Our name for what a client calls a scheduler, or None when nobody calls any of ours that."""
    return _BY_ALIAS.get(name.strip().lower())

"""What a spec may ask for beyond prompt, size and steps: rows, so that nothing is dropped unseen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from generation.engine.contract import JobSpec


@dataclass(frozen=True, slots=True)
class Option:
    """`asked` tells whether a spec makes use of the option; leaving it alone needs no support."""

    name: str
    title: str
    asked: Callable[[JobSpec], bool]


_OPTIONS = (
    Option("negative_prompt", "a negative prompt", lambda spec: bool(spec.negative_prompt)),
    Option("guidance_scale", "guidance", lambda spec: spec.guidance_scale > 1),
    Option("clip_skip", "clip skip", lambda spec: spec.clip_skip > 0),
)
OPTIONS: Mapping[str, Option] = MappingProxyType({o.name: o for o in _OPTIONS})


def asked(spec: JobSpec) -> list[Option]:
    """The options this spec makes use of."""
    return [option for option in OPTIONS.values() if option.asked(spec)]

"""What a look at one model finds, and how the look ends early."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelhub.families import Family, traits_of
from modelhub.kinds import Kind
from modelhub.models import CatalogModel

State = CatalogModel.State
Layout = CatalogModel.Layout


@dataclass(frozen=True, slots=True)
class Detected:
    """What was found. `native_resolution` in pixels, 0 when unknown; `detail` says why not ready,
    or what it does without.

    `metadata` is what the file says of itself, cut to size; `sidecar` what a checked side-car says.
    """

    layout: Layout
    kind: Kind = Kind.CHECKPOINT
    family: Family | None = None
    variant: str = ""
    prediction_type: str = ""
    native_resolution: int = 0
    size_bytes: int = 0
    precision: str = ""
    trigger_words: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    sidecar: dict[str, Any] = field(default_factory=dict)
    sidecar_problem: str = ""
    state: State = State.READY
    detail: str = ""


class NotUsable(Exception):
    """Ends the look at one model: `state` and the reason a person reads."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state


def cannot_run(family: Family, variant: str, layout: Layout) -> str:
    """Why a checkpoint that is known by sight cannot be drawn with; empty: it can."""
    traits = traits_of(family, variant)
    if not traits.runnable:
        return f"recognised as {traits.title}; this version cannot run it"
    if layout == Layout.SINGLE_FILE and not traits.single_file:
        return f"recognised as {traits.title} in one file: use the diffusers folder"
    return ""


def inside(file: Path, root: Path) -> Path:
    """`file`, unless it is a link out of the models folder."""
    if not file.resolve().is_relative_to(root.resolve()):
        raise NotUsable(State.UNSUPPORTED, f"{file.name} is a link out of the models folder")
    return file


def shown(value: object) -> str:
    return ascii(value)[:80]

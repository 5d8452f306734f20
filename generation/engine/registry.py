"""The back ends by name, imported on first use: a mock worker never loads torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from generation.engine.contract import Backend, ModelRef, Setup
from generation.engine.errors import NotSupported

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is module:class; `needs` are the packages it imports; `install` brings them.

    `converter` is module:function, where single files can be converted for faster loading.
    """

    target: str
    needs: tuple[str, ...] = ()
    install: str = ""
    converter: str = ""


BACKENDS: Mapping[str, Entry] = MappingProxyType(
    {
        "diffusers": Entry(
            "generation.engine.backends.diffusers_local.backend:DiffusersBackend",
            ("torch", "diffusers", "transformers", "accelerate"),
            "pip install -r requirements/diffusers.txt",
            "generation.engine.backends.diffusers_local.converting:convert",
        ),
        "mock": Entry("generation.engine.backends.mock:MockBackend"),
    }
)
# Never the mock: pictures nobody asked for must not pass as the model's.
_AUTO_ORDER = ("diffusers",)
# Names the settings know already, so that choosing one is told apart from a typing error.
_PLANNED = ("openvino", "remote")


def open_backend(name: str, device: str = "auto", *, mock_step_seconds: float = 0.0) -> Backend:
    """The back end called `name`, ready to load models; raises NotSupported saying what to do.

    `device` is auto, cpu, cuda, cuda:N or mps; `mock_step_seconds` is the mock's pace.
    """
    setup = Setup(device=device, mock_step_seconds=mock_step_seconds)
    return cast("Backend", _named(_chosen(name).target)(setup))


def convert(name: str, device: str, model: ModelRef, target: Path) -> str:
    """Write a single file as a diffusers folder into the empty folder `target`; its dtype."""
    entry = _chosen(name)
    if not entry.converter:
        raise NotSupported(f"The {name} back end converts nothing.")
    return cast("str", _named(entry.converter)(model, device, target))


def _chosen(name: str) -> Entry:
    chosen = _first_installed() if name == AUTO else name
    if chosen in _PLANNED:
        raise NotSupported(f"The {chosen} back end is not built yet; {_choices()}.")
    if chosen not in BACKENDS:
        raise NotSupported(f"Unknown back end {chosen!r}; {_choices()}.")
    if missing := _missing(chosen):
        raise NotSupported(
            f"The {chosen} back end needs {', '.join(missing)}: {BACKENDS[chosen].install}."
        )
    return BACKENDS[chosen]


def _named(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _first_installed() -> str:
    for name in _AUTO_ORDER:
        if not _missing(name):
            return name
    ways = "; ".join(f"{name}: {BACKENDS[name].install}" for name in _AUTO_ORDER)
    raise NotSupported(f"Nothing that can draw is installed. Install one of: {ways}.")


def _missing(name: str) -> list[str]:
    return [package for package in BACKENDS[name].needs if find_spec(package) is None]


def _choices() -> str:
    return f"choose from {', '.join([AUTO, *sorted(BACKENDS)])}"

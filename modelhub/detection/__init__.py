"""What a folder or file of weights is, from its JSON and headers alone; nothing is ever loaded."""

from dataclasses import replace
from pathlib import Path

from modelhub.detection import directory, sidecars, single_file, told
from modelhub.detection.contents import refuse
from modelhub.detection.found import Detected, Layout, NotUsable, State
from modelhub.families import Family, traits_of
from modelhub.weights import WeightsUnreadable

__all__ = ["Detected", "NotUsable", "detect", "refuse"]

# What the side-cars of the replaced client call a model, and which families it may mean by that.
MODEL_TYPES = {
    "SD": {Family.SD1, Family.SD2, Family.SD_CUSTOM},
    "SDXL": {Family.SDXL},
}
LONGEST_REASON = 1000


def detect(path: Path, root: Path) -> Detected:
    """What lies at `path` inside the models folder `root`. Never raises for what a file holds."""
    is_folder = path.is_dir()
    found = Detected(Layout.DIFFUSERS if is_folder else Layout.SINGLE_FILE)
    look = directory.look if is_folder else single_file.look
    try:
        said, problem = sidecars.read(path, root)
        found = replace(found, sidecar=said, sidecar_problem=problem)
        found = replace(found, size_bytes=_size(path, root))
        found = look(path, root, found)
    except NotUsable as problem:
        found = replace(found, state=problem.state, detail=str(problem))
    except WeightsUnreadable as problem:
        found = replace(found, state=State.CORRUPT, detail=str(problem))
    except OSError as problem:
        found = replace(found, state=State.CORRUPT, detail=f"cannot be read: {problem.strerror}")
    return _believing(found)


def _believing(found: Detected) -> Detected:
    """What a person wrote beside the model counts, where the weights do not say otherwise."""
    said = found.sidecar
    words = tuple(said.get("trigger_words", ())) or found.trigger_words
    family = found.family
    claimed = said.get("model_type")
    if family and claimed and family not in MODEL_TYPES[claimed]:
        problem = f"model_type is {claimed}, its weights are {traits_of(family).title}"
        found = replace(found, sidecar_problem=_joined(found.sidecar_problem, problem))
    # Reasons name files, and a file's name may be no text at all.
    return replace(found, trigger_words=words, detail=told.plain(found.detail, LONGEST_REASON))


def _joined(*problems: str) -> str:
    return "; ".join(problem for problem in problems if problem)


def _size(path: Path, root: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    inside = root.resolve()
    return sum(
        file.stat().st_size
        for file in files
        if file.is_file() and file.resolve().is_relative_to(inside)
    )

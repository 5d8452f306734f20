"""What in the models folder is a model: files of weights, and folders that are one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modelhub.detection.configs import read_json
from modelhub.detection.contents import FOREIGN, PICKLES
from modelhub.detection.directory import DENOISERS, PARTS_ALONE, alone, part_class
from modelhub.detection.found import NotUsable, shown
from modelhub.kinds import NAMINGS, WEIGHTS

# What belongs to the file of the same name: configurations and tokenizers, not a model.
COMPONENTS = ".components"
FILES = PICKLES | WEIGHTS | FOREIGN
MAX_DEPTH = 8
MAX_ID = 255
LONGEST_PREFIX = max(len(naming.prefix) for naming in NAMINGS.values())
# What no log line and no page should have in a name: controls, halves of pairs, turned text.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(slots=True)
class Walk:
    """`models` in order of path; `skipped`: relative path -> why it is left out."""

    models: list[Path] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def walk(root: Path) -> Walk:
    """Every model below `root`. Folders of models are entered, models are not; nothing hidden."""
    walked = Walk()
    if root.is_dir():
        _enter(root, root, walked)
    return walked


def holds(root: Path, path: Path) -> bool:
    """Whether a walk would find `path`."""
    if not path.is_relative_to(root) or path == root:
        return False
    parts = path.relative_to(root).parts
    above = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts))]
    if len(above) > MAX_DEPTH or any(_passed_by(part) for part in parts):
        return False
    try:
        closed = any(_closed(folder) for folder in above)
        return not closed and is_model(path) and not _unfit(root, path)
    except OSError:
        # A folder on the way that nobody may enter any more.
        return False


def is_model(path: Path) -> bool:
    if path.is_dir():
        # A folder that lost its index is still a model, a damaged one.
        names = ("model_index.json", *DENOISERS)
        return any((path / name).exists() for name in names) or alone(path)
    return path.is_file() and path.suffix.lower() in FILES


def _enter(folder: Path, root: Path, walked: Walk, depth: int = 0) -> None:
    for path in _listed(folder, root, walked):
        if _passed_by(path.name):
            continue
        try:
            found = is_model(path)
            reason = _unfit(root, path) if found else _astray(path)
        except OSError as problem:
            found, reason = False, f"cannot be read: {problem.strerror}"
        if reason:
            walked.skipped[str(path.relative_to(root))] = reason
        elif found:
            walked.models.append(path)
        elif path.is_dir() and depth < MAX_DEPTH:
            _enter(path, root, walked, depth + 1)


def _passed_by(name: str) -> bool:
    return name.startswith(".") or name.endswith(COMPONENTS)


def _listed(folder: Path, root: Path, walked: Walk) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError as problem:
        walked.skipped[str(folder.relative_to(root))] = f"cannot be read: {problem.strerror}"


def _closed(folder: Path) -> bool:
    return folder.is_symlink() or is_model(folder)


def _unfit(root: Path, path: Path) -> str:
    name = str(path.relative_to(root))
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        return "a link out of the models folder is not followed"
    if LONGEST_PREFIX + len(name) > MAX_ID or UNPRINTABLE.search(name):
        return "its name is too long or not UTF-8, or nobody could read it"
    return _foreign(root, path) if path.is_dir() and alone(path) else ""


def _astray(path: Path) -> str:
    """Why a link that is no model is not followed: it could lead anywhere, or round for ever."""
    if not path.is_symlink():
        return ""
    if path.is_dir():
        return "a link to a folder is not entered"
    leads_nowhere = path.suffix.lower() in FILES and not path.exists()
    return "a link that leads nowhere" if leads_nowhere else ""


def _foreign(root: Path, path: Path) -> str:
    """Folders of other programs: a language model has a configuration and weights as well."""
    try:
        name = part_class(read_json(path / "config.json", root))
    except NotUsable:
        return ""
    return "" if name in PARTS_ALONE else f"{shown(name)} is no part of a diffusion model"

"""Public ids: the name a model has for clients, from where it lies and what it is."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from modelhub.kinds import NAMINGS, WEIGHTS, Kind

# What tools call every file they write: the folder's name says more.
GENERIC = frozenset(
    {
        "pytorch_lora_weights",
        "adapter_model",
        "diffusion_pytorch_model",
        "learned_embeds",
        "model",
        "ip-adapter",
        "lora",
    }
)

# What else of such a name says no more of the model.
PRECISIONS = frozenset({"fp16", "bf16", "fp32", "fp8"})
# Folders that hold one kind, and so say nothing of a single file; `.` is the models folder itself.
SHELVES = frozenset({".", *(naming.folder for naming in NAMINGS.values())})


@dataclass(frozen=True, slots=True)
class Place:
    """A model by its path, relative to the models folder."""

    path: str
    kind: Kind
    is_folder: bool

    @property
    def rank(self) -> tuple[int, int, str]:
        """Who has the short name of two: a folder, then safetensors, then what lies higher up."""
        file = PurePosixPath(self.path)
        layout = 0 if self.is_folder else 1 if file.suffix.lower() in WEIGHTS else 2
        return layout, len(file.parts), self.path


def public_ids(places: Iterable[Place]) -> dict[str, str]:
    """Path -> id. The prefix of the kind and the name; of two alike, the second has its path."""
    taken: set[str] = set()
    ids = {}
    for place in sorted(places, key=lambda place: place.rank):
        chosen = next(name for name in _choices(place) if name not in taken)
        taken.add(chosen)
        ids[place.path] = chosen
    return ids


def first_choice(place: Place) -> str:
    return next(_choices(place))


def is_generic(stem: str) -> bool:
    """Whether it is a name that a tool gave: with or without the precision."""
    name, _, ending = stem.rpartition(".")
    return stem in GENERIC or (name in GENERIC and ending in PRECISIONS)


def kind_by_folder(path: str) -> Kind:
    """What somebody who put the file there took it for; for files that do not say themselves."""
    folders: Mapping[str, Kind] = {
        row.folder: kind for kind, row in reversed(list(NAMINGS.items()))
    }
    return folders.get(PurePosixPath(path).parts[0], Kind.CHECKPOINT)


def _choices(place: Place) -> Iterator[str]:
    file = PurePosixPath(place.path)
    prefix = NAMINGS[place.kind].prefix
    stem = file.name if place.is_folder else file.stem
    if is_generic(stem) and str(file.parent) not in SHELVES:
        stem = file.parent.name
    within = place.path.removeprefix(f"{NAMINGS[place.kind].folder}/")
    # One letter can be written in two ways that look alike.
    yield unicodedata.normalize("NFC", prefix + stem)
    yield unicodedata.normalize("NFC", prefix + within)
    number = 2
    while True:
        yield unicodedata.normalize("NFC", f"{prefix}{within}~{number}")
        number += 1

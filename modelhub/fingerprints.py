"""Sizes and times of a model's files: unchanged since the last look, they need no other."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from modelhub.detection import adapters, companions, configs, directory, sidecars, signatures
from modelhub.families import TRAITS

# Raised with every change of the code, not the tables, that finds something else in a file.
RULES = 3
DIGITS = 16


def fingerprint(path: Path) -> str:
    """Three digests: of what this version knows, of the model's files, of its side-cars."""
    beside = set(sidecars.files(path))
    weights = _digest(_weights(path, beside), path)
    return ".".join((_rules(), weights, _digest(sorted(beside), path.parent)))


def weights_of(mark: str) -> str:
    """The digest of the model's own files in a fingerprint."""
    return mark.split(".")[1] if mark.count(".") == 2 else ""


@cache
def _rules() -> str:
    """A release that knows more looks at everything again."""
    tables = (
        RULES, TRAITS, signatures.TRANSFORMERS, signatures.UNETS, signatures.WIDTHS,
        signatures.CHANNELS, signatures.PARTS, signatures.QUANTISED, companions.COMPANIONS,
        companions.PIECES, adapters.BLOCKS, adapters.LYCORIS, adapters.NAMINGS,
        adapters.TEXT_WIDTHS, adapters.SDXL_ONLY, directory.CLASSES, directory.PARTS_ALONE,
        configs.FLUX_CHANNELS,
    )  # fmt: skip
    return hashlib.sha256(repr(tables).encode()).hexdigest()[:8]


def _weights(path: Path, beside: set[Path]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (file for name in sorted(names) if (file := Path(folder, name)) not in beside)


def _digest(files: Iterable[Path], within: Path) -> str:
    """Paths count from the model itself, so that one that was moved is known again."""
    seen = hashlib.sha256()
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        name = file.relative_to(within)
        line = f"{name} {status.st_size} {status.st_mtime_ns}\n"
        seen.update(line.encode(errors="surrogateescape"))
    return seen.hexdigest()[:DIGITS]

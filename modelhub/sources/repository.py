"""Which files of a repository are a model: weights that cannot carry code, and what they need."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelhub import variants
from modelhub.detection import directory
from modelhub.kinds import Kind
from modelhub.sources import names
from modelhub.sources.errors import NotThere, NotUsable, SourceFailed, TooMuch
from modelhub.variants import Weights

INDEX = "model_index.json"
CONFIG = "config.json"
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5", ".onnx", ".pb")
# Beside weights a part may have its configuration and the words of its tokenizer, nothing else.
PLAIN = (".json", ".txt")
PLAIN_NAMES = frozenset({"spiece.model", "sentencepiece.bpe.model"})
# Nobody here runs it: its folder says that it belongs, its gigabyte of weights is left out.
IDLE = frozenset({"safety_checker"})
MAX_INDEX = 1_000_000
# The largest pipelines have nine parts; each is looked for among all files.
MOST_PARTS = 30
# As many bytes as a row can count.
LARGEST = 2**63
SHA1 = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a repository: `sha256` where the hub keeps it apart as a large one, else git's own
    name of its content.
    """

    path: str
    size: int | None
    sha256: str = ""
    git_sha1: str = ""


def entries(listed: Any) -> Iterator[Entry]:
    """What a page of the hub's listing tells of files."""
    if not isinstance(listed, list):
        raise SourceFailed("The listing of the repository is not readable.")
    for each in listed:
        if not isinstance(each, dict) or each.get("type") != "file":
            continue
        path = each.get("path")
        # Nobody can mean a longer one, and thousands of them would fill the memory.
        if isinstance(path, str) and len(path) <= names.LONGEST_PATH:
            yield _entry(path, each)


def _entry(path: str, told: Mapping[str, Any]) -> Entry:
    """The sum of a large file is that of its content; what git names there is only a pointer."""
    large = told.get("lfs")
    if large is None:
        size = _size(told.get("size"))
        return Entry(path, size, git_sha1=_sum(SHA1, told.get("oid")) if size is not None else "")
    large = large if isinstance(large, dict) else {}
    return Entry(path, _size(large.get("size", told.get("size"))), _sum(SHA256, large.get("oid")))


def _size(told: object) -> int | None:
    fits = isinstance(told, int) and not isinstance(told, bool) and 0 <= told < LARGEST
    return told if fits else None  # type: ignore[return-value]  # an int, as was just seen


def _sum(form: re.Pattern[str], told: object) -> str:
    return told if isinstance(told, str) and form.fullmatch(told) else ""


def readable(told: bytes) -> Any:
    """A small JSON file as it came from somewhere."""
    try:
        return json.loads(told)
    except (ValueError, RecursionError):
        raise NotUsable(f"{INDEX} is not readable.") from None


def only_weights(listed: Sequence[Entry], repo: str) -> Entry:
    """The one file of weights of a repository that is no pipeline."""
    found = [entry for entry in listed if entry.path.endswith(names.WEIGHTS)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(sorted(_shown(entry.path) for entry in found)[:10])
        raise NotUsable(f"{repo} has several files: name one of {shown}.")
    if any(entry.path.lower().endswith(PICKLES) for entry in listed):
        raise NotUsable(
            f"{repo} has its weights only in formats that can carry code, none in {names.WEIGHTS}."
        )
    raise NotThere(f"{repo} has no weights.")


def pipeline(index: Any, listed: Sequence[Entry]) -> Mapping[str, Entry]:
    """The files of a pipeline by where they go; half precision where every part has it whole."""
    by_part = {part: (stem, _of(part, listed)) for part, stem in _parts(index).items()}
    weighed = {
        part: _sets(_shown(part), stem, files)
        for part, (stem, files) in by_part.items()
        if part not in IDLE and _has_weights(files)
    }
    half = all(variants.HALF in sets for sets in weighed.values())
    chosen = {INDEX: next(entry for entry in listed if entry.path == INDEX)}
    for part, (stem, files) in by_part.items():
        taken = _plain(files)
        if sets := weighed.get(part):
            weights = sets[variants.HALF] if half else next(iter(sets.values()))
            taken |= _named(weights, stem, files)
        chosen |= {f"{part}/{name}": entry for name, entry in taken.items()}
    return chosen


def part(config: Any, listed: Sequence[Entry]) -> tuple[Kind, Mapping[str, Entry]]:
    """The files of a repository that is one part, and what it is a part for."""
    made_of = directory.part_class(config) if isinstance(config, dict) else ""
    row = directory.PARTS_ALONE.get(made_of)
    if row is None:
        raise NotUsable(f"{_shown(made_of)} is no part of a pipeline that runs here.")
    files = {entry.path: entry for entry in listed if "/" not in entry.path}
    stem = variants.STEMS[row.library]
    sets = _sets("It", stem, files)
    weights = sets.get(variants.HALF) or next(iter(sets.values()))
    return row.kind, {CONFIG: files[CONFIG]} | _named(weights, stem, files)


def _parts(index: Any) -> dict[str, str]:
    """Part -> what its weights are called."""
    if not isinstance(index, dict):
        raise NotUsable(f"{INDEX} is not readable.")
    if index.get("_class_name") not in directory.CLASSES:
        raise NotUsable(f"{_shown(index.get('_class_name'))} is no pipeline that runs here.")
    parts = {}
    for name, value in index.items():
        if name.startswith("_") or not isinstance(value, list) or value == [None, None]:
            continue
        library, made_of = (*value, None, None)[:2]
        known = library in directory.LIBRARIES and (
            made_of in directory.PART_CLASSES or str(made_of).endswith("Scheduler")
        )
        if not known or not name.isidentifier():
            raise NotUsable(f"Its part {_shown(name)} is foreign code: {_shown(made_of)}.")
        parts[name] = variants.STEMS[library]
    if len(parts) > MOST_PARTS:
        raise TooMuch(f"It has {len(parts)} parts; a pipeline has at most {MOST_PARTS}.")
    return parts


def _of(part: str, listed: Sequence[Entry]) -> dict[str, Entry]:
    """The files in the folder of a part, not those in folders below it, by name."""
    start = f"{part}/"
    inside = {e.path.removeprefix(start): e for e in listed if e.path.startswith(start)}
    return {name: entry for name, entry in inside.items() if "/" not in name}


def _has_weights(files: Mapping[str, Entry]) -> bool:
    return any(name.endswith((names.WEIGHTS, *PICKLES)) for name in files)


def _plain(files: Mapping[str, Entry]) -> dict[str, Entry]:
    return {
        name: entry
        for name, entry in files.items()
        if (name.endswith(PLAIN) or name in PLAIN_NAMES) and ".index." not in name
    }


def _sets(whose: str, stem: str, files: Mapping[str, Entry]) -> dict[str, Weights]:
    """Variant -> weights; raises NotUsable where none is whole."""
    sets = {weights.variant: weights for weights in variants.whole(files, stem)}
    if not sets:
        raise NotUsable(
            f"{whose} has no whole set of {names.WEIGHTS} weights; other formats can carry code."
        )
    return sets


def _named(weights: Weights, stem: str, files: Mapping[str, Entry]) -> dict[str, Entry]:
    """The weights as they are called here: a single file plainly, shards as their list says."""
    if weights.listing:
        return {name: files[name] for name in (weights.listing, *weights.files)}
    return {f"{stem}{names.WEIGHTS}": files[weights.files[0]]}


def _shown(value: object) -> str:
    return json.dumps(str(value))[:80]

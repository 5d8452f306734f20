"""Side-cars: what a person wrote beside a model, read by a safe parser and held against a schema.

`x.json`, `x.yaml` or `x.yml` beside `x.safetensors` or the folder `x`, or `alice.json`,
`alice.yaml`, `alice.yml` inside the folder. Keys of the replaced client, and our own. What is wrong
is told and left out; nothing here is fatal. Of other programs' files two are read for trigger words:
A1111's own keys in `x.json`, and `x.civitai.info`; anything else of theirs is ignored.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from modelhub.detection.found import NotUsable, inside
from modelhub.detection.sidecar_schema import checked
from modelhub.detection.told import plain, words
from modelhub.values import Wrong

MAX_BYTES = 64_000
MAX_CIVITAI_BYTES = 2_000_000
MAX_DEPTH = 8
SUFFIXES = (".json", ".yaml", ".yml")
WITHIN = "alice"
CIVITAI = ".civitai.info"
# What A1111 keeps in a file of the same name: one key is of use, the others are its own business.
A1111_WORDS = "activation text"
A1111 = frozenset(
    {A1111_WORDS, "sd version", "preferred weight", "negative text", "notes", "category"}
)


def files(path: Path) -> Iterator[Path]:
    """The side-cars that a model may have, whether they exist or not; the first that does counts."""
    is_folder = path.is_dir()
    stem = path.name if is_folder else path.stem
    for suffix in SUFFIXES:
        yield path.with_name(stem + suffix)
    for suffix in SUFFIXES if is_folder else ():
        yield path / (WITHIN + suffix)
    yield path.with_name(stem + CIVITAI)


def read(path: Path, root: Path) -> tuple[dict[str, Any], str]:
    """What is said of the model at `path`, checked; and what is wrong with it, in words."""
    there = [file for file in files(path) if _is_there(file)]
    own = [file for file in there if not file.name.endswith(CIVITAI)]
    said: dict[str, Any] = {}
    problems: list[str] = []
    try:
        if own:
            said, problems = _own(inside(own[0], root))
        problems += [f"{file.name} is not read beside {own[0].name}" for file in own[1:]]
        if len(there) > len(own):
            said = _civitai(inside(there[-1], root)) | said
    except (Wrong, NotUsable, OSError) as problem:
        problems.append(f"{there[0].name}: {problem}")
    return said, plain("; ".join(problems), 2000)


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        # With its longer ending the name may be one that no file can have.
        return False


def _own(file: Path) -> tuple[dict[str, Any], list[str]]:
    data = _parsed(file)
    if not isinstance(data, dict):
        raise Wrong("must be an object of keys and values")
    if A1111_WORDS in data:
        data.setdefault("trigger_words", data[A1111_WORDS])
    ours = {key: value for key, value in data.items() if key not in A1111}
    said, problems = checked(ours)
    return said, [f"{file.name}: {problem}" for problem in problems]


def _parsed(file: Path) -> Any:
    if file.stat().st_size > MAX_BYTES:
        raise Wrong(f"is larger than {MAX_BYTES} bytes")
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        return json.loads(text) if file.suffix == ".json" else _yaml(text)
    except UnicodeDecodeError:
        raise Wrong("is not UTF-8") from None
    except yaml.MarkedYAMLError as problem:
        line = f" in line {problem.problem_mark.line + 1}" if problem.problem_mark else ""
        raise Wrong(f"is not readable YAML{line}") from None
    except (ValueError, RecursionError, yaml.YAMLError) as problem:
        if isinstance(problem, Wrong):
            raise
        raise Wrong(f"is not readable {'JSON' if file.suffix == '.json' else 'YAML'}") from None


def _yaml(text: str) -> Any:
    """No aliases, no tags of Python's, no depth: what a person writes by hand needs none."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise Wrong("may hold no aliases")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise Wrong("is nested too deeply")
    return yaml.safe_load(text)


def _civitai(file: Path) -> dict[str, Any]:
    """The trigger words that its download came with. Somebody else's file: no complaints."""
    if file.stat().st_size > MAX_CIVITAI_BYTES:
        return {}
    try:
        data = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return {}
    trained = data.get("trainedWords") if isinstance(data, dict) else None
    said = words(trained) if isinstance(trained, list) else ()
    return {"trigger_words": list(said)} if said else {}

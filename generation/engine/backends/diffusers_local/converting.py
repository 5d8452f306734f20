"""A checkpoint in one file, written once as a diffusers folder in the format this device computes in."""

import json
from pathlib import Path
from typing import Any

import torch

from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local import loading, quiet
from generation.engine.backends.diffusers_local.single_file import SingleFile
from generation.engine.contract import ModelRef
from generation.engine.errors import EngineError, ModelUnloadable, NotSupported


def convert(model: ModelRef, device: str, target: Path) -> str:
    """Fill the empty folder `target`; the dtype that was written. Raises what loading raises."""
    quiet.quieten()
    row = loading.row_of(model)
    source = loading.source_of(model, row)
    if not isinstance(source, SingleFile):
        raise NotSupported(f"{model.id} is a diffusers folder already.")
    try:
        dtype = devices.dtype_for(devices.choose(device), source.parameters())
        _write(source, dtype, target)
    except EngineError:
        raise
    # Whatever the libraries below raise on foreign or damaged files.
    except Exception as error:
        what = str(error).replace(model.path, model.id)
        raise ModelUnloadable(f"{model.id} cannot be converted: {what}") from error
    return devices.name_of(dtype)


def _write(source: SingleFile, dtype: torch.dtype, target: Path) -> None:
    row = source.row
    said = source.index()
    schedule = source.schedule()
    index: dict[str, Any] = {"_class_name": row.cls}
    index |= {name: said[name] for name in row.settings if name in said}
    for name, part in row.parts.items():
        # One after the other: a large model need not fit into memory twice.
        loaded = source.part(name, part, dtype)
        index[name] = [part.library, part.cls] if loaded is not None else [None, None]
        if loaded is not None:
            loaded.save_pretrained(target / name)
    index["scheduler"] = ["diffusers", schedule["_class_name"]]
    _write_json(target / "scheduler" / "scheduler_config.json", schedule)
    _write_json(target / "model_index.json", index)
    for file in target.rglob("*"):
        # The libraries write for their own user only; a worker may run as another.
        file.chmod(0o755 if file.is_dir() else 0o644)


def _write_json(file: Path, data: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, indent=2))

"""A checkpoint's directory to a pipeline: offline, safetensors only, nothing but known classes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import safe_open

from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local import previews, schedulers
from generation.engine.backends.diffusers_local.pipelines import PIPELINES, Part, Pipeline
from generation.engine.contract import ModelRef, Task
from generation.engine.errors import EngineError, ModelUnloadable, NotSupported
from generation.engine.samplers import SAMPLERS
from modelhub.families import Family

_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


@dataclass(frozen=True, slots=True)
class Warm:
    """A model ready to draw. `schedule` is the checkpoint's own scheduler configuration."""

    model: ModelRef
    pipe: Any
    row: Pipeline
    device: torch.device
    dtype: torch.dtype
    schedule: Mapping[str, Any]
    colours: previews.LatentMap | None


def load(model: ModelRef, device: torch.device) -> Warm:
    """Read the model at `model.path`; raises ModelUnloadable, NotSupported, OutOfMemory."""
    row = PIPELINES.get((Family(model.family), Task.TXT2IMG))
    if row is None:
        raise NotSupported(f"The diffusers back end does not know the family {model.family}.")
    try:
        with devices.faults_named(device):
            return _load(model, row, device)
    except EngineError:
        raise
    # Whatever the three libraries below raise on foreign or damaged files: there is no common class.
    except Exception as error:
        # Callers read this, and where files lie on this host is none of their business.
        what = str(error).replace(f"{model.path}/", "").replace(model.path, model.id)
        raise ModelUnloadable(f"{model.id} cannot be loaded: {what}") from error


def _load(model: ModelRef, row: Pipeline, device: torch.device) -> Warm:
    folder = Path(model.path)
    index = _checked_index(folder, row)
    schedule = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    dtype = devices.dtype_for(device, _parameters(folder / "unet"))
    parts = {name: _part(folder / name, part, dtype) for name, part in row.parts.items()}
    settings = {name: index[name] for name in row.settings if name in index}
    pipe = getattr(diffusers, row.cls)(
        **parts,
        **row.options,
        **settings,
        scheduler=schedulers.build(next(iter(SAMPLERS)), schedule),
    )
    if pipe.unet.config.in_channels != pipe.vae.config.latent_channels:
        raise NotSupported("This UNet wants more than latents (an inpainting model?).")
    pipe.set_progress_bar_config(disable=True)
    pipe.to(device)
    if device.type == "cuda" or dtype == torch.bfloat16:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    colours = previews.map_for(folder, Family(model.family), pipe.vae.config.latent_channels)
    return Warm(model, pipe, row, device, dtype, schedule, colours)


def _checked_index(folder: Path, row: Pipeline) -> dict[str, Any]:
    """model_index.json, once it names only the classes of our table."""
    index: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    if index.get("_class_name") != row.cls:
        raise ModelUnloadable(f"This is a {index.get('_class_name')}, not a {row.cls}.")
    for name, part in row.parts.items():
        # Older checkpoints name the tokenizer's fast twin; both are one class now.
        library, cls = index.get(name, ("nothing", "nothing"))
        if (library, str(cls).removesuffix("Fast")) != (part.library, part.cls):
            raise ModelUnloadable(f"Its {name} is {library}.{cls}, not {part.library}.{part.cls}.")
    if script := next(folder.rglob("*.py"), None):
        raise ModelUnloadable(f"It carries program code ({script.name}); only weights are loaded.")
    return index


def _part(folder: Path, part: Part, dtype: torch.dtype) -> Any:
    cls = getattr(_LIBRARIES[part.library], part.cls)
    if not folder.is_dir():
        raise ModelUnloadable(f"Its {folder.name} folder is missing.")
    if not issubclass(cls, torch.nn.Module):
        return cls.from_pretrained(folder, local_files_only=True)
    if not any(folder.glob("*.safetensors")):
        raise ModelUnloadable(f"Its {folder.name} has no weights in the safetensors format.")
    loaded, report = cls.from_pretrained(
        folder,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        variant=_variant(folder),
    )
    # The libraries fill a gap with random numbers and only log it; the pictures would be noise.
    if gaps := [key for key in report["missing_keys"] if not key.endswith("position_ids")]:
        raise ModelUnloadable(f"{folder.name} lacks {len(gaps)} tensors, among them {gaps[0]}.")
    return loaded.eval()


def _variant(folder: Path) -> str | None:
    """fp16 where the checkpoint brings its weights under that name only."""
    plain = [path for path in folder.glob("*.safetensors") if ".fp16" not in path.name]
    return None if plain else "fp16"


def _parameters(folder: Path) -> int:
    """Parameters in a component's files, from their headers alone."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="pt") as weights:
            names = weights.keys()
            total += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
    return total

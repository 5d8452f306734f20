"""A checkpoint to a pipeline: offline, safetensors only, nothing but known classes."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local import folders, schedulers, sharing
from generation.engine.backends.diffusers_local.colours import LatentMap, map_for
from generation.engine.backends.diffusers_local.pipelines import PIPELINES, Pipeline
from generation.engine.backends.diffusers_local.single_file import SingleFile
from generation.engine.contract import ModelRef, Task
from generation.engine.errors import EngineError, ModelUnloadable, NotSupported
from modelhub import copies
from modelhub.families import Family

logger = logging.getLogger(__name__)
Source = folders.Folder | SingleFile
# model_index.json, the noise schedule, the components.
Contents = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
# The one sampler that suits every kind of checkpoint; each call brings its own.
_ANY = "euler"


@dataclass(frozen=True, slots=True)
class Warm:
    """A model ready to draw. `schedule` is the checkpoint's own scheduler configuration."""

    model: ModelRef
    pipe: Any
    row: Pipeline
    device: torch.device
    dtype: torch.dtype
    schedule: Mapping[str, Any]
    colours: LatentMap | None


def load(model: ModelRef, device: torch.device, warm: Iterable[Warm] = ()) -> Warm:
    """Read the model, sharing with `warm` ones what is the same; raises ModelUnloadable,
    NotSupported, OutOfMemory.
    """
    row = row_of(model)
    try:
        with devices.faults_named(device):
            return _load(model, row, device, warm)
    except EngineError:
        raise
    # Whatever the three libraries below raise on foreign or damaged files: there is no common class.
    except Exception as error:
        # Callers read this, and where files lie on this host is none of their business.
        what = str(error).replace(f"{model.path}/", "").replace(model.path, model.id)
        raise ModelUnloadable(f"{model.id} cannot be loaded: {what}") from error


def row_of(model: ModelRef) -> Pipeline:
    row = PIPELINES.get((Family(model.family), Task.TXT2IMG))
    if row is None:
        raise NotSupported(f"The diffusers back end does not know the family {model.family}.")
    if model.variant == "refiner":
        raise NotSupported("A refiner only finishes pictures of its base and draws none itself.")
    return row


def source_of(model: ModelRef, row: Pipeline) -> Source:
    if model.layout == "single_file":
        return SingleFile(model, row)
    return folders.Folder(Path(model.path), row)


def _read_fast(source: SingleFile, dtype: torch.dtype) -> Contents | None:
    """From the converted copy, where there is one of this very file; it may be damaged."""
    model, row = source.model, source.row
    path = Path(model.copy)
    if not model.copy or not copies.fits(path, Path(model.path), devices.name_of(dtype)):
        return None
    try:
        index, _, parts = _read(folders.Folder(path, row), row, dtype)
        for name in [name for name, part in parts.items() if part is None]:
            # It may have been put beside the file since the copy was made.
            parts[name] = source.part(name, row.parts[name], dtype)
    # As above; but here the file itself is still there to be read.
    except Exception as error:
        if devices.is_out_of_memory(error):
            raise
        logger.warning("%s: its copy cannot be read: %s", model.id, error)
        return None
    # Side-cars may say since then that it predicts something else.
    return index, source.schedule(), parts


def _read(source: Source, row: Pipeline, dtype: torch.dtype) -> Contents:
    index, schedule = source.index(), source.schedule()
    return index, schedule, {n: source.part(n, part, dtype) for n, part in row.parts.items()}


def _load(model: ModelRef, row: Pipeline, device: torch.device, warm: Iterable[Warm]) -> Warm:
    source = source_of(model, row)
    dtype = devices.dtype_for(device, source.parameters())
    fast = _read_fast(source, dtype) if isinstance(source, SingleFile) else None
    index, schedule, parts = fast or _read(source, row, dtype)
    sharing.share(parts, [other.pipe for other in warm], device)
    pipe = getattr(diffusers, row.cls)(
        **parts,
        **row.options,
        **{name: index[name] for name in row.settings if name in index},
        scheduler=schedulers.build(_ANY, schedule),
    )
    denoiser = getattr(pipe, row.denoiser)
    if denoiser.config.in_channels != pipe.vae.config.latent_channels * row.patch**2:
        raise NotSupported("It wants more than latents (an inpainting model?).")
    pipe.set_progress_bar_config(disable=True)
    pipe.to(device)
    # Patches are multiplied, not convolved: a transformer gains nothing from the other layout.
    if row.denoiser == "unet" and (device.type == "cuda" or dtype == torch.bfloat16):
        denoiser.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    channels = pipe.vae.config.latent_channels
    colours = map_for(source_of(model, row).home, Family(model.family), channels)
    return Warm(model, pipe, row, device, dtype, schedule, colours)

"""One spec to pictures with a warm pipeline: encode, denoise, decode, each on the clock."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from generation.engine.backends.diffusers_local import decoding, memory, schedulers
from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local.loading import Warm
from generation.engine.backends.diffusers_local.progress import Progress
from generation.engine.backends.diffusers_local.prompts import Conditions
from generation.engine.contract import JobSpec, Picture, Result, Timings
from generation.engine.errors import NotSupported, OutOfMemory


@torch.inference_mode()
def draw(warm: Warm, spec: JobSpec, at_once: int, progress: Progress) -> Result:
    """All images of the spec, `at_once` of them together."""
    timings = Timings()
    with _timed(timings, "encode_ms", warm.device):
        conditions = warm.row.encode(warm.pipe, spec)
    pictures = []
    for first in range(0, spec.n, at_once):
        indices = range(first, min(first + at_once, spec.n))
        with _timed(timings, "denoise_ms", warm.device):
            latents = _latents(warm, spec, conditions, indices, progress)
        with _timed(timings, "decode_ms", warm.device):
            for index, latent in zip(indices, latents, strict=True):
                raster = decoding.decode(warm.pipe.vae, latent[None])
                pictures.append(Picture(index, spec.seed_of(index), raster))
    return Result(tuple(pictures), timings)


def check_size(warm: Warm, spec: JobSpec) -> None:
    """A checkpoint's VAE may be coarser than its family's table says."""
    factor = warm.pipe.vae_scale_factor * warm.row.patch
    if spec.width % factor or spec.height % factor:
        raise NotSupported(
            f"{spec.width}x{spec.height} is not a multiple of {factor}, as this model needs."
        )


def evaluations(warm: Warm, spec: JobSpec, at_once: int) -> int:
    """How many steps the watcher will see for this spec."""
    chunks = -(-spec.n // at_once)
    return chunks * schedulers.evaluations(spec.scheduler, warm.schedule, spec.num_inference_steps)


def _latents(
    warm: Warm, spec: JobSpec, conditions: Conditions, indices: Sequence[int], progress: Progress
) -> torch.Tensor:
    """(images, channels, h, w). Out of memory: once more, image by image, with the cache freed."""
    before = progress.done
    try:
        return _denoised(warm, spec, conditions, indices, progress)
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
    # Out of the except block: its traceback would keep the failed attempt's tensors alive.
    memory.free(warm.device)
    progress.done = before
    progress.total += evaluations(warm, spec, 1) // spec.n * (len(indices) - 1)
    try:
        alone = [_denoised(warm, spec, conditions, [index], progress) for index in indices]
    except (RuntimeError, MemoryError) as error:
        if not devices.is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"{spec.width}x{spec.height} does not fit: {memory.described(warm.device)}."
        ) from error
    return torch.cat(alone)


def _denoised(
    warm: Warm, spec: JobSpec, conditions: Conditions, indices: Sequence[int], progress: Progress
) -> torch.Tensor:
    pipe = warm.pipe
    pipe.scheduler = schedulers.build(spec.scheduler, warm.schedule)
    progress.follow(pipe.scheduler, warm.colours, partial(_unpacked, warm, spec))
    answer: Any = pipe(
        **conditions,
        width=spec.width,
        height=spec.height,
        num_inference_steps=spec.num_inference_steps,
        guidance_scale=spec.guidance_scale,
        num_images_per_prompt=len(indices),
        # On the CPU whatever the device: the same seed starts from the same noise everywhere.
        generator=[torch.Generator("cpu").manual_seed(spec.seed_of(index)) for index in indices],
        output_type="latent",
        return_dict=False,
        callback_on_step_end=progress,
    )
    return _unpacked(warm, spec, answer[0])


def _unpacked(warm: Warm, spec: JobSpec, latents: torch.Tensor) -> torch.Tensor:
    """As the VAE wants them: some transformers work on a list of patches."""
    patch = warm.row.patch
    if patch == 1:
        return latents
    rows, columns = (
        side // warm.pipe.vae_scale_factor // patch for side in (spec.height, spec.width)
    )
    images, _, depth = latents.shape
    grid = latents.reshape(images, rows, columns, depth // patch**2, patch, patch)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(images, -1, rows * patch, columns * patch)


@contextmanager
def _timed(timings: Timings, stage: str, device: torch.device) -> Iterator[None]:
    started = time.perf_counter()
    yield
    devices.synchronize(device)
    spent = (time.perf_counter() - started) * 1000
    setattr(timings, stage, getattr(timings, stage) + spent)

"""Latents to pixels, with the checks that keep black and broken pictures from passing as success."""

from typing import Any

import torch

from generation.engine.backends.diffusers_local import device, memory
from generation.engine.contract import Raster
from generation.engine.errors import NumericalError, OutOfMemory


def decode(vae: Any, latent: torch.Tensor) -> Raster:
    """One (1, channels, h, w) latent as 8-bit RGB; raises NumericalError, OutOfMemory."""
    if not torch.isfinite(latent).all():
        raise NumericalError("Denoising ended in values that are not numbers.")
    pixels = _pixels(vae, latent)
    if pixels is None and vae.dtype != torch.float32:
        pixels = _in_full_precision(vae, latent)
    if pixels is None:
        raise NumericalError("The decoder made a blank picture or values that are not numbers.")
    height, width, _ = pixels.shape
    return Raster(width, height, pixels.numpy().tobytes())


def _in_full_precision(vae: Any, latent: torch.Tensor) -> torch.Tensor | None:
    """Some VAEs overflow in half precision only."""
    half = vae.dtype
    _convert(vae, torch.float32)
    try:
        return _pixels(vae, latent)
    finally:
        _convert(vae, half)


def _convert(vae: Any, dtype: torch.dtype) -> None:
    """Out of inference mode, which would mark the model's own weights for ever."""
    with torch.inference_mode(mode=False):
        vae.to(dtype)


def _pixels(vae: Any, latent: torch.Tensor) -> torch.Tensor | None:
    """(h, w, 3) bytes on the CPU; None where they are no picture."""
    image = _decoded(vae, _unscaled(vae.config, latent.to(vae.dtype)))[0].float()
    if not torch.isfinite(image).all():
        return None
    # In float32, or bfloat16 would band the sky; the formula is diffusers' own, to the last bit.
    image = (image * 0.5 + 0.5).clamp(0, 1) * 255
    pixels = image.round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu()
    return None if bool((pixels == pixels[0, 0]).all()) else pixels


def _unscaled(config: Any, latent: torch.Tensor) -> torch.Tensor:
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    # Those of SD 3 and FLUX lie around another middle than 0.
    scaled = latent / float(config.scaling_factor) + float(getattr(config, "shift_factor", 0) or 0)
    if mean is None or std is None:
        return scaled
    shape = (1, len(mean), 1, 1)
    return scaled * latent.new_tensor(std).view(shape) + latent.new_tensor(mean).view(shape)


def _decoded(vae: Any, latent: torch.Tensor) -> torch.Tensor:
    """Whole, and when that does not fit, in tiles: softer at their seams, but a picture."""
    for in_tiles in (False, True):
        vae.use_tiling = in_tiles
        try:
            decoded: torch.Tensor = vae.decode(latent, return_dict=False)[0]
        except (RuntimeError, MemoryError) as error:
            if not device.is_out_of_memory(error):
                raise
        else:
            return decoded
        finally:
            vae.use_tiling = False
        # Out of the except block: its traceback would keep the failed attempt's tensors alive.
        memory.free(latent.device)
    raise OutOfMemory(f"Decoding does not fit even in tiles: {memory.described(latent.device)}.")

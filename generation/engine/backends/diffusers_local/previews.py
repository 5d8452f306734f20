"""A cheap look at pictures under way: latents to colours by one linear map, without the VAE."""

import math
from functools import wraps
from typing import Any

import torch
from torch.nn.functional import interpolate

from generation.engine.backends.diffusers_local import schedulers
from generation.engine.backends.diffusers_local.colours import LatentMap
from generation.engine.contract import Raster

SIDE = 256


class Glimpse:
    """Keeps what a scheduler's last step was given, to guess where the picture is heading.

    It holds references, no copies, and reckons only when asked: a step costs nothing more.
    """

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._given: tuple[torch.Tensor, Any, torch.Tensor] | None = None
        step = scheduler.step

        # The pipeline reads the signature to learn what else a scheduler takes.
        @wraps(step)
        def watched(output: torch.Tensor, time: Any, sample: torch.Tensor, **more: Any) -> Any:
            self._given = (output[:1], time, sample[:1])
            return step(output, time, sample, **more)

        scheduler.step = watched

    def latents(self) -> torch.Tensor:
        """The first image's latents without their noise, as the network sees them by now."""
        if self._given is None:
            raise RuntimeError("A glimpse was asked for before the first step.")
        output, time, sample = self._given
        output, sample = output.float().cpu(), sample.float().cpu()
        if schedulers.is_flow({"_class_name": type(self._scheduler).__name__}):
            # The network tells the way from the picture to the noise, which lies so far behind.
            return sample - float(self._scheduler.sigmas[self._scheduler.step_index - 1]) * output
        kept = self._kept(time)
        signal, noise = math.sqrt(kept), math.sqrt(1 - kept)
        if float(self._scheduler.init_noise_sigma) > 1:
            # Euler and LMS let latents grow with the noise; the others keep them at one variance.
            sample = sample * signal
        kind = self._scheduler.config.prediction_type
        if kind == "epsilon":
            return (sample - noise * output) / signal
        if kind == "v_prediction":
            return signal * sample - noise * output
        return output

    def _kept(self, time: Any) -> float:
        """The share of the picture's variance that the noise had left before the last step."""
        sigmas = getattr(self._scheduler, "sigmas", None)
        if sigmas is None:
            return float(self._scheduler.alphas_cumprod[int(time)])
        return 1 / (float(sigmas[self._scheduler.step_index - 1]) ** 2 + 1)


def raster(latents: torch.Tensor, colours: LatentMap) -> Raster:
    """(1, channels, h, w) latents as a small picture, its longer side SIDE pixels."""
    factors = torch.tensor(colours.factors, dtype=torch.float32)
    bias = torch.tensor(colours.bias, dtype=torch.float32)
    rgb = torch.einsum("nchw,cr->nrhw", latents, factors) + bias.view(1, 3, 1, 1)
    factor = SIDE / max(rgb.shape[2:])
    large = interpolate(rgb, scale_factor=factor, mode="bicubic")
    pixels = (large[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    height, width, _ = pixels.shape
    return Raster(width, height, pixels.contiguous().numpy().tobytes())

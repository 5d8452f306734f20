"""A cheap look at pictures under way: latents to colours by one linear map, without the VAE."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch.nn.functional import interpolate

from generation.engine.backends.diffusers_local import schedulers
from generation.engine.contract import Raster
from generation.engine.errors import ModelUnloadable
from modelhub.families import Family, LatentRgb

SIDE = 256
FILE = "latent_rgb.json"


@dataclass(frozen=True, slots=True)
class LatentMap:
    """Red, green and blue (0..1) are the latent channels times `factors`, plus `bias`."""

    factors: LatentRgb
    bias: tuple[float, float, float]


# Known linear fits of the families' own VAEs, halved and shifted from -1..1 to 0..1.
_SD = LatentMap(
    (
        (0.149, 0.1035, 0.104),
        (0.0935, 0.143, 0.0865),
        (-0.079, 0.0945, 0.132),
        (-0.092, -0.1355, -0.2365),
    ),
    (0.5, 0.5, 0.5),
)
_SDXL = LatentMap(
    (
        (0.235, 0.235, 0.235),
        (-0.235, -0.02, 0.039),
        (0.098, 0.059, -0.02),
        (-0.275, -0.196, -0.137),
    ),
    (0.588, 0.549, 0.51),
)
KNOWN: Mapping[Family, LatentMap] = MappingProxyType(
    {Family.SD1: _SD, Family.SD2: _SD, Family.SDXL: _SDXL}
)


def map_for(folder: Path, family: Family, channels: int) -> LatentMap | None:
    """The checkpoint's own map when it brings one, else its family's; None: no previews."""
    path = folder / FILE
    found = _read(path) if path.is_file() else KNOWN.get(family)
    if found and len(found.factors) != channels:
        raise ModelUnloadable(f"Its latents have {channels} channels, those of {FILE} do not.")
    return found


def _read(path: Path) -> LatentMap:
    try:
        data = json.loads(path.read_text())
        red, green, blue = map(float, data["bias"])
        rows = tuple((float(r), float(g), float(b)) for r, g, b in data["factors"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnloadable(f"{FILE} is not a map from latents to colours: {error}") from error
    return LatentMap(rows, (red, green, blue))


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

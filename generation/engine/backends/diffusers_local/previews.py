"""A cheap look at pictures under way: latents to colours by one linear map, without the VAE."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch.nn.functional import interpolate

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


def raster(latents: torch.Tensor, scheduler: Any, colours: LatentMap) -> Raster:
    """The first of (n, channels, h, w) latents as a small picture, its longer side SIDE pixels."""
    latent = latents[:1].float().cpu() / _scale(scheduler)
    factors, bias = torch.tensor(colours.factors), torch.tensor(colours.bias)
    rgb = torch.einsum("nchw,cr->nrhw", latent, factors) + bias.view(1, 3, 1, 1)
    factor = SIDE / max(rgb.shape[2:])
    large = interpolate(rgb, scale_factor=factor, mode="bicubic")
    pixels = (large[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    height, width, _ = pixels.shape
    return Raster(width, height, pixels.contiguous().numpy().tobytes())


def _scale(scheduler: Any) -> float:
    """Euler and LMS let latents grow with the noise; the others keep them at unit variance."""
    if float(scheduler.init_noise_sigma) <= 1:
        return 1.0
    sigma = float(scheduler.sigmas[scheduler.step_index])
    return float((sigma**2 + 1) ** 0.5)

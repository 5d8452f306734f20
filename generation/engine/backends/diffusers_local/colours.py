"""Latent channels as colours: one linear map for each VAE, carried over from where it is published.

SD 1 and 2: the fit in "Decoding latents to RGB without upscaling", Hugging Face forum, topic 23204.
SDXL: Timothy Alexis Vass, "Explaining the SDXL latent space", Hugging Face blog.
SD 3, 3.5 and FLUX.1: the classes `SD3` and `Flux` of ComfyUI, `comfy/latent_formats.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from generation.engine.errors import ModelUnloadable
from modelhub.families import Family, LatentRgb

FILE = "latent_rgb.json"


@dataclass(frozen=True, slots=True)
class LatentMap:
    """Red, green and blue (0..1) are the latent channels times `factors`, plus `bias`."""

    factors: LatentRgb
    bias: tuple[float, float, float]


def _signed(bias: tuple[float, float, float], *factors: tuple[float, float, float]) -> LatentMap:
    """A map published for colours of -1..1."""
    red, green, blue = bias
    return LatentMap(
        tuple((r / 2, g / 2, b / 2) for r, g, b in factors),
        ((red + 1) / 2, (green + 1) / 2, (blue + 1) / 2),
    )


_SD = _signed(
    (0.0, 0.0, 0.0),
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
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
_SD3 = _signed(
    (0.2394, 0.2135, 0.1925),
    (-0.0922, -0.0175, 0.0749),
    (0.0311, 0.0633, 0.0954),
    (0.1994, 0.0927, 0.0458),
    (0.0856, 0.0339, 0.0902),
    (0.0587, 0.0272, -0.0496),
    (-0.0006, 0.1104, 0.0309),
    (0.0978, 0.0306, 0.0427),
    (-0.0042, 0.1038, 0.1358),
    (-0.0194, 0.0020, 0.0669),
    (-0.0488, 0.0130, -0.0268),
    (0.0922, 0.0988, 0.0951),
    (-0.0278, 0.0524, -0.0542),
    (0.0332, 0.0456, 0.0895),
    (-0.0069, -0.0030, -0.0810),
    (-0.0596, -0.0465, -0.0293),
    (-0.1448, -0.1463, -0.1189),
)
_FLUX = _signed(
    (-0.0329, -0.0718, -0.0851),
    (-0.0346, 0.0244, 0.0681),
    (0.0034, 0.0210, 0.0687),
    (0.0275, -0.0668, -0.0433),
    (-0.0174, 0.0160, 0.0617),
    (0.0859, 0.0721, 0.0329),
    (0.0004, 0.0383, 0.0115),
    (0.0405, 0.0861, 0.0915),
    (-0.0236, -0.0185, -0.0259),
    (-0.0245, 0.0250, 0.1180),
    (0.1008, 0.0755, -0.0421),
    (-0.0515, 0.0201, 0.0011),
    (0.0428, -0.0012, -0.0036),
    (0.0817, 0.0765, 0.0749),
    (-0.1264, -0.0522, -0.1103),
    (-0.0280, -0.0881, -0.0499),
    (-0.1262, -0.0982, -0.0778),
)
KNOWN: Mapping[Family, LatentMap] = MappingProxyType(
    {
        Family.SD1: _SD,
        Family.SD2: _SD,
        Family.SDXL: _SDXL,
        Family.SD3: _SD3,
        Family.FLUX: _FLUX,
    }
)


def map_for(folder: Path, family: Family, channels: int) -> LatentMap | None:
    """The checkpoint's own map when it brings one, else its family's; None: no previews."""
    path = folder / FILE
    if not path.is_file():
        known = KNOWN.get(family)
        # A VAE of another width is not the one the family's map was fitted to.
        return known if known and len(known.factors) == channels else None
    own = _read(path)
    if len(own.factors) != channels:
        raise ModelUnloadable(f"Its latents have {channels} channels, those of {FILE} do not.")
    return own


def _read(path: Path) -> LatentMap:
    try:
        data = json.loads(path.read_text())
        red, green, blue = map(float, data["bias"])
        rows = tuple((float(r), float(g), float(b)) for r, g, b in data["factors"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnloadable(f"{FILE} is not a map from latents to colours: {error}") from error
    return LatentMap(rows, (red, green, blue))

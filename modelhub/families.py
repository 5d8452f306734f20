"""The families of diffusion models and what sets them apart. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Family(StrEnum):
    SD1 = "sd1"
    SD2 = "sd2"
    SD_CUSTOM = "sd-custom"
    SDXL = "sdxl"
    SD3 = "sd3"
    FLUX = "flux"


# One column a latent channel: its share of red, green and blue, for decoded values in 0..1.
LatentRgb = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a family expects.

    `native` is the trained side in pixels, `multiple` what both sides must divide by, `steps` and
    `guidance_scale` the usual values (None: the server's setting), `pipeline` the diffusers class.
    """

    title: str
    native: int
    multiple: int
    pipeline: str
    steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: bool = True


TRAITS: Mapping[Family, Traits] = MappingProxyType(
    {
        Family.SD1: Traits("Stable Diffusion 1.x", 512, 8, "StableDiffusionPipeline"),
        Family.SD2: Traits("Stable Diffusion 2.x", 768, 8, "StableDiffusionPipeline"),
        # A StableDiffusionPipeline with a text encoder of another width, as the bundled model is.
        Family.SD_CUSTOM: Traits(
            "Stable Diffusion architecture", 512, 8, "StableDiffusionPipeline"
        ),
        Family.SDXL: Traits("Stable Diffusion XL", 1024, 8, "StableDiffusionXLPipeline"),
        Family.SD3: Traits("Stable Diffusion 3", 1024, 16, "StableDiffusion3Pipeline", 28, 7.0),
        # FLUX is guidance-distilled: it takes a guidance number but no negative prompt.
        Family.FLUX: Traits("FLUX.1", 1024, 16, "FluxPipeline", 28, 3.5, negative_prompt=False),
    }
)

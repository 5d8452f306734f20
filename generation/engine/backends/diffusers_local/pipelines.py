"""Which diffusers classes make up each family: rows, and at once the list of what may be loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from generation.engine.backends.diffusers_local import prompts
from generation.engine.contract import Task
from modelhub.families import Family


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a pipeline: its class, taken from `library`, never from the checkpoint."""

    library: str
    cls: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`options` go to the constructor as they are, `settings` from model_index.json if it has them.

    `encode` makes the text arguments of a call from the pipeline and the spec.
    """

    cls: str
    parts: Mapping[str, Part]
    encode: prompts.Encode
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()


_UNET = Part("diffusers", "UNet2DConditionModel")
_VAE = Part("diffusers", "AutoencoderKL")
_CLIP = Part("transformers", "CLIPTextModel")
_PROJECTING_CLIP = Part("transformers", "CLIPTextModelWithProjection")
_TOKENIZER = Part("transformers", "CLIPTokenizer")

_SD = Pipeline(
    "StableDiffusionPipeline",
    {"unet": _UNET, "vae": _VAE, "text_encoder": _CLIP, "tokenizer": _TOKENIZER},
    prompts.encode_sd,
    {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
)
_SDXL = Pipeline(
    "StableDiffusionXLPipeline",
    {
        "unet": _UNET,
        "vae": _VAE,
        "text_encoder": _CLIP,
        "text_encoder_2": _PROJECTING_CLIP,
        "tokenizer": _TOKENIZER,
        "tokenizer_2": _TOKENIZER,
    },
    prompts.encode_sdxl,
    {"add_watermarker": False},
    ("force_zeros_for_empty_prompt",),
)
PIPELINES: Mapping[tuple[Family, Task], Pipeline] = MappingProxyType(
    {
        (Family.SD1, Task.TXT2IMG): _SD,
        (Family.SD2, Task.TXT2IMG): _SD,
        (Family.SD_CUSTOM, Task.TXT2IMG): _SD,
        (Family.SDXL, Task.TXT2IMG): _SDXL,
    }
)

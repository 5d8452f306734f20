"""Which diffusers classes make up each family: rows, and at once the list of what may be loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import diffusers
import transformers

from generation.engine.backends.diffusers_local import prompts
from generation.engine.contract import Task
from modelhub.families import Family

LIBRARIES: Mapping[str, Any] = MappingProxyType(
    {"diffusers": diffusers, "transformers": transformers}
)


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a pipeline: its class, taken from `library`, never from the checkpoint.

    An `optional` one may be missing: the pipeline knows how to draw without it.
    """

    library: str
    cls: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`options` go to the constructor as they are, `settings` from model_index.json if it has them.

    `encode` makes the text arguments of a call from the pipeline and the spec. `denoiser` is the
    part that predicts noise; it sees the VAE's latents in patches of `patch` by `patch`.
    """

    cls: str
    parts: Mapping[str, Part]
    encode: prompts.Encode
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    denoiser: str = "unet"
    patch: int = 1
    # What checkpoints of the very same parts call themselves, too.
    twins: tuple[str, ...] = ()


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
    twins=("LatentConsistencyModelPipeline",),
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
    twins=("StableDiffusionXLImg2ImgPipeline",),
)
_SD3 = Pipeline(
    "StableDiffusion3Pipeline",
    {
        "transformer": Part("diffusers", "SD3Transformer2DModel"),
        "vae": _VAE,
        "text_encoder": _PROJECTING_CLIP,
        "text_encoder_2": _PROJECTING_CLIP,
        # 10 GB that many leave out; then zeros stand where its states would.
        "text_encoder_3": Part("transformers", "T5EncoderModel", optional=True),
        "tokenizer": _TOKENIZER,
        "tokenizer_2": _TOKENIZER,
        "tokenizer_3": Part("transformers", "T5TokenizerFast", optional=True),
    },
    prompts.encode_sd3,
    denoiser="transformer",
)
_FLUX = Pipeline(
    "FluxPipeline",
    {
        "transformer": Part("diffusers", "FluxTransformer2DModel"),
        "vae": _VAE,
        "text_encoder": _CLIP,
        "text_encoder_2": Part("transformers", "T5EncoderModel"),
        "tokenizer": _TOKENIZER,
        "tokenizer_2": Part("transformers", "T5TokenizerFast"),
    },
    prompts.encode_flux,
    denoiser="transformer",
    patch=2,
)
PIPELINES: Mapping[tuple[Family, Task], Pipeline] = MappingProxyType(
    {
        (Family.SD1, Task.TXT2IMG): _SD,
        (Family.SD2, Task.TXT2IMG): _SD,
        (Family.SD_CUSTOM, Task.TXT2IMG): _SD,
        (Family.SDXL, Task.TXT2IMG): _SDXL,
        (Family.SD3, Task.TXT2IMG): _SD3,
        (Family.FLUX, Task.TXT2IMG): _FLUX,
    }
)

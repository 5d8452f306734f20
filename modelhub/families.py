"""The families of diffusion models and what sets them apart. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType


class Family(StrEnum):
    SD1 = "sd1"
    SD2 = "sd2"
    SD_CUSTOM = "sd-custom"
    SDXL = "sdxl"
    SD3 = "sd3"
    FLUX = "flux"
    FLUX2 = "flux2"
    CHROMA = "chroma"
    AURAFLOW = "auraflow"
    PIXART = "pixart"
    SANA = "sana"
    LUMINA2 = "lumina2"
    Z_IMAGE = "z-image"
    QWEN_IMAGE = "qwen-image"
    HIDREAM = "hidream"
    KOLORS = "kolors"
    HUNYUAN_DIT = "hunyuan-dit"
    COGVIEW4 = "cogview4"
    CASCADE = "stable-cascade"
    COSMOS = "cosmos"
    WAN = "wan"
    HUNYUAN_VIDEO = "hunyuan-video"
    LTX_VIDEO = "ltx-video"
    MOCHI = "mochi"


class Prediction(StrEnum):
    """What the denoiser was trained to say."""

    EPSILON = "epsilon"
    V = "v_prediction"
    SAMPLE = "sample"
    FLOW = "flow"


# One column a latent channel: its share of red, green and blue, for decoded values in 0..1.
LatentRgb = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """What sets one kind of checkpoint apart from the plain ones of its family; None: nothing.

    `runnable` False: a checkpoint for another task than drawing from a text. `guided` False: it reads
    no guidance number at all.
    """

    title: str
    native: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    prediction_type: Prediction | None = None
    runnable: bool = True
    guided: bool = True


@dataclass(frozen=True, slots=True)
class Traits:
    """What a family expects.

    `native` is the trained side in pixels, `multiple` what both sides must divide by, `steps` and
    `guidance_scale` the usual values (None: the server's setting), `pipeline` the diffusers class.
    `runnable`: the engine has a row for it, and `single_file`: also for checkpoints in one file.
    """

    title: str
    native: int
    multiple: int
    pipeline: str
    steps: int | None = None
    guidance_scale: float | None = None
    guided: bool = True
    negative_prompt: bool = True
    # Samplers that suit it, the usual one first; empty: all do.
    schedulers: tuple[str, ...] = ()
    prediction_type: Prediction = Prediction.EPSILON
    runnable: bool = False
    single_file: bool = False
    variants: Mapping[str, Variant] = field(default_factory=dict)


# Distilled to a few steps, and to do without guidance: below 1 there is none.
_LIGHTNING = Variant("Lightning", steps=4, guidance_scale=0.0)
_HYPER = Variant("Hyper", steps=8, guidance_scale=0.0)
_LCM = Variant("LCM", steps=6, guidance_scale=1.0)
_INPAINT = Variant("inpainting", runnable=False)
_EDIT = Variant("instruct-pix2pix", runnable=False)

_SD1 = MappingProxyType(
    {
        "lcm": _LCM,
        "lightning": _LIGHTNING,
        "hyper": _HYPER,
        "inpaint": _INPAINT,
        "edit": _EDIT,
    }
)
_SD2 = MappingProxyType(
    {
        "base": Variant("base", native=512, prediction_type=Prediction.EPSILON),
        "turbo": Variant("Turbo", 512, 1, 0.0, Prediction.EPSILON),
        "inpaint": Variant("inpainting", 512, prediction_type=Prediction.EPSILON, runnable=False),
        "depth": Variant("depth", 512, prediction_type=Prediction.EPSILON, runnable=False),
        "upscale": Variant("x4 upscaler", 512, runnable=False),
    }
)
_SDXL = MappingProxyType(
    {
        "turbo": Variant("Turbo", native=512, steps=4, guidance_scale=0.0),
        "lightning": _LIGHTNING,
        "hyper": _HYPER,
        "lcm": _LCM,
        "refiner": Variant("refiner", runnable=False),
        "inpaint": _INPAINT,
        "edit": _EDIT,
        # It measures noise on a scale of its own, which no sampler of ours follows.
        "playground": Variant("Playground 2.5", guidance_scale=3.0, runnable=False),
    }
)
_SD3 = MappingProxyType(
    {
        "3.5-medium": Variant("3.5 medium", steps=40, guidance_scale=4.5),
        "3.5-large": Variant("3.5 large", guidance_scale=3.5),
        "3.5-large-turbo": Variant("3.5 large turbo", steps=4, guidance_scale=0.0),
    }
)
_FLUX = MappingProxyType(
    {
        "schnell": Variant("schnell", steps=4, guidance_scale=0.0, guided=False),
        "fill": Variant("Fill", steps=50, guidance_scale=30.0, runnable=False),
        "control": Variant("Control", steps=50, guidance_scale=10.0, runnable=False),
        "kontext": Variant("Kontext", guidance_scale=2.5, runnable=False),
    }
)
_TURBO = MappingProxyType({"turbo": Variant("Turbo", steps=8, guidance_scale=0.0)})


def _flow(title: str, pipeline: str, native: int = 1024, multiple: int = 16) -> Traits:
    return Traits(title, native, multiple, pipeline, prediction_type=Prediction.FLOW)


TRAITS: Mapping[Family, Traits] = MappingProxyType(
    {
        Family.SD1: Traits(
            "Stable Diffusion 1.x", 512, 8, "StableDiffusionPipeline",
            runnable=True, single_file=True, variants=_SD1,
        ),
        # The plain one is trained on 768 pixels; what is called base is not.
        Family.SD2: Traits(
            "Stable Diffusion 2.x", 768, 8, "StableDiffusionPipeline",
            prediction_type=Prediction.V, runnable=True, single_file=True, variants=_SD2,
        ),
        # A StableDiffusionPipeline with a text encoder of another width, as the bundled model is.
        Family.SD_CUSTOM: Traits(
            "Stable Diffusion architecture", 512, 8, "StableDiffusionPipeline",
            runnable=True, variants=MappingProxyType({"inpaint": _INPAINT, "edit": _EDIT}),
        ),
        Family.SDXL: Traits(
            "Stable Diffusion XL", 1024, 8, "StableDiffusionXLPipeline",
            runnable=True, single_file=True, variants=_SDXL,
        ),
        # Flow models: the usual samplers reckon with another kind of noise.
        Family.SD3: Traits(
            "Stable Diffusion 3", 1024, 16, "StableDiffusion3Pipeline", 28, 7.0,
            schedulers=("euler",), prediction_type=Prediction.FLOW, runnable=True, single_file=True, variants=_SD3,
        ),
        # FLUX is guidance-distilled: it takes a guidance number but no negative prompt.
        Family.FLUX: Traits(
            "FLUX.1", 1024, 16, "FluxPipeline", 28, 3.5, negative_prompt=False,
            schedulers=("euler",), prediction_type=Prediction.FLOW, runnable=True, single_file=True, variants=_FLUX,
        ),
        # Known by sight, so that nobody wonders; the engine has no row for them.
        Family.FLUX2: _flow("FLUX.2", "Flux2Pipeline"),
        Family.CHROMA: _flow("Chroma", "ChromaPipeline"),
        Family.AURAFLOW: _flow("AuraFlow", "AuraFlowPipeline"),
        Family.PIXART: Traits("PixArt", 1024, 8, "PixArtSigmaPipeline", 20, 4.5),
        Family.SANA: _flow("Sana", "SanaPipeline", multiple=32),
        Family.LUMINA2: _flow("Lumina Image 2", "Lumina2Pipeline"),
        Family.Z_IMAGE: replace(_flow("Z-Image", "ZImagePipeline"), variants=_TURBO),
        Family.QWEN_IMAGE: _flow("Qwen-Image", "QwenImagePipeline", native=1328),
        Family.HIDREAM: _flow("HiDream", "HiDreamImagePipeline"),
        Family.KOLORS: Traits("Kolors", 1024, 8, "KolorsPipeline", 50, 5.0),
        Family.HUNYUAN_DIT: Traits(
            "Hunyuan-DiT", 1024, 16, "HunyuanDiTPipeline", 50, 5.0, prediction_type=Prediction.V
        ),
        Family.COGVIEW4: _flow("CogView4", "CogView4Pipeline", multiple=32),
        Family.CASCADE: Traits(
            "Stable Cascade", 1024, 128, "StableCascadeCombinedPipeline", 20, 4.0
        ),
        Family.COSMOS: _flow("Cosmos", "Cosmos2TextToImagePipeline"),
        Family.WAN: _flow("Wan video", "WanPipeline", native=480),
        Family.HUNYUAN_VIDEO: _flow("Hunyuan video", "HunyuanVideoPipeline", native=720),
        Family.LTX_VIDEO: _flow("LTX-Video", "LTXPipeline", native=512, multiple=32),
        Family.MOCHI: _flow("Mochi video", "MochiPipeline", native=480),
    }
)  # fmt: skip


def traits_of(family: Family, variant: str = "") -> Traits:
    """The family's traits as the variant changes them; a variant it does not have changes none."""
    plain = TRAITS[family]
    row = plain.variants.get(variant)
    if row is None:
        return plain
    return replace(
        plain,
        title=f"{plain.title} {row.title}",
        native=row.native or plain.native,
        steps=plain.steps if row.steps is None else row.steps,
        guidance_scale=plain.guidance_scale if row.guidance_scale is None else row.guidance_scale,
        guided=plain.guided and row.guided,
        prediction_type=row.prediction_type or plain.prediction_type,
        runnable=plain.runnable and row.runnable,
        single_file=plain.single_file and row.runnable,
    )

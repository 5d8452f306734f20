"""LoRAs and their kin, in each trainer's naming, and the family they were trained for."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelhub.detection.signatures import WIDTHS
from modelhub.detection.tensors import Tensors
from modelhub.families import Family
from modelhub.kinds import Kind


@dataclass(frozen=True, slots=True)
class Adapter:
    """`variant` says how it changes the weights, `naming` whose names its tensors have."""

    kind: Kind
    family: Family | None
    variant: str
    naming: str


# Any of these, and the file adds to weights instead of being them.
LYCORIS: tuple[tuple[str, str], ...] = (
    ("*.hada_w1_a", "loha"),
    ("*.lokr_w1", "lokr"),
    ("*.lokr_w1_a", "lokr"),
    ("*.oft_blocks", "oft"),
    ("*.oft_diag", "oft"),
    ("*.boft_blocks", "boft"),
    ("*.a1.weight", "glora"),
    ("*.on_input", "ia3"),
    ("lora_*.diff", "full"),
    ("lora_*.diff_b", "full"),
    ("diffusion_model.*.diff", "full"),
)
LORA = (
    "*.lora_down.weight",
    "*.lora_A.weight",
    "*.lora_A.default.weight",
    "*.lora.down.weight",
    "*lora*.down.weight",
    "*.lora_linear_layer.down.weight",
)
DORA = ("*.dora_scale", "*.lora_magnitude_vector*")
# A ControlNet that is kept as what it adds to the model's own weights.
CONTROL_LORA = "lora_controlnet"
NAMINGS: tuple[tuple[str, str], ...] = (
    ("double_blocks.*.processor.*", "xlabs"),
    ("single_blocks.*.processor.*", "xlabs"),
    ("lora_transformer_*", "onetrainer"),
    ("lora_unet_*", "kohya"),
    ("lora_te*", "kohya"),
    ("lycoris_*", "lycoris"),
    ("diffusion_model.*", "ai-toolkit"),
    ("base_model.model.*", "peft"),
    ("double_blocks.*", "bfl"),
    ("unet.*", "diffusers"),
    ("transformer.*", "diffusers"),
    ("text_encoder*", "diffusers"),
)

# Transformers are told by how their blocks are called, whoever trained; the first row that fits.
BLOCKS: tuple[tuple[str, Family], ...] = (
    ("*joint_transformer_blocks*", Family.AURAFLOW),
    ("*joint_blocks*", Family.SD3),
    ("*double_stream_blocks*", Family.HIDREAM),
    ("*double_blocks.*img_attn_qkv*", Family.HUNYUAN_VIDEO),
    ("*img_mlp*net*", Family.QWEN_IMAGE),
    ("*transformer_blocks*img_mod*", Family.QWEN_IMAGE),
    ("*distilled_guidance_layer*", Family.CHROMA),
    ("*single_blocks*", Family.FLUX),
    ("*double_blocks*", Family.FLUX),
    ("*single_transformer_blocks*", Family.FLUX),
    ("*transformer_blocks*attn*add_q_proj*", Family.SD3),
    ("*blocks.*.cross_attn.*", Family.WAN),
    ("lora_unet_blocks_*cross_attn*", Family.WAN),
    ("*layers.*.attention.to_q.*", Family.Z_IMAGE),
    ("*layers.*.attention.qkv.*", Family.LUMINA2),
    ("transformer.transformer_blocks.*.attn1.*", Family.LTX_VIDEO),
)
# As wide as FLUX.1 is its successor not.
FLUX_QKV = ("*double_blocks*img_attn*qkv*lora_down.weight", "*double_blocks*qkv*lora_A.weight")
FLUX2_WIDTHS = {6144, 4096}
# FLUX.1's and Qwen-Image's blocks are called as Stable Diffusion 3's, and are wider than its largest;
# of these two FLUX.1 has 19.
JOINT_QKV = ("*transformer_blocks*attn*q*lora_A*.weight", "*transformer_blocks*attn*q*lora_down.weight",
             "*transformer_blocks*attn*q*lora.down.weight")  # fmt: skip
FLUX_WIDTH = 3072
BEYOND_FLUX = ("*transformer_blocks.30.*", "*transformer_blocks_30_*")
# Where the width of the text goes in: the tensor, and its axis.
TEXT_WIDTHS: tuple[tuple[str, int], ...] = (
    ("*attn2_to_k.lora_down.weight", 1),
    ("*attn2.to_k.lora_A*.weight", 1),
    ("*attn2.to_k.lora.down.weight", 1),
    ("*attn2*to_k_lora.down.weight", 1),
    ("*attn2_to_k.hada_w1_b", 1),
    ("*attn2_to_k.diff", 1),
    ("*attn2_to_k.a1.weight", 1),
    ("lora_te_*_self_attn_q_proj.lora_down.weight", 1),
    ("lora_te_*_self_attn_q_proj.hada_w1_b", 1),
    ("text_encoder.*self_attn.q_proj.lora_A.weight", 1),
)
# LoKr keeps a product of two matrices, each whole or again as a product.
LOKR = (("*attn2_to_k.lokr_w1", "*attn2_to_k.lokr_w1_b"),
        ("*attn2_to_k.lokr_w2", "*attn2_to_k.lokr_w2_b"))  # fmt: skip
# Only SDXL has these parts, once the transformers are ruled out.
SDXL_ONLY = (
    "lora_te2_*",
    "lora_te1_*",
    "text_encoder_2.*",
    "lora_unet_input_blocks_4_1_*",
    "*down_blocks_2_attentions_0_transformer_blocks_9_*",
)
# What metadata calls the model it was trained on; the first that is part of what it says.
BASES: Mapping[str, Family] = {
    "stable-diffusion-xl": Family.SDXL,
    "sdxl": Family.SDXL,
    "stable-diffusion-v3": Family.SD3,
    "stable-diffusion-3": Family.SD3,
    "sd3": Family.SD3,
    "stable-diffusion-v1": Family.SD1,
    "sd_v1": Family.SD1,
    "sd_1.5": Family.SD1,
    "stable-diffusion-v2": Family.SD2,
    "sd_v2": Family.SD2,
    "flux-2": Family.FLUX2,
    "flux2": Family.FLUX2,
    "flux": Family.FLUX,
    "chroma": Family.CHROMA,
    "qwen": Family.QWEN_IMAGE,
    "lumina": Family.LUMINA2,
    "z-image": Family.Z_IMAGE,
    "wan": Family.WAN,
}
TOLD_IN = ("modelspec.architecture", "ss_base_model_version")


def adapter(tensors: Tensors, metadata: Mapping[str, str]) -> Adapter | None:
    """What kind of additions these are; None: none at all."""
    if tensors.has(CONTROL_LORA):
        return None
    algorithm = next((name for pattern, name in LYCORIS if tensors.has(pattern)), "")
    if not algorithm and not any(tensors.has(pattern) for pattern in LORA):
        return None
    if any(tensors.has(pattern) for pattern in DORA):
        algorithm = f"dora-{algorithm}" if algorithm else "dora"
    lora = algorithm in {"", "dora"}
    naming = next((name for pattern, name in NAMINGS if tensors.has(pattern)), "")
    if any(name.startswith("ot_") for name in metadata):
        naming = "onetrainer"
    family = _family(tensors) or base(metadata)
    return Adapter(Kind.LORA if lora else Kind.LYCORIS, family, algorithm, naming)


def base(metadata: Mapping[str, str]) -> Family | None:
    """The family that the trainer wrote down."""
    for key in TOLD_IN:
        told = metadata.get(key, "").lower()
        if told:
            return next((family for name, family in BASES.items() if name in told), None)
    return None


def _family(tensors: Tensors) -> Family | None:
    blocks = next((family for pattern, family in BLOCKS if tensors.has(pattern)), None)
    if blocks is Family.FLUX:
        wide = {tensors.side(pattern, 1) for pattern in FLUX_QKV} & FLUX2_WIDTHS
        return Family.FLUX2 if wide else Family.FLUX
    if blocks is Family.SD3 and FLUX_WIDTH in {tensors.side(name, 1) for name in JOINT_QKV}:
        deep = any(tensors.has(name) for name in BEYOND_FLUX)
        return Family.QWEN_IMAGE if deep else Family.FLUX
    if blocks:
        return blocks
    if any(tensors.has(pattern) for pattern in SDXL_ONLY):
        return Family.SDXL
    widths = [tensors.side(pattern, axis) for pattern, axis in TEXT_WIDTHS]
    widths.append(_lokr_width(tensors))
    return next((WIDTHS[width][0] for width in widths if width in WIDTHS), None)


def _lokr_width(tensors: Tensors) -> int:
    width = 1
    for whole, second in LOKR:
        width *= tensors.side(whole, 1) or tensors.side(second, 1)
    return width

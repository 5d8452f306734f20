"""How checkpoints are told apart: the tensors that only they have. Tables, the first row that fits.

Names are as they stand below `model.diffusion_model.` where a file has that; bare denoisers, as
hubs offer them, have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from modelhub.detection.tensors import Tensors
from modelhub.families import Family

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "net.")


@dataclass(frozen=True, slots=True)
class Sign:
    """`has` and `lacks` are patterns of names; `sides`: pattern, axis, and how long it must be."""

    family: Family
    has: tuple[str, ...]
    variant: str = ""
    lacks: tuple[str, ...] = ()
    sides: tuple[tuple[str, int, int], ...] = ()

    def fits(self, tensors: Tensors) -> bool:
        return (
            all(tensors.has(name) for name in self.has)
            and not any(tensors.has(name) for name in self.lacks)
            and all(tensors.side(name, axis) == size for name, axis, size in self.sides)
        )


_FLUX = "double_blocks.0.img_attn.norm.key_norm.*"
_JOINT = "joint_blocks.0.context_block.adaLN_modulation.1.bias"

TRANSFORMERS: tuple[Sign, ...] = (
    Sign(Family.SD3, ("joint_blocks.37.x_block.mlp.fc1.weight",), "3.5-large"),
    Sign(Family.SD3, (_JOINT, "joint_blocks.0.x_block.attn2.qkv.weight"), "3.5-medium"),
    Sign(Family.SD3, (_JOINT,)),
    Sign(Family.FLUX2, ("single_stream_modulation.lin.weight",)),
    Sign(Family.CHROMA, ("distilled_guidance_layer.in_proj.*",)),
    Sign(Family.FLUX, (_FLUX,), "fill", sides=(("img_in.weight", 1, 384),)),
    Sign(Family.FLUX, (_FLUX,), "control", sides=(("img_in.weight", 1, 128),)),
    Sign(Family.FLUX, (_FLUX, "guidance_in.in_layer.*")),
    # Only the model that was distilled to a few steps is told nothing of guidance.
    Sign(Family.FLUX, (_FLUX,), "schnell"),
    Sign(Family.HUNYUAN_VIDEO, ("txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.*",)),
    Sign(Family.AURAFLOW, ("double_layers.0.attn.w2q.weight", "cond_seq_linear.weight")),
    Sign(Family.Z_IMAGE, ("layers.0.adaLN_modulation.0.weight", "cap_embedder.*")),
    Sign(Family.LUMINA2, ("cap_embedder.0.weight",)),
    Sign(Family.SANA, ("blocks.0.cross_attn.q_linear.weight", "attention_y_norm.weight")),
    Sign(Family.PIXART, ("blocks.0.cross_attn.q_linear.weight", "y_embedder.y_proj.fc1.weight")),
    Sign(Family.WAN, ("head.modulation",)),
    Sign(Family.HIDREAM, ("double_stream_blocks.0.block.adaLN_modulation.1.*",)),
    Sign(Family.QWEN_IMAGE, ("transformer_blocks.0.img_mod.1.*", "txt_norm.weight")),
    Sign(Family.MOCHI, ("blocks.0.attn.qkv_x.weight",)),
    Sign(Family.LTX_VIDEO, ("patchify_proj.weight", "transformer_blocks.27.scale_shift_table")),
    Sign(Family.COSMOS, ("x_embedder.proj.1.weight", "blocks.*")),
    Sign(Family.HUNYUAN_DIT, ("mlp_t5.0.weight", "blocks.0.default_modulation.1.weight")),
    Sign(Family.CASCADE, ("clip_txt_mapper.weight",)),
    Sign(Family.CASCADE, ("down_blocks.1.0.channelwise.0.weight",)),
    # As diffusers names the same parts, where somebody took one out of its folder.
    Sign(Family.FLUX, ("single_transformer_blocks.0.attn.norm_q.weight", "context_embedder.*",
                       "time_text_embed.guidance_embedder.*")),
    Sign(Family.FLUX, ("single_transformer_blocks.0.attn.norm_q.weight", "context_embedder.*",
                       "time_text_embed.*"), "schnell"),
    Sign(Family.SD3, ("transformer_blocks.0.norm1_context.linear.weight", "pos_embed.proj.weight")),
    Sign(Family.KOLORS, ("encoder_hid_proj.weight", "down_blocks.1.attentions.0.*")),
    Sign(Family.COGVIEW4, ("transformer_blocks.0.norm1.linear.weight", "patch_embed.text_proj.*")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unet:
    """How one writing of the U-Net names what families differ in."""

    has: tuple[str, ...]
    # How wide the text is that it takes, and how many channels its picture has.
    text: str
    channels: str
    lcm: str


UNETS: tuple[Unet, ...] = (
    Unet(
        ("input_blocks.0.0.weight", "time_embed.0.weight", "output_blocks.*"),
        "input_blocks.*.transformer_blocks.0.attn2.to_k.weight",
        "input_blocks.0.0.weight",
        "time_embed.cond_proj.weight",
    ),
    Unet(
        ("conv_in.weight", "time_embedding.linear_1.weight", "up_blocks.*"),
        "down_blocks.*.transformer_blocks.0.attn2.to_k.weight",
        "conv_in.weight",
        "time_embedding.cond_proj.weight",
    ),
)
# Layers over time: the same names as Stable Diffusion's, and no pictures.
VIDEO_UNET = "*.time_stack.*"
WIDTHS: Mapping[int, tuple[Family, str]] = {
    768: (Family.SD1, ""),
    1024: (Family.SD2, ""),
    2048: (Family.SDXL, ""),
    1280: (Family.SDXL, "refiner"),
}
# What more than a picture of four channels goes in: the task it was trained for.
CHANNELS: Mapping[int, str] = {5: "depth", 7: "upscale", 8: "edit", 9: "inpaint"}
PLAYGROUND = "edm_mean"
# Empty tensors that trainers leave to say so.
V_PREDICTION = ("v_pred", "ztsnr")

# What a whole checkpoint of a family holds beside the denoiser, by the names it has in one file.
T5 = "text_encoders.t5xxl.*"
PARTS: Mapping[Family, Mapping[str, str]] = {
    Family.SD1: {"VAE": "first_stage_model.*", "text encoder": "cond_stage_model.*"},
    Family.SD2: {"VAE": "first_stage_model.*", "text encoder": "cond_stage_model.*"},
    Family.SDXL: {
        "VAE": "first_stage_model.*",
        "first text encoder": "conditioner.embedders.0.*",
        "second text encoder": "conditioner.embedders.1.*",
    },
    Family.SD3: {
        "VAE": "first_stage_model.*",
        "CLIP-L text encoder": "text_encoders.clip_l.*",
        "CLIP-G text encoder": "text_encoders.clip_g.*",
    },
    Family.FLUX: {
        "VAE": "vae.*",
        "CLIP-L text encoder": "text_encoders.clip_l.*",
        "T5 text encoder": T5,
    },
}

# As diffusers names what lies in its folders: a part taken out of one, without its configuration.
OUT_OF_A_FOLDER = ("conv_in.weight", "transformer_blocks.0.*")

# How a file keeps its numbers where that is not one of the format's own types.
QUANTISED: tuple[tuple[str, str], ...] = (
    ("*.quant_state.bitsandbytes__nf4", "nf4"),
    ("*.quant_state.bitsandbytes__fp4", "fp4"),
    ("*.SCB", "int8"),
    ("*scaled_fp8", "fp8-scaled"),
    ("*.comfy_quant", "quantised"),
    ("*.weight_scale", "fp8-scaled"),
    ("*.scale_weight", "fp8-scaled"),
    ("*.absmax", "nf4"),
    ("*.qweight", "int4"),
)

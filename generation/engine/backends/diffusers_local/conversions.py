"""A single file's tensors, named as its authors named them, to the names of each component's class."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import torch
from diffusers.loaders import single_file_utils as names

State = dict[str, torch.Tensor]
Convert = Callable[[State, Any], State]

# Where the text encoders lie in a checkpoint, by family and component; a loose file has no prefix.
PLACES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("sd1", "text_encoder"): "cond_stage_model.transformer.",
        ("sd2", "text_encoder"): "cond_stage_model.model.",
        ("sd-custom", "text_encoder"): "cond_stage_model.transformer.",
        ("sdxl", "text_encoder"): "conditioner.embedders.0.transformer.",
        ("sdxl", "text_encoder_2"): "conditioner.embedders.1.model.",
        ("sd3", "text_encoder"): "text_encoders.clip_l.transformer.",
        ("sd3", "text_encoder_2"): "text_encoders.clip_g.transformer.",
        ("sd3", "text_encoder_3"): "text_encoders.t5xxl.transformer.",
        ("flux", "text_encoder"): "text_encoders.clip_l.transformer.",
        ("flux", "text_encoder_2"): "text_encoders.t5xxl.transformer.",
    }
)
_DENOISER = "model.diffusion_model."
# What stands before the denoiser's tensors; those who publish it alone often leave it out.
_DENOISERS = (_DENOISER, "diffusion_model.")
_BARE = (
    "input_blocks.0.0.weight",
    "joint_blocks.0.x_block.attn.qkv.weight",
    "double_blocks.0.img_attn.qkv.weight",
)
# Where latent consistency models take in how much they are guided.
GUIDED = "time_embed.cond_proj.weight"
_VAES = ("first_stage_model.", "vae.")
# Marks of formats whose tensors mean nothing without a factor that nobody would apply.
_QUANTISED = ("scaled_fp8", ".scale_weight", ".weight_scale", ".qweight", ".absmax")


def quantised(names_: Any) -> str | None:
    """A tensor that shows its checkpoint to be quantised in a way that is not understood."""
    return next((name for name in names_ if name.endswith(_QUANTISED)), None)


def taken(checkpoint: State, family: str, part: str) -> State:
    """The tensors of one component, under their own names less the place; empty: it has none."""
    if part in {"unet", "transformer"}:
        place = place_of_denoiser(checkpoint)
        return {} if place is None else _below(checkpoint, place)
    if part == "vae":
        return next((s for place in _VAES if (s := _below(checkpoint, place))), {})
    return _below(checkpoint, PLACES[family, part])


def place_of_denoiser(checkpoint: Collection[str]) -> str | None:
    """What stands before the names of its tensors, perhaps nothing; None: there is no denoiser."""
    for place in _DENOISERS:
        if any(name.startswith(place) for name in checkpoint):
            return place
    return "" if any(name in checkpoint for name in _BARE) else None


def denoiser_unet(state: State, config: Any) -> State:
    # diffusers looks for the prefix that was taken off.
    given = {_DENOISER + name: tensor for name, tensor in state.items()}
    made = dict(names.convert_ldm_unet_checkpoint(given, config))
    if GUIDED in state:
        made["time_embedding.cond_proj.weight"] = state[GUIDED]
    return made


def denoiser_sd3(state: State, config: Any) -> State:
    del config
    return dict(names.convert_sd3_transformer_checkpoint_to_diffusers(dict(state)))


def denoiser_flux(state: State, config: Any) -> State:
    del config
    return dict(names.convert_flux_transformer_checkpoint_to_diffusers(dict(state)))


def vae(state: State, config: Any) -> State:
    return dict(names.convert_ldm_vae_checkpoint(state, config))


def clip(state: State, config: Any) -> State:
    """OpenCLIP's naming or OpenAI's; which one, the file says."""
    if "transformer.resblocks.0.attn.in_proj_weight" in state:
        holder = _WithConfig(config)
        return dict(names.convert_open_clip_checkpoint(holder, _kept(state, config), prefix=""))
    return state


def t5(state: State, config: Any) -> State:
    del config
    shared = state.get("shared.weight", state.get("encoder.embed_tokens.weight"))
    if shared is None:
        return state
    return state | {"shared.weight": shared, "encoder.embed_tokens.weight": shared}


CONVERT: Mapping[str, Convert] = MappingProxyType(
    {
        "UNet2DConditionModel": denoiser_unet,
        "SD3Transformer2DModel": denoiser_sd3,
        "FluxTransformer2DModel": denoiser_flux,
        "AutoencoderKL": vae,
        "CLIPTextModel": clip,
        "CLIPTextModelWithProjection": clip,
        "T5EncoderModel": t5,
    }
)


class _WithConfig:
    """What diffusers asks a text model for when it converts OpenCLIP's tensors."""

    def __init__(self, config: Any) -> None:
        self.config = config


def _kept(state: State, config: Any) -> State:
    """Stable Diffusion 2 reads one layer below the last, which its configuration leaves out."""
    layers = config.num_hidden_layers
    return {name: tensor for name, tensor in state.items() if _layer(name) < layers}


def _layer(name: str) -> int:
    head, _, rest = name.partition("resblocks.")
    return int(rest.partition(".")[0]) if rest and head.startswith("transformer") else -1


def _below(checkpoint: State, place: str) -> State:
    return {
        name.removeprefix(place): tensor
        for name, tensor in checkpoint.items()
        if name.startswith(place)
    }

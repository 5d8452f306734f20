"""Diffusers folders rewritten as one file, tensor by tensor, in the naming of the original authors."""

import shutil
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from modelhub import components

State = dict[str, Any]
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_UNET = {
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "add_embedding.linear_1.": "label_emb.0.0.",
    "add_embedding.linear_2.": "label_emb.0.2.",
    "conv_in.": "input_blocks.0.0.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
    "mid_block.attentions.0.": "middle_block.1.",
    "mid_block.resnets.0.": "middle_block.0.",
    "mid_block.resnets.1.": "middle_block.2.",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_OPEN_CLIP = {
    "encoder.layers.": "transformer.resblocks.",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final",
}


def write_sd(folder: Path, file: Path, *, open_clip: bool = False) -> Path:
    """A Stable Diffusion folder as one file, its configurations beside it."""
    text = _weights(folder / "text_encoder")
    tensors = _denoiser_and_vae(folder)
    if open_clip:
        tensors |= _placed("cond_stage_model.model.", _open_clip(text))
    else:
        tensors |= _placed("cond_stage_model.transformer.text_model.", text)
    return _write(folder, file, tensors)


def write_sdxl(folder: Path, file: Path) -> Path:
    tensors = _denoiser_and_vae(folder)
    one = _weights(folder / "text_encoder")
    tensors |= _placed("conditioner.embedders.0.transformer.text_model.", one)
    two = _open_clip(_weights(folder / "text_encoder_2"))
    tensors |= _placed("conditioner.embedders.1.model.", two)
    return _write(folder, file, tensors)


def write_sd3(folder: Path, file: Path) -> Path:
    """Its transformer keeps diffusers' names, as some editions have it; the rest has the authors'."""
    tensors = _placed("model.diffusion_model.", _weights(folder / "transformer"))
    vae = _weights(folder / "vae")
    renamed = {_vae_name(name): _vae_tensor(name, tensor) for name, tensor in vae.items()}
    tensors |= _placed("first_stage_model.", renamed)
    for part, place in (("text_encoder", "clip_l"), ("text_encoder_2", "clip_g")):
        for name, tensor in _weights(folder / part).items():
            tower = "" if name.startswith("text_projection") else "text_model."
            tensors[f"text_encoders.{place}.transformer.{tower}{name}"] = tensor
    t5 = _weights(folder / "text_encoder_3")
    return _write(folder, file, tensors | _placed("text_encoders.t5xxl.transformer.", t5))


def _write(folder: Path, file: Path, tensors: State) -> Path:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file)
    beside = components.sidecar(file)
    shutil.copytree(folder, beside, ignore=shutil.ignore_patterns("*.safetensors"))
    return file


def _denoiser_and_vae(folder: Path) -> State:
    weights = _weights(folder / "unet")
    unet = {_unet_name(name, weights): tensor for name, tensor in weights.items()}
    vae = _weights(folder / "vae")
    renamed = {_vae_name(name): _vae_tensor(name, tensor) for name, tensor in vae.items()}
    return _placed("model.diffusion_model.", unet) | _placed("first_stage_model.", renamed)


def _weights(folder: Path) -> State:
    from safetensors.torch import load_file

    [file] = folder.glob("*.safetensors")
    # transformers' text towers stand on the model itself or one level below.
    return {name.removeprefix("text_model."): t for name, t in load_file(file).items()}


def _placed(place: str, state: Mapping[str, Any]) -> State:
    return {place + name: tensor for name, tensor in state.items()}


def _unet_name(name: str, names: Container[str]) -> str:
    layers = 1 + ("down_blocks.0.resnets.1.conv1.weight" in names)
    for old, new in _UNET.items():
        if name.startswith(old):
            return new + _resnet(name.removeprefix(old), "resnets" in old)
    side, block, kind, layer, rest = name.split(".", 4)
    number = int(block)
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (number + 1)}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        # Behind the resnet and, where the block has one, the attention.
        attends = f"up_blocks.{number}.attentions.0.norm.weight" in names
        return f"output_blocks.{(layers + 1) * number + layers}.{1 + attends}.{rest}"
    index = (layers + 1) * number + int(layer) + (1 if side == "down_blocks" else 0)
    where = "input_blocks" if side == "down_blocks" else "output_blocks"
    return f"{where}.{index}.{int(kind == 'attentions')}.{_resnet(rest, kind == 'resnets')}"


def _resnet(rest: str, renamed: bool) -> str:
    part, _, kind = rest.rpartition(".")
    return f"{_RESNET[part]}.{kind}" if renamed else rest


def _vae_name(name: str) -> str:
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    for number in (0, 1):
        name = name.replace(f"mid_block.resnets.{number}", f"mid.block_{number + 1}")
    if "mid_block.attentions.0." in name:
        head, _, rest = name.partition("mid_block.attentions.0.")
        part, _, kind = rest.rpartition(".")
        return f"{head}mid.attn_1.{_VAE_ATTENTION[part]}.{kind}"
    if ".down_blocks." in name or ".up_blocks." in name:
        side, blocks, block, kind, layer, rest = name.split(".", 5)
        level = block if blocks == "down_blocks" else str(3 - int(block))
        where = f"{side}.{blocks.removesuffix('_blocks')}.{level}"
        resnet = kind == "resnets"
        return f"{where}.block.{layer}.{rest}" if resnet else f"{where}.{kind[:-2]}.{rest}"
    return name


def _vae_tensor(name: str, tensor: Any) -> Any:
    """The original's attention is made of convolutions."""
    projection = "mid_block.attentions" in name and tensor.ndim == 2
    return tensor[:, :, None, None] if projection else tensor


def _open_clip(text: State) -> State:
    import torch

    state: State = {}
    for name, tensor in text.items():
        if name == "text_projection.weight":
            state["text_projection"] = tensor.T
        elif "self_attn" not in name or "out_proj" in name:
            state[_renamed(name)] = tensor
        elif ".q_proj." in name:
            three = [text[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            head, _, kind = name.partition("self_attn.q_proj.")
            state[f"{_renamed(head)}attn.in_proj_{kind}"] = torch.cat(three)
    return state


def _renamed(name: str) -> str:
    for old, new in _OPEN_CLIP.items():
        name = name.replace(old, new)
    return name

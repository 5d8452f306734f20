"""Small real models with random weights from a fixed seed, in the layout of real checkpoints."""

import json
from pathlib import Path
from typing import Any

VOCAB_END = 512
TEXT: dict[str, Any] = {
    "vocab_size": VOCAB_END + 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "bos_token_id": VOCAB_END,
    "eos_token_id": VOCAB_END + 1,
    "pad_token_id": VOCAB_END + 1,
}
UNET: dict[str, Any] = {
    "sample_size": 8,
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 32,
    "attention_head_dim": 4,
}
VAE: dict[str, Any] = {
    "block_out_channels": (4, 4, 8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 2,
    "latent_channels": 4,
    "sample_size": 64,
}
SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def build_sd(folder: Path, seed: int = 0) -> Path:
    """A StableDiffusionPipeline of some 60,000 parameters: 64 px native, VAE factor 8."""
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    parts: dict[str, Any] = {
        "unet": diffusers.UNet2DConditionModel(**UNET),
        "vae": diffusers.AutoencoderKL(**VAE),
        "scheduler": diffusers.DDIMScheduler(**SCHEDULE),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT)),
        "tokenizer": _tokenizer(folder / "tokenizer"),
    }
    index = {"safety_checker": [None, None], "feature_extractor": [None, None]}
    return _save(folder, "StableDiffusionPipeline", parts, index)


def build_sdxl(folder: Path, seed: int = 0) -> Path:
    """A StableDiffusionXLPipeline: two text encoders, pooled text and sizes as conditions."""
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(seed)
    unet = UNET | {
        "cross_attention_dim": 64,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 32,
    }
    text = CLIPTextConfig(**TEXT, projection_dim=32)
    parts: dict[str, Any] = {
        "unet": diffusers.UNet2DConditionModel(**unet),
        "vae": diffusers.AutoencoderKL(**VAE),
        "scheduler": diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
        ),
        "text_encoder": CLIPTextModel(text),
        "text_encoder_2": CLIPTextModelWithProjection(text),
        "tokenizer": _tokenizer(folder / "tokenizer"),
        "tokenizer_2": _tokenizer(folder / "tokenizer_2", pad="!"),
    }
    index = {"force_zeros_for_empty_prompt": True}
    return _save(folder, "StableDiffusionXLPipeline", parts, index)


T5: dict[str, Any] = {
    "vocab_size": 260,
    "d_model": 32,
    "d_ff": 64,
    "d_kv": 8,
    "num_heads": 4,
    "num_layers": 2,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
VAE_16 = VAE | {
    "latent_channels": 16,
    "scaling_factor": 1.5,
    "shift_factor": 0.1,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}


def build_sd3(folder: Path, seed: int = 0, *, t5: bool = True) -> Path:
    """A StableDiffusion3Pipeline; without `t5` as many keep it, to save its 10 GB."""
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

    torch.manual_seed(seed)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=8,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        num_attention_heads=4,
        attention_head_dim=8,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        pos_embed_max_size=16,
    )
    text = CLIPTextConfig(**TEXT, projection_dim=32)
    parts: dict[str, Any] = {
        "transformer": transformer,
        "vae": diffusers.AutoencoderKL(**VAE_16),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        "text_encoder": CLIPTextModelWithProjection(text),
        "text_encoder_2": CLIPTextModelWithProjection(text),
        "tokenizer": _tokenizer(folder / "tokenizer"),
        "tokenizer_2": _tokenizer(folder / "tokenizer_2", pad="!"),
    }
    if not t5:
        return _save(
            folder,
            "StableDiffusion3Pipeline",
            parts,
            {"text_encoder_3": [None, None], "tokenizer_3": [None, None]},
        )
    parts |= {
        "text_encoder_3": T5EncoderModel(T5Config(**(T5 | {"d_model": 64, "d_kv": 16}))),
        "tokenizer_3": _t5_tokenizer(folder / "tokenizer_3"),
    }
    return _save(folder, "StableDiffusion3Pipeline", parts, {})


def build_flux(folder: Path, seed: int = 0, *, guided: bool = True) -> Path:
    """A FluxPipeline; `guided` as its dev edition, which takes a guidance number."""
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    torch.manual_seed(seed)
    parts: dict[str, Any] = {
        "transformer": diffusers.FluxTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            guidance_embeds=guided,
            axes_dims_rope=(4, 4, 8),
        ),
        "vae": diffusers.AutoencoderKL(**VAE_16),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            shift=3.0 if guided else 1.0, use_dynamic_shifting=guided
        ),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**TEXT)),
        "text_encoder_2": T5EncoderModel(T5Config(**T5)),
        "tokenizer": _tokenizer(folder / "tokenizer"),
        "tokenizer_2": _t5_tokenizer(folder / "tokenizer_2"),
    }
    return _save(folder, "FluxPipeline", parts, {})


def _t5_tokenizer(folder: Path) -> Any:
    """T5's tokenizer over single letters."""
    from transformers import T5Tokenizer

    letters = [chr(code) for code in range(33, 127)]
    scores = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -2.0)]
    tokenizer = T5Tokenizer(
        vocab=scores + [(letter, -3.0) for letter in letters],
        extra_ids=0,
        model_max_length=512,
    )
    tokenizer.save_pretrained(folder)
    return T5Tokenizer.from_pretrained(folder, local_files_only=True)


def _tokenizer(folder: Path, pad: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer over single bytes: no merges, so every letter is a token."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    vocab = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    config = {"model_max_length": 77, "pad_token": pad, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _save(folder: Path, cls: str, parts: dict[str, Any], index: dict[str, Any]) -> Path:
    index = {"_class_name": cls, "_diffusers_version": "0.42.1", **index}
    for name, part in parts.items():
        index[name] = [type(part).__module__.partition(".")[0], type(part).__name__]
        if "tokenizer" not in name:
            part.save_pretrained(folder / name)
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder

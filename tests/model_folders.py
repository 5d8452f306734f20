"""Small models on disk: true configurations and true safetensors files, a few hundred bytes each."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}
WEIGHTS = {
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}


def build(folder: Path, width: int = 32, sample_size: Any = 16, blocks: int = 3) -> Path:
    """A StableDiffusionPipeline in `folder`, whole as far as its files can tell."""
    configs = {
        "text_encoder/config.json": {"hidden_size": width},
        "unet/config.json": {"cross_attention_dim": width, "sample_size": sample_size},
        "vae/config.json": {"block_out_channels": [8] * blocks},
        "tokenizer/tokenizer_config.json": {},
        "tokenizer/tokenizer.json": {},
        "scheduler/scheduler_config.json": {},
        "model_index.json": INDEX,
    }
    for path, data in configs.items():
        write_json(folder / path, data)
    for part, file in WEIGHTS.items():
        save_file({"weight": np.zeros((2, 3), np.float16)}, folder / part / file)
    return folder


def write_json(file: Path, data: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data))


def change_json(file: Path, **changes: Any) -> None:
    write_json(file, json.loads(file.read_text()) | changes)

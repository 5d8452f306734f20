"""Writes the trained networks as a diffusers directory, in half precision."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from torch import Tensor, nn
from transformers import CLIPTokenizer

from modelhub.demo.training.dataset import Pictures
from modelhub.demo.training.tokenizer import write as write_tokenizer
from modelhub.demo.training.unet import NOISE

PAPERS = ("README.md", "LICENSE")
DROPPED = {
    "_name_or_path",  # a folder of the training machine
    "lambda_min_clipped",  # minus infinity: the default, and no JSON
}
# Read by the schedulers that a user may switch to, as in Stable Diffusion's own configuration.
FOR_OTHERS = {"clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True}


def export(out: Path, vae: AutoencoderKL, nets: nn.ModuleDict, tokenizer: CLIPTokenizer) -> None:
    scheduler = DPMSolverMultistepScheduler(
        **NOISE, use_karras_sigmas=True, timestep_spacing="trailing", steps_offset=1
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=nets["text"],
        tokenizer=tokenizer,
        unet=nets["unet"],
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    pipeline.to(dtype=torch.float16).save_pretrained(fresh, safe_serialization=True)
    # CLIP's own two files, which every version of transformers reads.
    shutil.rmtree(fresh / "tokenizer")
    write_tokenizer(fresh / "tokenizer")
    _settle(fresh / "scheduler" / "scheduler_config.json", FOR_OTHERS)
    for paper in PAPERS:
        if (out / paper).exists():
            shutil.copy(out / paper, fresh / paper)
    _tidy(fresh)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)


def _tidy(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for path in folder.rglob("*config.json"):
        _settle(path, {})


def _settle(path: Path, settings: dict[str, object]) -> None:
    kept = {key: value for key, value in json.loads(path.read_text()).items() if key not in DROPPED}
    path.write_text(json.dumps(kept | settings, indent=2) + "\n")


def write_preview_factors(out: Path, latents: Tensor, pictures: Pictures) -> None:
    """Least squares from a latent cell to the mean colour of the pixels it stands for."""
    count, size = len(latents), pictures.shape[1]
    cells = latents.shape[-1]
    block = size // cells
    colours = pictures[:count].reshape(count, cells, block, cells, block, 3).mean((2, 4)) / 255
    known = latents.float().permute(0, 2, 3, 1).reshape(-1, latents.shape[1]).numpy()
    known = np.concatenate([known, np.ones((len(known), 1), np.float32)], 1)
    fit = np.linalg.lstsq(known, colours.reshape(-1, 3), rcond=None)[0].round(5).tolist()
    text = json.dumps({"factors": fit[:-1], "bias": fit[-1]}, indent=1)
    path = out / "latent_rgb.json"
    path.write_text(text + "\n")
    path.chmod(0o644)

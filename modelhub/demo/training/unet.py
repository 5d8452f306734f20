"""Trains the denoiser and the text encoder, together, on the latents of the scenes."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from modelhub.demo.training import peers
from modelhub.demo.training.captions import caption
from modelhub.demo.training.optimiser import Muon
from modelhub.demo.training.progress import Progress
from modelhub.demo.training.scenes import chosen

BATCH = 16  # of each process
VARIANTS = 8
EMA_DECAY = 0.9995
WIDTH = 128
# Linear betas end in nearly pure noise. Small latents need that: with Stable Diffusion's
# own betas the mean brightness still shows at the last step, and nights come out grey.
NOISE = {
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "v_prediction",
}


@dataclass(frozen=True)
class Lessons:
    """What is learned from: latents as drawn and mirrored, and each scene's captions as tokens."""

    latents: Tensor
    mirrored: Tensor
    tokens: Tensor


def networks(tokenizer: CLIPTokenizer) -> nn.ModuleDict:
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(96, 128, 160),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    return nn.ModuleDict({"text": text, "unet": unet})


def told(tokenizer: CLIPTokenizer, count: int) -> Tensor:
    """Eight captions for each scene, as token numbers."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(count):
        scene = chosen(number)
        texts = [caption(scene, rng) for _ in range(VARIANTS)]
        rows.append(
            tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        )
    return torch.stack(rows).to(torch.int16)


def study(folder: Path, steps: int) -> nn.ModuleDict:
    """Train from what the folder holds: called in every process, and once more for the result."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    saved = load_file(folder / "lessons.safetensors")
    lessons = Lessons(saved["latents"], saved["mirrored"], saved["tokens"])
    # Read, not written again: the processes would trip over each other's half-written file.
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return train(folder, tokenizer, lessons, steps)


def train(folder: Path, tokenizer: CLIPTokenizer, lessons: Lessons, steps: int) -> nn.ModuleDict:
    torch.manual_seed(2)
    nets = networks(tokenizer)
    average = copy.deepcopy(nets).requires_grad_(requires_grad=False)
    optimiser = Muon(nets)
    parts = {"nets": nets, "average": average, "optimiser": optimiser}
    progress = Progress(folder / "unet.safetensors", steps, parts)
    noising = DDPMScheduler(**NOISE)
    while progress.step < steps:
        loss = _loss(nets, noising, lessons, progress.generator())
        progress.advance(optimiser, loss, after=lambda: _together(average, nets, progress.step))
    return average.eval()


def _loss(
    nets: nn.ModuleDict, noising: DDPMScheduler, lessons: Lessons, random: torch.Generator
) -> Tensor:
    clean, tokens = _batch(lessons, random)
    noise = torch.randn(clean.shape, generator=random)
    # One time from each of as many equal spans: the loss jumps less than with free draws.
    spans = torch.arange(BATCH) + torch.rand(BATCH, generator=random)
    times = (spans / BATCH * noising.config.num_train_timesteps).long()
    noisy = noising.add_noise(clean, noise, times)
    with torch.autocast("cpu", torch.bfloat16):
        words = nets["text"](tokens)[0]
        guess = nets["unet"](noisy, times, words).sample
    return nn.functional.mse_loss(guess.float(), noising.get_velocity(clean, noise, times))


def _batch(lessons: Lessons, random: torch.Generator) -> tuple[Tensor, Tensor]:
    scenes = torch.randint(len(lessons.latents), (BATCH,), generator=random)
    variants = torch.randint(VARIANTS, (BATCH,), generator=random)
    mirrored = torch.rand(BATCH, 1, 1, 1, generator=random) < 0.5
    clean = torch.where(mirrored, lessons.mirrored[scenes], lessons.latents[scenes])
    return clean.float(), lessons.tokens[scenes, variants].long()


@torch.no_grad()
def _together(average: nn.ModuleDict, nets: nn.ModuleDict, step: int) -> None:
    if step % peers.EVERY == 0:
        peers.average(nets)
    share = 1 - min(EMA_DECAY, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(nets.parameters()), share)

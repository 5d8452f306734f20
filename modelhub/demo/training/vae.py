"""Trains the autoencoder: eightfold smaller each way, four latent channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional

from modelhub.demo.training.dataset import Pictures
from modelhub.demo.training.optimiser import Muon
from modelhub.demo.training.progress import Progress

KL_WEIGHT = 1e-3
CROP = 64
CROPS_SHARE = 0.8


def network() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 96, 128),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=128,
        # Without attention it may be trained on crops and used at any size.
        mid_block_add_attention=False,
        force_upcast=False,
        # centre() gives the latents deviation 1, so there is nothing left to scale.
        scaling_factor=1.0,
    )


def train(folder: Path, pictures: Pictures, steps: int) -> AutoencoderKL:
    torch.manual_seed(1)
    vae = network()
    _calm(vae)
    optimiser = Muon(vae)
    progress = Progress(folder / "vae.safetensors", steps, {"vae": vae, "optimiser": optimiser})
    while progress.step < steps:
        random = progress.generator()
        # Crops give four times the pictures for the same work; whole ones at the end
        # teach the decoder the border.
        whole = progress.step > steps * CROPS_SHARE
        batch = _batch(pictures, random, crop=None if whole else CROP)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(batch).latent_dist
            restored = vae.decode(posterior.sample(random)).sample
        loss = _reconstruction(restored.float(), batch) + KL_WEIGHT * _divergence(posterior)
        progress.advance(optimiser, loss)
    return vae.eval()


def polish(
    folder: Path, vae: AutoencoderKL, latents: Tensor, pictures: Pictures, steps: int
) -> AutoencoderKL:
    """Train the decoder on, with the latents now fixed: they are what the denoiser learns."""
    decoder = nn.ModuleDict({"decoder": vae.decoder, "post": vae.post_quant_conv})
    optimiser = Muon(decoder)
    progress = Progress(
        folder / "decoder.safetensors", steps, {"decoder": decoder, "optimiser": optimiser}, top=0.5
    )
    while progress.step < steps:
        random = progress.generator()
        chosen = torch.randint(len(latents), (4,), generator=random)
        wanted = _pixels(np.stack([pictures[number] for number in chosen.tolist()]))
        known = latents[chosen].float()
        # What the denoiser hands over is never quite on the spot.
        known += 0.04 * torch.randn(known.shape, generator=random)
        with torch.autocast("cpu", torch.bfloat16):
            restored = vae.decode(known).sample
        progress.advance(optimiser, _reconstruction(restored.float(), wanted))
    return vae.eval()


@torch.no_grad()
def _calm(vae: AutoencoderKL) -> None:
    """Start near plain shrinking and enlarging; what a block adds begins small."""
    for name, weight in vae.named_parameters():
        if name.endswith("conv2.weight"):
            weight.mul_(0.2)
        elif "samplers" in name and name.endswith("weight"):
            weight.mul_(0.3)
            own = range(len(weight))
            if "downsamplers" in name:
                weight[own, own, :2, :2] += 0.25
            else:
                weight[own, own, 1, 1] += 1


def _batch(pictures: Pictures, random: torch.Generator, crop: int | None) -> Tensor:
    count = 4 if crop is None else 16
    size = pictures.shape[1]
    chosen = torch.randint(len(pictures), (count,), generator=random).tolist()
    room = 1 if crop is None else size - crop + 1
    tops = torch.randint(room, (count, 2), generator=random).tolist()
    side = crop or size
    cut = [
        pictures[number][top : top + side, left : left + side]
        for number, (top, left) in zip(chosen, tops, strict=True)
    ]
    batch = _pixels(np.stack(cut))
    flip = torch.rand(count, 1, 1, 1, generator=random) < 0.5
    return torch.where(flip, batch.flip(-1), batch).contiguous()


def _pixels(pictures: Pictures) -> Tensor:
    """Bytes, colours last, to what the autoencoder takes: -1 to 1, colours first."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def _reconstruction(restored: Tensor, batch: Tensor) -> Tensor:
    """Absolute error of the pixels and of their differences: the second keeps edges sharp."""
    loss = functional.l1_loss(restored, batch)
    for axis in (-1, -2):
        loss = loss + functional.l1_loss(restored.diff(dim=axis), batch.diff(dim=axis))
    return loss


def _divergence(posterior: object) -> Tensor:
    mean, logvar = posterior.mean.float(), posterior.logvar.float()  # type: ignore[attr-defined]
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: Pictures, *, flipped: bool = False) -> Tensor:
    """The mean latents of all pictures, as half precision."""
    parts = []
    for first in range(0, len(pictures), 50):
        batch = _pixels(pictures[first : first + 50].copy())
        batch = batch.flip(-1) if flipped else batch
        with torch.autocast("cpu", torch.bfloat16):
            parts.append(vae.encode(batch).latent_dist.mean.half())
    return torch.cat(parts).contiguous()


@torch.no_grad()
def centre(vae: AutoencoderKL, latents: Tensor) -> None:
    """Give every latent channel mean 0 and deviation 1, inside the autoencoder's own weights.

    Stable Diffusion's pipeline knows one scaling factor and no shift, and channels of
    different spread would meet different amounts of noise.
    """
    mean = latents.float().mean((0, 2, 3))
    spread = latents.float().std((0, 2, 3))
    into, out_of = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= spread[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / spread
    into.bias[channels:] -= 2 * spread.log()
    out_of.bias += out_of.weight[:, :, 0, 0] @ mean
    out_of.weight *= spread[None, :, None, None]

"""Reproduces the model: python -m modelhub.demo.training all --out DIR."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from modelhub.demo.training import dataset, peers, tokenizer, unet, vae
from modelhub.demo.training.export import export, write_preview_factors

SIZE = 128
FITTED_ON = 2000


def main() -> None:
    wanted = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(wanted.threads)
    wanted.work.mkdir(parents=True, exist_ok=True)
    pictures = dataset.pictures(wanted.work, wanted.scenes, SIZE)
    coder = vae.train(wanted.work, pictures, wanted.vae_steps)
    words = tokenizer.write(wanted.work / "tokenizer")
    lessons = _lessons(wanted.work, coder, pictures, words)
    vae.polish(wanted.work, coder, lessons.latents, pictures, wanted.decoder_steps)
    if wanted.stage == "vae":
        return
    peers.run(wanted.processes, wanted.work / "meeting", _study, wanted.work, wanted.unet_steps)
    nets = unet.train(wanted.work, words, lessons, wanted.unet_steps)
    export(wanted.out, coder, nets, words)
    write_preview_factors(wanted.out, lessons.latents[:FITTED_ON], pictures)


def _study(work: Path, steps: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    saved = torch.load(work / "lessons.pt", weights_only=True, mmap=True)
    lessons = unet.Lessons(saved["latents"], saved["mirrored"], saved["tokens"])
    unet.train(work, tokenizer.write(work / "tokenizer"), lessons, steps)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m modelhub.demo.training", description=__doc__)
    parser.add_argument(
        "stage", choices=["vae", "all"], help="stop after the autoencoder, or go on to the model"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("modelhub/demo/model"), help="where the model goes"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("data/demo-training"), help="pictures and checkpoints"
    )
    parser.add_argument("--scenes", type=int, default=20_000)
    parser.add_argument("--vae-steps", type=int, default=3_000)
    parser.add_argument("--decoder-steps", type=int, default=3_000)
    parser.add_argument("--unet-steps", type=int, default=14_000)
    parser.add_argument("--processes", type=int, default=2, help="for the denoiser")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _lessons(
    work: Path, coder: AutoencoderKL, pictures: dataset.Pictures, words: CLIPTokenizer
) -> unet.Lessons:
    """Latents and tokens, kept on disk: encoding takes minutes. Centres the autoencoder too."""
    path = work / "lessons.pt"
    if path.exists():
        saved = torch.load(path, weights_only=True)
        coder.load_state_dict(saved["coder"])
        return unet.Lessons(saved["latents"], saved["mirrored"], saved["tokens"])
    vae.centre(coder, vae.encoded(coder, pictures[:FITTED_ON]))
    lessons = unet.Lessons(
        vae.encoded(coder, pictures),
        vae.encoded(coder, pictures, flipped=True),
        unet.told(words, len(pictures)),
    )
    torch.save({"coder": coder.state_dict(), **vars(lessons)}, path)
    return lessons


if __name__ == "__main__":
    main()

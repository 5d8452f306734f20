"""Makes the model (all), its autoencoder alone (vae), or measures a made one (truth)."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from modelhub.demo.training import dataset, peers, tokenizer, truth, unet, vae
from modelhub.demo.training.export import export, write_preview_factors
from modelhub.demo.training.progress import under

SIZE = 128
FITTED_ON = 1000
TRUTH_FROM = 6000


def main() -> None:
    wanted = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(wanted.threads)
    wanted.work.mkdir(parents=True, exist_ok=True)
    pictures = dataset.pictures(wanted.work, wanted.scenes, SIZE)
    if wanted.stage == "truth":
        print(truth.measure(wanted.out, pictures[:TRUTH_FROM]))
        return
    coder = vae.train(wanted.work, pictures, wanted.vae_steps)
    words = tokenizer.write(wanted.work / "tokenizer")
    lessons = _lessons(wanted.work, coder, pictures[: wanted.told], words)
    vae.polish(wanted.work, coder, lessons.latents, pictures, wanted.decoder_steps)
    if wanted.stage == "vae":
        return
    peers.run(wanted.processes, wanted.work / "meeting", unet.study, wanted.work, wanted.unet_steps)
    nets = unet.study(wanted.work, wanted.unet_steps)
    export(wanted.out, coder, nets, words)
    write_preview_factors(wanted.out, lessons.latents[:FITTED_ON], pictures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m modelhub.demo.training", description=__doc__)
    parser.add_argument("stage", choices=["all", "vae", "truth"])
    parser.add_argument(
        "--out", type=Path, default=Path("modelhub/demo/model"), help="where the model goes"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("data/demo-training"), help="pictures and checkpoints"
    )
    parser.add_argument("--scenes", type=int, default=20_000, help="drawn for the autoencoder")
    parser.add_argument("--told", type=int, default=5_000, help="of these, for the denoiser")
    parser.add_argument("--vae-steps", type=int, default=1_400)
    parser.add_argument("--decoder-steps", type=int, default=1_200)
    parser.add_argument("--unet-steps", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=2, help="for the denoiser")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _lessons(
    work: Path, coder: AutoencoderKL, pictures: dataset.Pictures, words: CLIPTokenizer
) -> unet.Lessons:
    """Latents and tokens, kept on disk: encoding takes minutes. Centres the autoencoder too."""
    path = work / "lessons.safetensors"
    if path.exists():
        saved = load_file(path)
        coder.load_state_dict(under("coder", saved))
        return unet.Lessons(saved["latents"], saved["mirrored"], saved["tokens"])
    vae.centre(coder, vae.encoded(coder, pictures[:FITTED_ON]))
    lessons = unet.Lessons(
        vae.encoded(coder, pictures),
        vae.encoded(coder, pictures, flipped=True),
        unet.told(words, len(pictures)),
    )
    weights = {f"coder/{key}": value for key, value in coder.state_dict().items()}
    save_file(weights | vars(lessons), path)
    return lessons


if __name__ == "__main__":
    main()

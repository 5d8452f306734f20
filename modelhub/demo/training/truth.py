"""Measures how often a picture shows the time of day and the ground its prompt names.

The judge is a linear reader of 16 x 16 thumbnails, fitted on drawn scenes only: it has never
seen a picture of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image

from modelhub.demo.training.captions import GROUND_WORDS, TIME_WORDS
from modelhub.demo.training.dataset import Pictures
from modelhub.demo.training.scenes import GROUNDS, TIMES, chosen

SEEDS = 4
STEPS = 20
HELD_BACK = 1000
Numbers = NDArray[np.float64]


def measure(model: Path, pictures: Pictures) -> str:
    """A table of the shares right, as Markdown."""
    seen = np.stack([_thumbnail(picture) for picture in pictures])
    scenes = [chosen(number) for number in range(len(pictures))]
    asked = [(time, ground) for time in TIMES for ground in GROUNDS]
    shown = _shown(model, [f"{GROUND_WORDS[g][0]} {TIME_WORDS[t][0]}" for t, g in asked])
    lines = ["| | judge on new scenes | the model's pictures |", "|---|---|---|"]
    for kind, names, place in (("time of day", list(TIMES), 0), ("ground", list(GROUNDS), 1)):
        truth = np.array([names.index((scene.time, scene.ground)[place]) for scene in scenes])
        judge = _fitted(seen[HELD_BACK:], truth[HELD_BACK:], len(names))
        sure = _share(judge, seen[:HELD_BACK], truth[:HELD_BACK])
        wanted = np.repeat([names.index(pair[place]) for pair in asked], SEEDS)
        lines.append(f"| {kind} | {sure:.0%} | **{_share(judge, shown, wanted):.0%}** |")
        for number, name in enumerate(names):
            mine = wanted == number
            lines.append(f"| {name} | | {_share(judge, shown[mine], wanted[mine]):.0%} |")
    return "\n".join(lines)


def _shown(model: Path, prompts: Sequence[str]) -> Numbers:
    pipeline = StableDiffusionPipeline.from_pretrained(
        model, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    rows = []
    for prompt in prompts:
        made = pipeline(
            [prompt] * SEEDS,
            num_inference_steps=STEPS,
            guidance_scale=5.0,
            generator=[torch.Generator().manual_seed(seed) for seed in range(SEEDS)],
        )
        rows += [_thumbnail(np.asarray(image)) for image in made.images]
    return np.stack(rows)


def _thumbnail(picture: NDArray[np.uint8]) -> Numbers:
    small = Image.fromarray(picture).resize((16, 16), Image.Resampling.BOX)
    return np.append(np.asarray(small, np.float64).ravel() / 255, 1.0)


def _fitted(seen: Numbers, truth: NDArray[np.int64], kinds: int) -> Numbers:
    """Ridge regression on one column for each kind."""
    square = seen.T @ seen + 3.0 * np.eye(seen.shape[1])
    return np.linalg.solve(square, seen.T @ np.eye(kinds)[truth])


def _share(judge: Numbers, seen: Numbers, truth: NDArray[np.int64]) -> float:
    return float(((seen @ judge).argmax(1) == truth).mean())

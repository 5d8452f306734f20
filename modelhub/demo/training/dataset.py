"""Draws the training pictures once and keeps them on disk."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modelhub.demo.training.scenes import chosen, painted

Pictures = NDArray[np.uint8]


def pictures(folder: Path, count: int, size: int) -> Pictures:
    """Picture i is scene i: nothing but the number has to be remembered about a scene."""
    path = folder / f"pictures-{count}-{size}.npy"
    if not path.exists():
        _draw(path, count, size)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _draw(path: Path, count: int, size: int) -> None:
    partial = path.with_suffix(".partial")
    shape = (count, size, size, 3)
    out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tasks = ((seed, size) for seed in range(count))
        for number, picture in enumerate(pool.map(_one, tasks, chunksize=64)):
            out[number] = picture
    out.flush()
    partial.rename(path)


def _one(task: tuple[int, int]) -> Pictures:
    seed, size = task
    return painted(chosen(seed), size)

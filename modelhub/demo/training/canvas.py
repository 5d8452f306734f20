"""Coordinates, noise and soft masks: what every part of a scene is drawn with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass
class Canvas:
    """A square picture being painted; u runs right and v runs down, both from 0 to 1."""

    size: int
    rng: np.random.Generator
    pixels: Array = field(init=False)
    u: Array = field(init=False)
    v: Array = field(init=False)

    def __post_init__(self) -> None:
        steps = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size
        self.u, self.v = steps[None, :], steps[:, None]
        self.pixels = np.zeros((self.size, self.size, 3), np.float32)

    def paint(self, colour: Array | Colour, mask: Array | float) -> None:
        cover = np.asarray(mask, np.float32)[..., None]
        self.pixels += (np.asarray(colour, np.float32) - self.pixels) * cover

    def below(self, height: Array) -> Array:
        """How much of each pixel lies under the curve: an edge one pixel soft."""
        return np.clip((self.v - height) * self.size + 0.5, 0, 1)

    def line(self, cells: float, octaves: int = 4, *, smooth: bool = True) -> Array:
        """A random curve over u between about 0 and 1, as a row."""
        total = np.zeros((1, self.size), np.float32)
        weight, scale = 0.0, 1.0
        for octave in range(octaves):
            count = int(np.ceil(cells * 2**octave)) + 2
            knots = self.rng.random(count).astype(np.float32)
            at = self.u[0] * cells * 2**octave + self.rng.random()
            low = at.astype(int)
            part = at - low
            part = part * part * (3 - 2 * part) if smooth else part
            total[0] += scale * (knots[low] * (1 - part) + knots[low + 1] * part)
            weight += scale
            scale *= 0.5
        return total / np.float32(weight)

    def cloudiness(self, rows: int, columns: int, octaves: int = 3) -> Array:
        """Random smooth texture over the whole picture, between about 0 and 1."""
        total = np.zeros((self.size, self.size), np.float32)
        weight, scale = 0.0, 1.0
        for octave in range(octaves):
            shape = (rows * 2**octave + 1, columns * 2**octave + 1)
            grid = Image.fromarray(self.rng.random(shape).astype(np.float32))
            full = (self.size, self.size)
            total += scale * np.asarray(grid.resize(full, Image.Resampling.BICUBIC))
            weight += scale
            scale *= 0.5
        return total / np.float32(weight)


def mix(first: Array | Colour, second: Array | Colour, share: Array | float) -> Array:
    start = np.asarray(first, np.float32)
    cover = np.asarray(share, np.float32)
    cover = cover[..., None] if cover.ndim > 1 else cover
    return start + (np.asarray(second, np.float32) - start) * cover

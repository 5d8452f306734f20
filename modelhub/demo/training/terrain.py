"""The ground: mountains, hills, dunes, forests and water."""

from __future__ import annotations

import numpy as np

from modelhub.demo.training.canvas import Array, Canvas, Colour, mix
from modelhub.demo.training.palette import Palette

GREEN: Colour = (0.32, 0.58, 0.20)
AUTUMN: Colour = (0.80, 0.46, 0.14)
SAND: Colour = (0.93, 0.72, 0.40)
SNOW: Colour = (0.95, 0.97, 1.00)
FIR: Colour = (0.10, 0.27, 0.16)
BEACH: Colour = (0.95, 0.84, 0.62)


def lit(colour: Array | Colour, palette: Palette) -> Array:
    return np.clip(np.asarray(colour, np.float32) * np.asarray(palette.light, np.float32), 0, 1)


def paint_mountains(
    canvas: Canvas, palette: Palette, base: float, *, snowy: bool, tall: float = 1.0
) -> None:
    """Ranges from far to near, each less hazy than the one behind it."""
    layers = 3 if tall > 0.8 else 2
    for layer in range(layers):
        near = (layer + 1) / layers
        height = tall * (0.50 - 0.17 * layer) * canvas.rng.uniform(0.85, 1.15)
        ridge = canvas.line(2.2 + layer, 5, smooth=False)
        ridge = (ridge - ridge.min()) / (ridge.max() - ridge.min())
        top = base - height * (0.12 + 0.88 * ridge**1.25)
        _paint_range(
            canvas, palette, top, haze=palette.haze * (1.25 - near), snow=0.13 if snowy else 0.045
        )


def _paint_range(canvas: Canvas, palette: Palette, top: Array, *, haze: float, snow: float) -> None:
    depth = canvas.v - top
    # Facets run aslant from the ridge, which reads as sides in sun and in shadow.
    facet = canvas.line(7, 3, smooth=False)[0]
    at = np.clip(canvas.u + depth * 0.55, 0, 1)
    side = np.interp(at, canvas.u[0], facet).astype(np.float32)
    contrast = np.clip((side - 0.5) * 4 + 0.5, 0, 1)
    rock = mix((0.26, 0.26, 0.32), (0.52, 0.49, 0.48), contrast)
    cap = np.clip((snow * (0.45 + 1.2 * side) - depth) / 0.018, 0, 1) if snow else 0.0
    stone = mix(rock, mix((0.70, 0.78, 0.92), SNOW, contrast), cap)
    colour = mix(lit(stone, palette), palette.horizon, min(haze, 0.9))
    canvas.paint(colour, canvas.below(top))


def paint_hills(canvas: Canvas, palette: Palette, tops: tuple[float, ...], colour: Colour) -> None:
    for layer, start in enumerate(tops):
        top = start + (canvas.line(1.4, 2) - 0.5) * 0.12
        near = (layer + 1) / len(tops)
        depth = np.clip((canvas.v - top) * 3.5, 0, 1)
        tone = mix(np.asarray(colour) * 1.12, np.asarray(colour) * 0.68, depth)
        tone = tone * (0.93 + 0.14 * canvas.cloudiness(12, 8, 2))[..., None]
        haze = palette.haze * 0.9 * (1 - near)
        canvas.paint(mix(lit(tone, palette), palette.horizon, haze), canvas.below(top))


def paint_dunes(canvas: Canvas, palette: Palette) -> None:
    for layer in range(4):
        start = 0.46 + 0.135 * layer
        ridge = canvas.line(1.3 + 0.3 * layer, 1)
        top = start + (ridge - 0.5) * 0.20
        depth = np.clip((canvas.v - top) * 3.2, 0, 1)
        # One side of a dune faces the sun, the other lies in its own shadow.
        slope = np.gradient(top[0]) * canvas.size
        shadow = np.clip(0.5 + slope * 2.4, 0, 1)[None, :] * np.exp(-depth * 1.3)
        sand = mix(SAND, np.asarray(SAND) * np.array([0.66, 0.55, 0.50]), shadow)
        sand = sand * (1.04 - 0.16 * depth[..., None])
        canvas.paint(
            mix(lit(sand, palette), palette.horizon, palette.haze * (0.75 - 0.25 * layer) * 0.6),
            canvas.below(top),
        )


def paint_forest(
    canvas: Canvas, palette: Palette, base: float, *, layers: int, leaf: Colour
) -> None:
    """Rows of trees: tall and dark in front, hazy behind."""
    for layer in range(layers):
        near = (layer + 1) / layers
        width = (0.026 + 0.05 * near) * (1.25 if leaf == AUTUMN else 1.0)
        height = 0.11 + 0.24 * near if layers > 1 else 0.09
        foot = base + 0.12 * layer
        top, tint = _tree_line(canvas, foot, width, height, rounded=leaf == AUTUMN)
        depth = np.clip((canvas.v - top) * 4, 0, 1)
        tone = mix(np.asarray(leaf) * 1.35, np.asarray(leaf) * 0.7, depth) * tint[..., None]
        haze = palette.haze * 1.1 * (1 - near)
        canvas.paint(mix(lit(tone, palette), palette.horizon, min(haze, 0.85)), canvas.below(top))


def _tree_line(
    canvas: Canvas, foot: float, width: float, height: float, *, rounded: bool
) -> tuple[Array, Array]:
    spots = np.arange(-width, 1 + width, width * 0.62)
    spots = spots + canvas.rng.normal(0, width * 0.2, len(spots))
    tall = height * canvas.rng.uniform(0.55, 1.1, len(spots))
    offset = np.abs(canvas.u[0][None, :] - spots[:, None]) / width
    shape = np.sqrt(np.clip(1 - offset**2, 0, 1)) if rounded else np.clip(1 - offset, 0, 1)
    reach = shape * tall[:, None]
    tint = canvas.rng.uniform(0.75, 1.3, len(spots)).astype(np.float32)[reach.argmax(0)]
    top = (foot - reach.max(0)).astype(np.float32)
    return top[None, :], tint[None, :]


def paint_flowers(canvas: Canvas, palette: Palette, top: float) -> None:
    colours = [(0.95, 0.25, 0.28), (0.98, 0.85, 0.25), (0.95, 0.95, 0.98), (0.75, 0.40, 0.85)]
    colour = colours[int(canvas.rng.integers(len(colours)))]
    spread = canvas.rng.random((canvas.size // 2, canvas.size // 2)) < 0.11
    blooms = np.kron(spread, np.ones((2, 2))).astype(np.float32)
    canvas.paint(lit(colour, palette), blooms * np.clip((canvas.v - top) * 5, 0, 0.95))


def paint_sea(
    canvas: Canvas, palette: Palette, horizon: float, sun: tuple[float, float] | None
) -> None:
    depth = np.clip((canvas.v - horizon) / (1 - horizon), 0, 1)
    deep = lit((0.05, 0.30, 0.52), palette)
    near = mix(deep, palette.top, 0.35)
    far = mix(mix(deep, palette.middle, 0.45), palette.horizon, 0.25)
    water = mix(far, near, np.broadcast_to(depth**0.6, (canvas.size, canvas.size)))
    waves = canvas.cloudiness(22, 5, 2) - 0.5
    water = water * (1 + waves[..., None] * (0.25 + 0.5 * depth[..., None]))
    mask = canvas.below(np.full((1, canvas.size), horizon, np.float32))
    canvas.paint(np.clip(water, 0, 1), mask)
    if sun is not None:
        glitter = np.exp(-(((canvas.u - sun[0]) / (0.05 + 0.13 * depth)) ** 2)) * np.clip(
            0.35 + waves * 2.2, 0, 1
        )
        canvas.paint(palette.sun, mask * glitter * 0.8)


def paint_reflection(canvas: Canvas, palette: Palette, shore: float) -> None:
    """A lake: what stands above the shore line, upside down, rippled and a little dimmer."""
    first = round(shore * canvas.size)
    rows = np.arange(first, canvas.size)
    ripple = (
        canvas.rng.normal(0, 1, len(rows)) * np.linspace(0.3, 2.2, len(rows)) * canvas.size / 128
    )
    source = np.clip(first - (rows - first) - 1 + ripple, 0, first - 1).astype(int)
    water = mix(canvas.pixels[source], lit((0.10, 0.34, 0.50), palette), 0.30)
    waves = canvas.cloudiness(26, 4, 2)[first:, :, None] - 0.5
    canvas.pixels[first:] = np.clip(water * 0.94 * (1 + waves * 0.28), 0, 1)


def paint_beach(canvas: Canvas, palette: Palette, top: float) -> None:
    tilt = canvas.rng.uniform(-0.16, 0.16)
    edge = top + (canvas.line(1.5, 2) - 0.5) * 0.06 + tilt * (canvas.u - 0.5)
    canvas.paint(lit((0.96, 0.98, 1.0), palette), canvas.below(edge - 0.022) * 0.85)
    depth = np.clip((canvas.v - edge) * 3, 0, 1)
    sand = (
        mix(np.asarray(BEACH) * 0.86, BEACH, depth)
        * (0.95 + 0.1 * canvas.cloudiness(16, 16, 2))[..., None]
    )
    canvas.paint(lit(sand, palette), canvas.below(edge))

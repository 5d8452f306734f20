"""Skies: gradient, sun or moon, stars, clouds, aurora, rain and lightning."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from modelhub.demo.training.canvas import Array, Canvas, mix
from modelhub.demo.training.palette import Palette


def paint_gradient(canvas: Canvas, palette: Palette, horizon: float) -> None:
    stops = [0.0, horizon * 0.55, horizon]
    colours = np.array([palette.top, palette.middle, palette.horizon], np.float32)
    rows = [np.interp(canvas.v[:, 0], stops, colours[:, channel]) for channel in range(3)]
    canvas.pixels[:] = np.stack(rows, -1).astype(np.float32)[:, None, :]


def paint_sun(canvas: Canvas, palette: Palette, at: tuple[float, float], radius: float) -> None:
    distance = _distance(canvas, at)
    canvas.paint(palette.sun, 0.75 * np.exp(-distance / (radius * 2.6)))
    canvas.paint(mix(palette.sun, (1.0, 1.0, 1.0), 0.45), _disc(canvas, distance, radius))


def paint_moon(canvas: Canvas, palette: Palette, at: tuple[float, float], radius: float) -> None:
    distance = _distance(canvas, at)
    canvas.paint((0.45, 0.52, 0.72), 0.55 * np.exp(-distance / (radius * 1.6)))
    face = _disc(canvas, distance, radius)
    if canvas.rng.random() < 0.4:
        side = radius * canvas.rng.choice([-0.6, 0.6])
        face = face * (
            1 - _disc(canvas, _distance(canvas, (at[0] + side, at[1] - radius * 0.25)), radius)
        )
    canvas.paint(palette.sun, face)


def paint_stars(canvas: Canvas, horizon: float) -> None:
    # Fewer and larger than life: a star of one pixel does not survive an eightfold compression.
    count = int(canvas.rng.integers(28, 60))
    size = canvas.size
    field = np.zeros((size + 2, size + 2), np.float32)
    columns = canvas.rng.integers(0, size, count) + 1
    rows = (canvas.rng.random(count) ** 1.2 * horizon * size).astype(int) + 1
    bright = (0.35 + 0.75 * canvas.rng.random(count)).astype(np.float32)
    for down, right, share in (
        (0, 0, 1.0),
        (1, 0, 0.45),
        (-1, 0, 0.45),
        (0, 1, 0.45),
        (0, -1, 0.45),
    ):
        np.maximum.at(field, (rows + down, columns + right), bright * share)
    canvas.paint((0.95, 0.96, 1.0), np.clip(field[1:-1, 1:-1], 0, 1))


def paint_aurora(canvas: Canvas, horizon: float) -> None:
    for _ in range(int(canvas.rng.integers(1, 3))):
        foot = horizon * (0.35 + 0.45 * canvas.line(1.6, 2))
        above = np.clip((foot - canvas.v) / horizon, -1, 1)
        curtain = np.where(above > 0, np.exp(-above * 4.5), np.exp(above * 30))
        glow = curtain * (0.45 + 0.6 * canvas.line(9, 2))
        tint = mix((0.15, 0.95, 0.55), (0.55, 0.30, 0.85), np.clip(above * 2.2, 0, 1))
        canvas.paint(tint, np.clip(glow * 0.85, 0, 0.9))


def paint_clouds(canvas: Canvas, palette: Palette, horizon: float, cover: float) -> None:
    texture = canvas.cloudiness(int(canvas.rng.integers(4, 7)), 3)
    # Light comes from above: a cloud is darker where there is more cloud over it.
    rows = np.maximum(np.arange(canvas.size) - max(canvas.size // 24, 1), 0)
    over = texture[rows]
    alpha = np.clip((texture - (1 - cover)) * 5, 0, 1)
    alpha = alpha * np.clip((horizon - canvas.v) / (0.3 * horizon), 0, 1)
    shade = np.clip(0.5 + (over - texture) * 4 + (texture - 0.5) * 1.2, 0, 1)
    canvas.paint(mix(palette.cloud, palette.cloud_shade, shade), alpha * 0.92)


def paint_rain(canvas: Canvas) -> None:
    streaks = canvas.cloudiness(4, 26, 1)
    slant = (np.arange(canvas.size) * 0.25).astype(int)
    rows = np.arange(canvas.size)[:, None]
    columns = (np.arange(canvas.size)[None, :] + slant[:, None]) % canvas.size
    canvas.paint((0.70, 0.74, 0.78), np.clip((streaks[rows, columns] - 0.5) * 0.55, 0, 0.16))


def paint_lightning(canvas: Canvas, horizon: float) -> None:
    scale = 4
    bolt = Image.new("L", (canvas.size * scale, canvas.size * scale))
    draw = ImageDraw.Draw(bolt)
    place = float(canvas.rng.uniform(0.2, 0.8))
    points = [(place, 0.05)]
    for row in np.linspace(0.12, horizon, 6):
        place += float(canvas.rng.normal(0, 0.045))
        points.append((place, float(row)))
    draw.line([(x * bolt.width, y * bolt.height) for x, y in points], fill=255, width=scale * 2)
    mask = (
        np.asarray(bolt.resize((canvas.size, canvas.size), Image.Resampling.BOX), np.float32) / 255
    )
    glow = np.exp(-(((canvas.u - points[3][0]) / 0.16) ** 2)) * (canvas.v < horizon)
    canvas.paint((0.72, 0.74, 0.92), glow * 0.4)
    canvas.paint((1.0, 1.0, 1.0), mask)


def _distance(canvas: Canvas, at: tuple[float, float]) -> Array:
    return np.hypot(canvas.u - at[0], canvas.v - at[1]).astype(np.float32)


def _disc(canvas: Canvas, distance: Array, radius: float) -> Array:
    return np.clip((radius - distance) * canvas.size + 0.5, 0, 1)

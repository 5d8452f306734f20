"""The colours of each time of day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelhub.demo.training.canvas import Colour


@dataclass(frozen=True)
class Palette:
    top: Colour
    middle: Colour
    horizon: Colour
    light: Colour  # what falls on the ground: every surface colour is multiplied by it
    cloud: Colour
    cloud_shade: Colour
    sun: Colour
    haze: float


PALETTES: Mapping[str, Palette] = {
    "dawn": Palette(
        top=(0.40, 0.50, 0.76),
        middle=(0.84, 0.68, 0.80),
        horizon=(1.00, 0.82, 0.66),
        light=(0.86, 0.74, 0.82),
        cloud=(1.00, 0.84, 0.84),
        cloud_shade=(0.74, 0.62, 0.76),
        sun=(1.00, 0.92, 0.72),
        haze=0.55,
    ),
    "noon": Palette(
        top=(0.14, 0.40, 0.84),
        middle=(0.40, 0.68, 0.95),
        horizon=(0.80, 0.91, 0.98),
        light=(1.05, 1.04, 0.98),
        cloud=(1.00, 1.00, 1.00),
        cloud_shade=(0.78, 0.83, 0.90),
        sun=(1.00, 0.99, 0.88),
        haze=0.38,
    ),
    "sunset": Palette(
        top=(0.26, 0.14, 0.40),
        middle=(0.90, 0.34, 0.26),
        horizon=(1.00, 0.72, 0.24),
        light=(0.82, 0.46, 0.38),
        cloud=(1.00, 0.52, 0.34),
        cloud_shade=(0.52, 0.22, 0.36),
        sun=(1.00, 0.90, 0.52),
        haze=0.42,
    ),
    "night": Palette(
        top=(0.012, 0.018, 0.075),
        middle=(0.03, 0.055, 0.17),
        horizon=(0.09, 0.14, 0.30),
        light=(0.19, 0.25, 0.43),
        cloud=(0.16, 0.19, 0.32),
        cloud_shade=(0.06, 0.08, 0.17),
        sun=(0.95, 0.95, 0.86),
        haze=0.38,
    ),
    "storm": Palette(
        top=(0.13, 0.15, 0.19),
        middle=(0.30, 0.33, 0.37),
        horizon=(0.54, 0.57, 0.58),
        light=(0.40, 0.44, 0.47),
        cloud=(0.46, 0.49, 0.53),
        cloud_shade=(0.13, 0.15, 0.19),
        sun=(0.8, 0.8, 0.8),
        haze=0.45,
    ),
    "mist": Palette(
        top=(0.70, 0.75, 0.79),
        middle=(0.79, 0.82, 0.84),
        horizon=(0.88, 0.89, 0.88),
        light=(0.74, 0.78, 0.78),
        cloud=(0.90, 0.91, 0.91),
        cloud_shade=(0.74, 0.78, 0.81),
        sun=(0.97, 0.96, 0.92),
        haze=0.85,
    ),
}


def jittered(palette: Palette, rng: np.random.Generator) -> Palette:
    """The same time of day on another day: a little brighter, a little warmer."""
    shift = 1 + rng.normal(0, 0.035, 3) + rng.normal(0, 0.05)

    def moved(colour: Colour) -> Colour:
        red, green, blue = (
            float(np.clip(c * s, 0, 1.1)) for c, s in zip(colour, shift, strict=True)
        )
        return red, green, blue

    return replace(
        palette,
        top=moved(palette.top),
        middle=moved(palette.middle),
        horizon=moved(palette.horizon),
        light=moved(palette.light),
    )

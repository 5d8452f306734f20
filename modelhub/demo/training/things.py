"""The one thing a scene may hold: a house, tree, palm, cactus, boat or lighthouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw

from modelhub.demo.training.canvas import Canvas, Colour
from modelhub.demo.training.palette import Palette

Box = tuple[float, float, float, float]


class Pen:
    """Draws on a transparent square, 0 to 1 each way, in the light of the scene."""

    SCALE = 4

    def __init__(self, pixels: int, palette: Palette) -> None:
        self.side = max(pixels, 4) * self.SCALE
        self.light = palette.light
        self.dark = palette.light[1] < 0.3
        self.patch = Image.new("RGBA", (self.side, self.side))
        self.draw = ImageDraw.Draw(self.patch)

    def tone(self, colour: Colour, *, glows: bool = False) -> tuple[int, int, int, int]:
        light = (1.0, 1.0, 1.0) if glows else self.light
        red, green, blue = (
            int(np.clip(c * s, 0, 1) * 255) for c, s in zip(colour, light, strict=True)
        )
        return red, green, blue, 255

    def shape(
        self, points: list[tuple[float, float]], colour: Colour, *, glows: bool = False
    ) -> None:
        self.draw.polygon(
            [(x * self.side, y * self.side) for x, y in points], fill=self.tone(colour, glows=glows)
        )

    def box(self, box: Box, colour: Colour, *, glows: bool = False) -> None:
        self.draw.rectangle([edge * self.side for edge in box], fill=self.tone(colour, glows=glows))

    def round(self, box: Box, colour: Colour, *, glows: bool = False) -> None:
        self.draw.ellipse([edge * self.side for edge in box], fill=self.tone(colour, glows=glows))


def _house(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    walls: list[Colour] = [
        (0.80, 0.25, 0.20),
        (0.95, 0.92, 0.85),
        (0.90, 0.75, 0.45),
        (0.58, 0.38, 0.24),
    ]
    wall = walls[int(rng.integers(len(walls)))]
    roof: Colour = (0.96, 0.97, 1.0) if ground == "snow" else (0.42, 0.20, 0.16)
    pen.box((0.66, 0.12, 0.76, 0.40), (0.45, 0.30, 0.28))
    pen.box((0.12, 0.45, 0.88, 1.0), wall)
    pen.shape([(0.02, 0.48), (0.24, 0.16), (0.76, 0.16), (0.98, 0.48)], roof)
    pen.box((0.44, 0.66, 0.58, 1.0), (0.30, 0.18, 0.12))
    pane: Colour = (1.0, 0.84, 0.40) if pen.dark else (0.55, 0.72, 0.85)
    for left in (0.20, 0.66):
        pen.box((left, 0.60, left + 0.15, 0.78), pane, glows=pen.dark)


def _tree(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    if ground in ("snow", "mountains"):
        _fir(pen, snowy=ground == "snow")
        return
    autumn = ground.endswith("autumn")
    leaf: Colour = (0.86, 0.42, 0.10) if autumn else (0.16, 0.44, 0.14)
    pen.box((0.45, 0.55, 0.55, 1.0), (0.36, 0.24, 0.15))
    spots = [(0.28, 0.46), (0.72, 0.46), (0.50, 0.50), (0.36, 0.26), (0.64, 0.26), (0.50, 0.18)]
    for x, y in spots:
        radius = float(rng.uniform(0.17, 0.22))
        shade = 1.25 - 0.7 * y
        pen.round(
            (x - radius, y - radius, x + radius, y + radius),
            (leaf[0] * shade, leaf[1] * shade, leaf[2] * shade),
        )


def _fir(pen: Pen, *, snowy: bool) -> None:
    pen.box((0.46, 0.85, 0.54, 1.0), (0.32, 0.22, 0.15))
    for top, width in ((0.50, 0.34), (0.26, 0.27), (0.02, 0.19)):
        pen.shape(
            [(0.5, top), (0.5 - width, top + 0.40), (0.5 + width, top + 0.40)], (0.10, 0.30, 0.18)
        )
        if snowy:
            pen.shape(
                [(0.5, top), (0.5 - width * 0.5, top + 0.17), (0.5 + width * 0.5, top + 0.17)],
                (0.95, 0.97, 1.0),
            )


def _palm(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    lean = float(rng.choice([-0.12, 0.12]))
    pen.shape(
        [(0.45, 1.0), (0.55, 1.0), (0.53 + lean, 0.28), (0.48 + lean, 0.28)], (0.48, 0.34, 0.20)
    )
    for angle in np.linspace(-0.35, np.pi + 0.35, 7):
        tip = (0.5 + lean + 0.36 * float(np.cos(angle)), 0.34 - 0.27 * float(np.sin(angle)) + 0.06)
        middle = (0.5 + lean + 0.20 * float(np.cos(angle)), 0.22 - 0.20 * float(np.sin(angle)))
        below = (middle[0], middle[1] + 0.10)
        pen.shape([(0.5 + lean, 0.26), middle, tip, below], (0.18, 0.48, 0.18))


def _cactus(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    green: Colour = (0.20, 0.46, 0.22)
    pen.box((0.41, 0.10, 0.59, 1.0), green)
    pen.round((0.41, 0.01, 0.59, 0.19), green)
    high, low = (0.30, 0.42) if rng.random() < 0.5 else (0.42, 0.30)
    for side, top in ((0.12, high), (0.74, low)):
        pen.box((side, top, side + 0.14, top + 0.24), green)
        pen.round((side, top - 0.07, side + 0.14, top + 0.07), green)
        pen.box((min(side, 0.45), top + 0.16, max(side + 0.14, 0.55), top + 0.29), green)


def _boat(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    hulls: list[Colour] = [(0.70, 0.18, 0.15), (0.45, 0.28, 0.16), (0.92, 0.92, 0.92)]
    pen.box((0.49, 0.04, 0.52, 0.80), (0.35, 0.24, 0.16))
    pen.shape([(0.54, 0.05), (0.54, 0.73), (0.93, 0.73)], (1.0, 0.98, 0.92))
    pen.shape([(0.47, 0.14), (0.47, 0.73), (0.16, 0.73)], (0.92, 0.88, 0.80))
    pen.shape(
        [(0.04, 0.78), (0.97, 0.78), (0.82, 0.98), (0.18, 0.98)],
        hulls[int(rng.integers(len(hulls)))],
    )


def _lighthouse(pen: Pen, rng: np.random.Generator, ground: str) -> None:
    pen.shape([(0.10, 1.0), (0.24, 0.86), (0.78, 0.85), (0.95, 1.0)], (0.40, 0.37, 0.36))
    for step in range(5):
        top, foot = 0.22 + 0.13 * step, 0.35 + 0.13 * step
        colour: Colour = (0.84, 0.16, 0.14) if step % 2 else (0.97, 0.97, 0.95)
        narrow, wide = 0.10 + 0.014 * step, 0.114 + 0.014 * step
        pen.shape(
            [(0.5 - narrow, top), (0.5 + narrow, top), (0.5 + wide, foot), (0.5 - wide, foot)],
            colour,
        )
    pen.box((0.37, 0.19, 0.63, 0.23), (0.20, 0.20, 0.22))
    pen.box((0.42, 0.09, 0.58, 0.19), (1.0, 0.92, 0.55), glows=True)
    pen.shape([(0.38, 0.09), (0.5, 0.0), (0.62, 0.09)], (0.75, 0.15, 0.13))


DRAWN: Mapping[str, Callable[[Pen, np.random.Generator, str], None]] = {
    "house": _house,
    "tree": _tree,
    "palm": _palm,
    "cactus": _cactus,
    "boat": _boat,
    "lighthouse": _lighthouse,
}

# Large on purpose: what is smaller than three latent cells is lost in an eightfold compression.
HEIGHT: Mapping[str, tuple[float, float]] = {
    "house": (0.30, 0.40),
    "tree": (0.38, 0.55),
    "palm": (0.45, 0.60),
    "cactus": (0.36, 0.48),
    "boat": (0.34, 0.46),
    "lighthouse": (0.46, 0.58),
}


def paint_thing(canvas: Canvas, palette: Palette, thing: str, ground: str, foot: float) -> None:
    """Set the thing on the ground, its foot at height `foot`."""
    share = float(canvas.rng.uniform(*HEIGHT[thing]))
    pen = Pen(round(share * canvas.size), palette)
    DRAWN[thing](pen, canvas.rng, ground)
    side = pen.side // Pen.SCALE
    small = np.asarray(pen.patch.resize((side, side), Image.Resampling.BOX), np.float32) / 255
    left = int(canvas.rng.uniform(0.02, 0.98 - share) * canvas.size)
    top = round(foot * canvas.size) - side
    first = max(0, -top)
    last = min(side, canvas.size - top)
    window = canvas.pixels[top + first : top + last, left : left + side]
    cover = small[first:last, :, 3:]
    window[:] = window * (1 - cover) + small[first:last, :, :3] * cover
    if thing == "boat":
        _mirror(canvas, small, (top + side, left))


def _mirror(
    canvas: Canvas, patch: np.ndarray[tuple[int, ...], np.dtype[np.float32]], at: tuple[int, int]
) -> None:
    top, left = at
    rows = min(patch.shape[0] // 3, canvas.size - top)
    if rows <= 0:
        return
    below = patch[::-1][:rows]
    window = canvas.pixels[top : top + rows, left : left + patch.shape[1]]
    cover = below[..., 3:] * np.linspace(0.55, 0.1, rows, dtype=np.float32)[:, None, None]
    window[:] = window * (1 - cover) + below[..., :3] * cover

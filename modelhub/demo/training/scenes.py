"""What is in a scene, chosen at random, and how it is painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelhub.demo.training import sky, terrain
from modelhub.demo.training.canvas import Canvas
from modelhub.demo.training.palette import PALETTES, Palette, jittered
from modelhub.demo.training.things import paint_thing

# Night is drawn more often than the rest: with an even share it was the one that got missed.
TIMES: Mapping[str, float] = {
    "dawn": 0.15,
    "noon": 0.19,
    "sunset": 0.20,
    "night": 0.24,
    "storm": 0.13,
    "mist": 0.09,
}
GROUNDS: Mapping[str, float] = {
    "mountains": 0.19,
    "lake": 0.14,
    "sea": 0.14,
    "beach": 0.09,
    "desert": 0.11,
    "forest": 0.11,
    "meadow": 0.12,
    "snow": 0.10,
}
THINGS: Mapping[str, tuple[str, ...]] = {
    "mountains": ("house", "tree"),
    "lake": ("boat", "house", "tree"),
    "sea": ("boat", "boat", "lighthouse"),
    "beach": ("palm", "boat", "house", "lighthouse"),
    "desert": ("cactus", "palm", "house"),
    "forest": ("house",),
    "meadow": ("house", "tree"),
    "snow": ("house", "tree"),
}
WITH_THING = 0.55


@dataclass(frozen=True)
class Scene:
    """One picture: the same scene with the same seed is the same pixels."""

    seed: int
    time: str
    ground: str
    thing: str | None = None
    backdrop: bool = False  # mountains behind the ground
    snowy: bool = False  # peaks under snow
    autumn: bool = False
    flowers: bool = False
    clouds: bool = False
    orb: bool = False  # the sun, or the moon at night
    aurora: bool = False
    lightning: bool = False


def chosen(seed: int) -> Scene:
    rng = np.random.default_rng([seed, 1])
    time = str(rng.choice(list(TIMES), p=list(TIMES.values())))
    ground = str(rng.choice(list(GROUNDS), p=list(GROUNDS.values())))
    thing = str(rng.choice(THINGS[ground])) if rng.random() < WITH_THING else None
    odds = rng.random(8)
    aurora = time == "night" and bool(odds[0] < 0.18)
    return Scene(
        seed=seed,
        time=time,
        ground=ground,
        thing=thing,
        backdrop=ground == "lake"
        or (ground in ("meadow", "snow", "forest", "sea") and bool(odds[1] < 0.25)),
        snowy=bool(odds[2] < 0.4) or ground == "snow",
        autumn=ground in ("forest", "meadow", "lake") and bool(odds[3] < 0.22),
        flowers=ground == "meadow" and bool(odds[4] < 0.45),
        clouds=time == "storm" or (time != "mist" and not aurora and bool(odds[5] < 0.45)),
        orb=time != "storm" and not aurora and bool(odds[6] < (0.35 if time == "mist" else 0.72)),
        aurora=aurora,
        lightning=time == "storm" and bool(odds[7] < 0.3),
    )


def painted(scene: Scene, size: int = 128) -> NDArray[np.uint8]:
    canvas = Canvas(size, np.random.default_rng([scene.seed, 2]))
    palette = jittered(PALETTES[scene.time], canvas.rng)
    horizon = float(canvas.rng.uniform(0.50, 0.62))
    orb = _paint_sky(canvas, palette, scene, horizon)
    GROUND_PAINTERS[scene.ground](canvas, palette, scene, (horizon, orb))
    if scene.time == "storm":
        sky.paint_rain(canvas)
    if scene.time == "mist":
        veil = np.exp(-(((canvas.v - horizon) / 0.22) ** 2)) * 0.45 + 0.10
        canvas.paint(palette.horizon, np.broadcast_to(veil, (size, size)))
    return (np.clip(canvas.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


Place = tuple[float, tuple[float, float] | None]


def _paint_sky(
    canvas: Canvas, palette: Palette, scene: Scene, horizon: float
) -> tuple[float, float] | None:
    rng = canvas.rng
    sky.paint_gradient(canvas, palette, horizon)
    if scene.time == "night":
        sky.paint_stars(canvas, horizon)
    if scene.aurora:
        sky.paint_aurora(canvas, horizon)
    at = None
    if scene.orb:
        low = scene.time in ("dawn", "sunset")
        # Tall mountains would hide a low sun; there it stands a little higher.
        lift = 0.22 if scene.ground in ("mountains", "lake") or scene.backdrop else 0.07
        high = (
            float(rng.uniform(horizon - lift - 0.12, horizon - lift))
            if low
            else float(rng.uniform(0.10, 0.24))
        )
        at = (float(rng.uniform(0.15, 0.85)), high)
        radius = float(rng.uniform(0.05, 0.075))
        (sky.paint_moon if scene.time == "night" else sky.paint_sun)(canvas, palette, at, radius)
    if scene.clouds:
        cover = 0.85 if scene.time == "storm" else float(rng.uniform(0.46, 0.58))
        sky.paint_clouds(canvas, palette, horizon * (1.15 if scene.time == "storm" else 1.0), cover)
    if scene.lightning:
        sky.paint_lightning(canvas, horizon)
    return at


def _put(canvas: Canvas, palette: Palette, scene: Scene, feet: tuple[float, float]) -> None:
    if scene.thing is not None:
        ground = f"{scene.ground} autumn" if scene.autumn else scene.ground
        paint_thing(canvas, palette, scene.thing, ground, float(canvas.rng.uniform(*feet)))


def _mountains(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    terrain.paint_mountains(canvas, palette, place[0] + 0.22, snowy=scene.snowy)
    if canvas.rng.random() < 0.6:
        terrain.paint_forest(canvas, palette, 0.88, layers=1, leaf=terrain.FIR)
    terrain.paint_hills(canvas, palette, (0.85,), (0.26, 0.42, 0.20))
    _put(canvas, palette, scene, (0.90, 0.96))


def _lake(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    shore = place[0] + 0.06
    terrain.paint_mountains(canvas, palette, shore + 0.06, snowy=scene.snowy, tall=0.8)
    leaf = terrain.AUTUMN if scene.autumn else terrain.FIR
    terrain.paint_forest(canvas, palette, shore + 0.015, layers=1, leaf=leaf)
    terrain.paint_reflection(canvas, palette, shore)
    if scene.thing == "boat":
        _put(canvas, palette, scene, (0.78, 0.90))
    elif scene.thing is not None:
        colour = terrain.AUTUMN if scene.autumn else terrain.GREEN
        terrain.paint_hills(canvas, palette, (0.90,), colour)
        _put(canvas, palette, scene, (0.93, 0.97))


def _sea(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    horizon, orb = place
    if scene.backdrop:
        terrain.paint_mountains(canvas, palette, horizon + 0.05, snowy=scene.snowy, tall=0.5)
    terrain.paint_sea(canvas, palette, horizon, orb)
    _put(canvas, palette, scene, (horizon + 0.14, 0.90))


def _beach(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    terrain.paint_sea(canvas, palette, place[0] - 0.08, place[1])
    terrain.paint_beach(canvas, palette, float(canvas.rng.uniform(0.70, 0.80)))
    _put(canvas, palette, scene, (0.90, 0.97) if scene.thing != "boat" else (0.66, 0.74))


def _desert(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    terrain.paint_dunes(canvas, palette)
    _put(canvas, palette, scene, (0.80, 0.94))


def _forest(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    if scene.backdrop:
        terrain.paint_mountains(canvas, palette, place[0] + 0.12, snowy=scene.snowy, tall=0.8)
    leaf = terrain.AUTUMN if scene.autumn else terrain.FIR
    terrain.paint_forest(canvas, palette, place[0] + 0.06, layers=3, leaf=leaf)
    colour = (0.62, 0.40, 0.16) if scene.autumn else (0.20, 0.36, 0.14)
    terrain.paint_hills(canvas, palette, (0.88,), colour)
    _put(canvas, palette, scene, (0.92, 0.97))


def _meadow(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    if scene.backdrop:
        terrain.paint_mountains(canvas, palette, place[0] + 0.10, snowy=scene.snowy, tall=0.8)
    colour = (0.74, 0.56, 0.22) if scene.autumn else terrain.GREEN
    terrain.paint_hills(canvas, palette, (place[0], place[0] + 0.14, place[0] + 0.27), colour)
    if scene.flowers:
        terrain.paint_flowers(canvas, palette, place[0] + 0.12)
    _put(canvas, palette, scene, (0.78, 0.94))


def _snow(canvas: Canvas, palette: Palette, scene: Scene, place: Place) -> None:
    if scene.backdrop:
        terrain.paint_mountains(canvas, palette, place[0] + 0.10, snowy=True, tall=0.8)
    terrain.paint_hills(canvas, palette, (place[0],), terrain.SNOW)
    terrain.paint_forest(canvas, palette, place[0] + 0.10, layers=1, leaf=terrain.FIR)
    terrain.paint_hills(canvas, palette, (place[0] + 0.10, place[0] + 0.24), terrain.SNOW)
    _put(canvas, palette, scene, (0.80, 0.94))


GROUND_PAINTERS: Mapping[str, Callable[[Canvas, Palette, Scene, Place], None]] = {
    "mountains": _mountains,
    "lake": _lake,
    "sea": _sea,
    "beach": _beach,
    "desert": _desert,
    "forest": _forest,
    "meadow": _meadow,
    "snow": _snow,
}

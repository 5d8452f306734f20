"""Draws without a model: a picture decided by the spec alone, paced, failing where told to."""

import hashlib
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFilter

from generation.engine.contract import (
    Capabilities,
    JobSpec,
    ModelRef,
    Picture,
    Raster,
    Result,
    Setup,
    Step,
    Task,
    Timings,
    Watcher,
)
from generation.engine.errors import (
    DeviceLost,
    EngineError,
    ModelUnloadable,
    NumericalError,
    OutOfMemory,
)
from generation.engine.options import OPTIONS
from generation.engine.samplers import SAMPLERS
from modelhub.families import TRAITS

PREVIEW_SIDE = 64
_TAG = re.compile(r"\[mock:([a-z]+)(?:=(\d+(?:\.\d+)?))?\]")


def _raise(error: type[EngineError], message: str) -> Callable[[], None]:
    def act() -> None:
        raise error(message)

    return act


def _bug() -> None:
    raise RuntimeError("A defect, as the prompt asked.")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _exit() -> None:
    os._exit(3)


@dataclass(frozen=True, slots=True)
class Fault:
    """`act` happens when `at` (0..1) of the steps are done; [mock:NAME=K] moves it to step K."""

    act: Callable[[], None]
    at: float = 0.5


# The tag `[mock:slow=SECONDS]` is no fault: it paces this prompt's steps.
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "unload": Fault(_raise(ModelUnloadable, "The weights are corrupt, as asked."), at=0.0),
        "oom": Fault(_raise(OutOfMemory, "Out of memory, as the prompt asked.")),
        "nan": Fault(_raise(NumericalError, "Not-a-number, as the prompt asked."), at=1.0),
        "lost": Fault(_raise(DeviceLost, "The device is lost, as the prompt asked.")),
        "bug": Fault(_bug),
        "crash": Fault(_die),
        "exit": Fault(_exit),
    }
)


class MockBackend:
    """Needs no weights: every model of every family loads at once."""

    def __init__(self, setup: Setup) -> None:
        self._step_seconds = setup.mock_step_seconds
        self._loaded: dict[str, ModelRef] = {}

    def load(self, model: ModelRef) -> None:
        self._loaded.pop(model.id, None)
        self._loaded[model.id] = model

    def unload(self, model_id: str) -> None:
        self._loaded.pop(model_id, None)

    def loaded(self) -> Sequence[str]:
        return list(self._loaded)

    def capabilities(self) -> Capabilities:
        return Capabilities(
            backend="mock",
            device="cpu",
            dtype="none",
            tasks=frozenset({Task.TXT2IMG}),
            families=frozenset(TRAITS),
            schedulers=frozenset(SAMPLERS),
            options=frozenset(OPTIONS),
            layouts=frozenset({"diffusers", "single_file"}),
        )

    def generate(self, specs: Sequence[JobSpec], watch: Watcher) -> Iterator[Result]:
        total = sum(spec.num_inference_steps for spec in specs)
        done = 0
        for spec in specs:
            if spec.model not in self._loaded:
                raise ModelUnloadable(f"{spec.model} is not loaded.")
            yield self._draw(spec, watch, done, total)
            done += spec.num_inference_steps

    def _draw(self, spec: JobSpec, watch: Watcher, done: int, total: int) -> Result:
        tags = dict(_TAG.findall(spec.prompt))
        pause = float(tags.pop("slow", "") or self._step_seconds)
        started = time.perf_counter()
        for step in range(spec.num_inference_steps + 1):
            if step:
                time.sleep(pause)
                watch(Step(done + step, total, _preview(spec, step)))
            _strike(tags, step, spec.num_inference_steps)
        denoised = time.perf_counter()
        pictures = tuple(
            Picture(index, spec.seed_of(index), _raster(paint(spec, index)))
            for index in range(spec.n)
        )
        timings = Timings(
            denoise_ms=(denoised - started) * 1000,
            decode_ms=(time.perf_counter() - denoised) * 1000,
        )
        return Result(pictures, timings)


def _strike(tags: Mapping[str, str], step: int, steps: int) -> None:
    for name, value in tags.items():
        fault = FAULTS.get(name)
        if fault and step == (int(float(value)) if value else int(fault.at * steps)):
            fault.act()


def paint(spec: JobSpec, index: int) -> Image.Image:
    """Image `index` of the spec: a sky-like gradient with discs, all from the spec's digest."""
    order = replace(spec, n=1, seed=spec.seed_of(index)).to_json()
    digest = hashlib.sha256(json.dumps(order, sort_keys=True).encode()).digest()
    # Looks, not secrets; the generator's sequence is fixed across Python versions.
    dice = random.Random(digest)  # noqa: S311
    size = (spec.width, spec.height)
    colours = [tuple(dice.randrange(24, 232) for _ in "rgb") for _ in range(5)]
    ramp = Image.linear_gradient("L").rotate(dice.choice((0, 90, 180, 270))).resize(size)
    picture = Image.composite(
        Image.new("RGB", size, colours[0]), Image.new("RGB", size, colours[1]), ramp
    )
    draw = ImageDraw.Draw(picture)
    for colour in colours[2:]:
        x, y = dice.random() * spec.width, dice.random() * spec.height
        radius = (0.06 + 0.16 * dice.random()) * min(size)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def _preview(spec: JobSpec, step: int) -> Callable[[], Raster]:
    def make() -> Raster:
        small = paint(spec, 0)
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        left = 1 - step / spec.num_inference_steps
        return _raster(small.filter(ImageFilter.GaussianBlur(12 * left)))

    return make


def _raster(picture: Image.Image) -> Raster:
    return Raster(*picture.size, picture.tobytes())

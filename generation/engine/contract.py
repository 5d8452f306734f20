"""The seam between the service and whatever draws: plain data in, pictures out. No dependencies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, Self


class Task(StrEnum):
    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"
    INPAINT = "inpaint"
    UPSCALE = "upscale"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """The order: everything that decides the picture, no blanks. Same spec, same picture.

    Sizes in pixels; `seed` 0..2**32-1, image i of `n` uses seed+i (modulo 2**32);
    `clip_skip` counts text encoder layers left out from the end (0: none).
    """

    task: Task
    model: str
    prompt: str
    negative_prompt: str
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    scheduler: str
    seed: int
    n: int = 1
    clip_skip: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "task": Task(data["task"])})

    def seed_of(self, index: int) -> int:
        return (self.seed + index) % 2**32


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Where a model lies on this host and what it is; the engine never asks a database.

    `variant` and `prediction_type` as detected, empty: what the family uses. `fingerprint` changes
    with the files. `copy` is a converted copy in diffusers layout, used where it fits; `root` the
    folder in which parts that a file leaves out may lie.
    """

    id: str
    path: str
    family: str
    layout: str
    native_resolution: int
    variant: str = ""
    prediction_type: str = ""
    fingerprint: str = ""
    # Where it is read from is not what it is.
    copy: str = field(default="", compare=False)
    root: str = ""


@dataclass(frozen=True, slots=True)
class Raster:
    """Pixels as RGB bytes, row by row from the top, 8 bits a channel: len == width*height*3."""

    width: int
    height: int
    rgb: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """One finished image of a spec."""

    index: int
    seed: int
    raster: Raster


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: `step` of `steps` done, counted over the whole generate call.

    `preview` makes a small raster of the first picture under way from its present latents. It costs
    something: call it only when somebody looks, and before the watcher returns. None: nothing to
    show.
    """

    step: int
    steps: int
    preview: Callable[[], Raster] | None = None


class Watcher(Protocol):
    """Told of every step; raises `errors.Cancelled` to end the work at this step."""

    def __call__(self, step: Step) -> None: ...


@dataclass(slots=True)
class Timings:
    """Milliseconds spent in each stage of one generate call; zero where a stage did not happen."""

    load_ms: float = 0.0
    encode_ms: float = 0.0
    denoise_ms: float = 0.0
    decode_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one spec became."""

    pictures: tuple[Picture, ...]
    timings: Timings


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back end can do on this machine, as data. Memory in bytes; 0 where nobody counts.

    `memory_of` has each warm model's weights in full; `memory_shared` is how much of their sum is
    counted more than once, since models with the same VAE or text encoder keep one between them.
    """

    backend: str
    device: str
    dtype: str
    tasks: frozenset[Task]
    families: frozenset[str]
    schedulers: frozenset[str]
    options: frozenset[str]
    layouts: frozenset[str]
    memory_total: int = 0
    memory_used: int = 0
    memory_of: Mapping[str, int] = field(default_factory=dict)
    memory_shared: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """What the operator decides about a back end; each takes from it what concerns it.

    `device` is auto, cpu, cuda, cuda:N or mps; `images_at_once` how many images of one spec are
    drawn together (0: what suits the device); `mock_step_seconds` paces the mock back end.
    """

    device: str = "auto"
    images_at_once: int = 0
    mock_step_seconds: float = 0.0


class Backend(Protocol):
    """A way of drawing, made from a Setup. Refuses with `errors.NotSupported` what it cannot do; drops nothing."""

    def load(self, model: ModelRef) -> None:
        """Make the model ready; costs nothing when it already is."""

    def unload(self, model_id: str) -> None:
        """Free it; unknown ids are ignored."""

    def loaded(self) -> Sequence[str]:
        """Ids of warm models, most recently used last."""

    def generate(self, specs: Sequence[JobSpec], watch: Watcher) -> Iterator[Result]:
        """One Result a spec, in order, for a model already loaded; specs of one call are compatible."""

    def capabilities(self) -> Capabilities: ...

"""The diffusers back end: warm pipelines on one device."""

from collections.abc import Iterator, Mapping, Sequence

import diffusers

from generation.engine.backends.diffusers_local import device as devices
from generation.engine.backends.diffusers_local import drawing, loading, memory, quiet, sharing
from generation.engine.backends.diffusers_local.pipelines import PIPELINES
from generation.engine.backends.diffusers_local.progress import Progress
from generation.engine.contract import (
    Capabilities,
    JobSpec,
    ModelRef,
    Result,
    Setup,
    Watcher,
)
from generation.engine.errors import ModelUnloadable
from generation.engine.options import OPTIONS
from generation.engine.samplers import SAMPLERS


class DiffusersBackend:
    """Every model in it shares one device; the runner decides which stay."""

    def __init__(self, setup: Setup) -> None:
        self._device = devices.choose(setup.device)
        self._limit = setup.images_at_once
        self._warm: dict[str, loading.Warm] = {}
        self._memory_of: Mapping[str, int] = {}
        self._memory_shared = 0
        devices.prepare(self._device)
        quiet.quieten()
        _import_pipelines()

    def load(self, model: ModelRef) -> None:
        warm = self._warm.pop(model.id, None)
        # The same id may come to mean another folder when the operator moves things.
        if warm is None or warm.model != model:
            warm = loading.load(model, self._device, list(self._warm.values()))
        self._warm[model.id] = warm
        self._weigh()

    def unload(self, model_id: str) -> None:
        if self._warm.pop(model_id, None):
            memory.free(self._device)
            self._weigh()

    def loaded(self) -> Sequence[str]:
        return list(self._warm)

    def capabilities(self) -> Capabilities:
        # A copy: another thread may ask while this one loads.
        warm = list(self._warm.values())
        dtype = warm[-1].dtype if warm else devices.dtype_for(self._device)
        total, used = memory.figures(self._device)
        return Capabilities(
            backend="diffusers",
            device=str(self._device),
            dtype=devices.name_of(dtype),
            tasks=frozenset(task for _, task in PIPELINES),
            families=frozenset(family for family, _ in PIPELINES),
            schedulers=frozenset(SAMPLERS),
            options=frozenset(OPTIONS),
            layouts=frozenset({"diffusers", "single_file"}),
            memory_total=total,
            memory_used=used,
            memory_of=self._memory_of,
            memory_shared=self._memory_shared,
        )

    def generate(self, specs: Sequence[JobSpec], watch: Watcher) -> Iterator[Result]:
        plan = [(spec, *self._prepared(spec)) for spec in specs]
        progress = Progress(watch, sum(drawing.evaluations(w, s, k) for s, w, k in plan))
        for spec, warm, at_once in plan:
            with devices.faults_named(self._device):
                result = drawing.draw(warm, spec, at_once, progress)
            yield result

    def _weigh(self) -> None:
        pipes = {name: warm.pipe for name, warm in self._warm.items()}
        denoisers = {warm.row.denoiser for warm in self._warm.values()}
        self._memory_of, self._memory_shared = sharing.memory(pipes, denoisers)

    def _prepared(self, spec: JobSpec) -> tuple[loading.Warm, int]:
        if spec.model not in self._warm:
            raise ModelUnloadable(f"{spec.model} is not loaded.")
        warm = self._warm[spec.model]
        drawing.check_size(warm, spec)
        return warm, memory.images_at_once(self._device, spec, self._limit)


def _import_pipelines() -> None:
    """diffusers imports its classes at first use, for seconds: now, not when a caller waits."""
    for pipeline in PIPELINES.values():
        getattr(diffusers, pipeline.cls)

"""Keeps a back end and its models warm in the worker: load, swap, evict, run."""

import threading
import time
from collections.abc import Iterator, Sequence

from generation.engine import capabilities
from generation.engine.contract import (
    Backend,
    Capabilities,
    JobSpec,
    ModelRef,
    Result,
    Watcher,
)
from generation.engine.errors import Cancelled, EngineError, NotSupported, OutOfMemory


class Runner:
    """At most `cache_size` warm models, the least recently used leaves first.

    `idle_seconds` without a run lets `unload_idle` free everything; 0: never.
    """

    def __init__(self, backend: Backend, cache_size: int, idle_seconds: float) -> None:
        self._backend = backend
        self._cache_size = cache_size
        self._idle_seconds = idle_seconds
        self._used_at = time.monotonic()
        self._running = threading.Lock()

    def run(self, model: ModelRef, specs: Sequence[JobSpec], watch: Watcher) -> Iterator[Result]:
        """One Result a spec, in order, as each is done; raises what the back end raises.

        Work happens while the iterator is driven, by one thread at a time.
        """
        able = self._backend.capabilities()
        for spec in specs:
            capabilities.check(spec, model, able)
        with self._running:
            try:
                load_ms = self._load(model)
                for result in self._backend.generate(specs, watch):
                    result.timings.load_ms += load_ms
                    load_ms = 0.0
                    yield result
            except (Cancelled, NotSupported, GeneratorExit):
                raise
            except BaseException as error:
                self._after_failure(model, error)
                raise
            finally:
                self._used_at = time.monotonic()

    def warm(self) -> list[str]:
        """Ids of warm models, most recently used last."""
        return list(self._backend.loaded())

    def capabilities(self) -> Capabilities:
        return self._backend.capabilities()

    def unload_idle(self) -> bool:
        """Free all models when nothing ran for the idle time; tells whether it did."""
        idle = time.monotonic() - self._used_at
        if not self._idle_seconds or idle < self._idle_seconds or not self.warm():
            return False
        if not self._running.acquire(blocking=False):
            return False
        try:
            self._unload(self.warm())
        finally:
            self._running.release()
        return True

    def unload(self, ids: Sequence[str]) -> None:
        """Free these models, once no job is running."""
        with self._running:
            self._unload(ids)

    def _load(self, model: ModelRef) -> float:
        """Milliseconds the model took to become ready; others make room for it."""
        started = time.perf_counter()
        others = [warm for warm in self.warm() if warm != model.id]
        self._unload(others[: max(0, len(others) + 1 - self._cache_size)])
        try:
            self._backend.load(model)
        except OutOfMemory:
            # The others may be all that stands in the way.
            if not (rest := self.warm()):
                raise
            self._unload(rest)
            self._backend.load(model)
        return (time.perf_counter() - started) * 1000

    def _unload(self, ids: Sequence[str]) -> None:
        for model_id in ids:
            self._backend.unload(model_id)

    def _after_failure(self, model: ModelRef, error: BaseException) -> None:
        # The process ends now; touching a lost device would only raise again and hide the cause.
        if isinstance(error, EngineError) and error.fatal:
            return
        # A half-freed model makes every later job fail too; the next one starts clean.
        self._unload(self.warm() if isinstance(error, OutOfMemory) else [model.id])

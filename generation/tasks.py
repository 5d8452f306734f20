"""What django-q2 calls, and the one place where Django meets the engine."""

import logging
import os
import socket
import time
from collections.abc import Callable
from functools import partial

from django.conf import settings

from generation import jobs, leaving, progress, worker_status
from generation.engine.contract import ModelRef
from generation.engine.errors import Cancelled, EngineError, NotSupported
from generation.engine.registry import open_backend
from generation.engine.runner import Runner
from generation.jobs import ledger, pulse, stopping
from generation.jobs.fence import Claim
from generation.jobs.keeper import Keeper, Reason
from generation.jobs.saver import Saver
from modelhub import conversion
from modelhub.models import CatalogModel

logger = logging.getLogger(__name__)
# A turn ends in time for django-q2, whose own limit counts from its beginning.
TURN_SECONDS = 60.0
TIDY_SECONDS = 3600.0
# A lost device is tried once more, in a fresh process; twice lost, the job is the likely cause.
DEVICE_ATTEMPTS = 2
EXIT_DEVICE_LOST = 71
EXIT_NO_BACKEND = 78
# Set before django-q2 forks, so that all processes of a cluster know one name.
WORKER = f"{socket.gethostname()[:40]}:{os.getpid()}"


def run_next() -> None:
    """Answer the bell: run what waits. Harmless at any time, any number of times."""
    desk().turn()


class Desk:
    """What stays in a worker process between tasks: the warm models and two helper threads."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.runner = _open_runner()
        self.keeper = Keeper(self._present)
        self.saver = Saver(self.keeper)
        self._busy: Claim | None = None
        self._tidy_at = 0.0
        # The models that were run, as the engine was told of them.
        self._told: dict[str, ModelRef] = {}
        progress.hear_cancels(self.keeper.cancel)

    def turn(self) -> None:
        """Run jobs until none waits, a stop is asked or the turn was long."""
        pulse.beat()
        self._drop_changed()
        jobs.reap()
        leaving.cancel_abandoned()
        until = time.monotonic() + TURN_SECONDS
        try:
            while time.monotonic() < until and (claim := self._next()):
                self._run(claim)
                self._weigh(claim.model)
        finally:
            self._busy = None
            self.saver.drain()
            self._ring_again()
        if not stopping.asked():
            self._tidy()
            self.runner.unload_idle()
            self._present()

    def _drop_changed(self) -> None:
        """Free what is deleted, being deleted or no longer the file that was loaded."""
        if not (warm := self.runner.warm()):
            return
        rows = CatalogModel.objects.filter(public_id__in=warm, state=CatalogModel.State.READY)
        current = {row.public_id: ref(row) for row in rows}
        stale = [name for name in warm if current.get(name) != self._told.get(name)]
        if stale:
            self.runner.unload(stale)

    def _noted(self, model: CatalogModel) -> ModelRef:
        told = ref(model)
        self._told[told.id] = told
        return told

    def _weigh(self, model: CatalogModel) -> None:
        """Keep what the model takes in memory; have a single file converted once it was used."""
        size = self.runner.capabilities().memory_of.get(model.public_id)
        if size is None:
            return
        if size != model.memory_bytes:
            CatalogModel.objects.filter(pk=model.pk).update(memory_bytes=size)
            if model.layout == CatalogModel.Layout.SINGLE_FILE:
                conversion.ring()

    def _tidy(self) -> None:
        jobs.drop_previews()
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_SECONDS
            jobs.drop_submissions()
            jobs.drop_workers()

    def _next(self) -> Claim | None:
        if stopping.asked():
            return None
        claim = jobs.claim(WORKER, self.runner.warm())
        if claim:
            # Somebody else may have a device to spare.
            self._ring_again()
        return claim

    def _ring_again(self) -> None:
        if not stopping.asked() and jobs.ready().exists():
            jobs.ring()

    def _run(self, claim: Claim) -> None:
        self._busy = claim
        pulse.beat()
        tended = self.keeper.tend(claim)
        given = False
        try:
            [result] = self.runner.run(self._noted(claim.model), [claim.spec], tended)
            tended.drawing = False
            self.saver.give(tended, result)
            given = True
        except Cancelled:
            _ENDINGS[tended.reason or Reason.CANCELLED](claim)
        except EngineError as error:
            self._failed(claim, error)
        except Exception:
            jobs.fail(claim, "internal_error", "An unexpected error ended this job.")
            ledger.log(claim, "failed", {}, "internal_error")
            raise
        finally:
            tended.drawing = False
            if not given:
                self.keeper.forget(tended)

    def _failed(self, claim: Claim, error: EngineError) -> None:
        if not error.fatal:
            jobs.fail(claim, error.code, str(error))
            ledger.log(claim, "failed", {}, error.code)
            return
        jobs.retry(claim, error.code, str(error), DEVICE_ATTEMPTS)
        ledger.log(claim, "retried", {}, error.code)
        logger.critical("%s: this process ends: %s", error.code, error)
        self.saver.drain()
        # An orderly exit would touch the device again and may hang.
        os._exit(EXIT_DEVICE_LOST)

    def _present(self) -> None:
        able = self.runner.capabilities()
        facts = worker_status.Facts(
            device=able.device,
            backend=able.backend,
            dtype=able.dtype,
            models_loaded=self.runner.warm(),
            memory_used_bytes=able.memory_used,
            memory_total_bytes=able.memory_total,
        )
        worker_status.record(WORKER, facts, self._busy.job.pk if self._busy else None)


_desk: Desk | None = None


def desk() -> Desk:
    """The desk of this process, made at the first call."""
    global _desk  # noqa: PLW0603 the one thing that must outlive a task
    if _desk is None or _desk.pid != os.getpid():
        _desk = Desk()
    return _desk


def _open_runner() -> Runner:
    try:
        backend = open_backend(
            settings.ALICE_BACKEND,
            settings.ALICE_DEVICE,
            mock_step_seconds=settings.ALICE_MOCK_STEP_SECONDS,
        )
    except NotSupported as error:
        logger.critical("This worker cannot draw: %s", error)
        os._exit(EXIT_NO_BACKEND)
    return Runner(backend, settings.ALICE_MODEL_CACHE, settings.ALICE_IDLE_UNLOAD_SECONDS)


def ref(model: CatalogModel) -> ModelRef:
    """What the engine is told of a model."""
    return ModelRef(
        id=model.public_id,
        path=str(model.location),
        family=model.family,
        layout=model.layout,
        native_resolution=model.native_resolution,
        variant=model.variant,
        prediction_type=model.prediction_type,
        fingerprint=model.fingerprint,
        copy=str(conversion.copy_of(model)) if model.converted_path else "",
        root=str(settings.ALICE_MODELS_DIR),
    )


def _cancelled(claim: Claim) -> None:
    jobs.end_cancelled(claim)
    ledger.log(claim, "cancelled", {})


def _timed_out(claim: Claim) -> None:
    limit = settings.ALICE_JOB_TIMEOUT_SECONDS
    jobs.fail(claim, "job_timeout", f"The job ran longer than the {limit} seconds allowed.")
    ledger.log(claim, "failed", {}, "job_timeout")


def _released(claim: Claim) -> None:
    jobs.release(claim)
    ledger.log(claim, "released", {})


_ENDINGS: dict[Reason, Callable[[Claim], object]] = {
    Reason.CANCELLED: _cancelled,
    Reason.TIMEOUT: _timed_out,
    Reason.STOPPING: _released,
    # Whoever has the job now will log it.
    Reason.LOST: partial(ledger.log, outcome="dropped", stages={}),
}

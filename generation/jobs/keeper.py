"""Keeps the leases of this process's jobs while they run: heartbeat, progress, reasons to stop."""

import logging
import os
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from gallery import encoding
from generation import conf
from generation.engine.contract import Raster, Step
from generation.engine.errors import Cancelled
from generation.jobs import pulse, stopping, vital
from generation.jobs.claiming import heartbeat, release
from generation.jobs.fence import Claim, LeaseLost
from generation.jobs.reporting import report

logger = logging.getLogger(__name__)
REPORT_SECONDS = 0.25
LOOK_SECONDS = 0.25
PREVIEW_SECONDS = 0.5
# How long after its time a job may take to come to its next step; then its process ends.
STUCK_SECONDS = 30.0
MAX_PREVIEW_BYTES = 65536


class Reason(StrEnum):
    """Why a job must stop at its next step."""

    CANCELLED = "cancelled"
    LOST = "lost"
    TIMEOUT = "timeout"
    STOPPING = "stopping"


class Tended:
    """One running job and its watcher. The drawing thread calls it, the keeper's thread reads it."""

    def __init__(self, claim: Claim, stir: Callable[[], None]) -> None:
        self.claim = claim
        self.reason: Reason | None = None
        self.drawing = True
        self.started = time.monotonic()
        self._stir = stir
        self._lock = threading.Lock()
        self._step: tuple[int, int] | None = None
        self._raster: Raster | None = None
        self._preview_at = 0.0
        self._reported = 0.0
        self._beat = self.started

    def __call__(self, step: Step) -> None:
        if self.reason:
            raise Cancelled(self.reason)
        raster = self._preview(step)
        with self._lock:
            self._step = step.step, step.steps
            self._raster = raster or self._raster
        self._stir()

    def stop(self, reason: Reason) -> None:
        """Have the drawing end at its next step; the first reason counts."""
        self.reason = self.reason or reason

    def read_now(self) -> None:
        self._beat = 0.0

    def due_in(self) -> float:
        """Seconds until the row must be written again."""
        due = self._beat + conf.heartbeat_seconds()
        if self._step is not None:
            due = min(due, self._reported + REPORT_SECONDS)
        return max(0.0, due - time.monotonic())

    def tend(self) -> None:
        """Write what is due, and learn whether the job must stop. Raises LeaseLost."""
        if self.due_in() > 0:
            return
        with self._lock:
            (step, raster), (self._step, self._raster) = (self._step, self._raster), (None, None)
        self._beat = time.monotonic()
        if step is None:
            cancel = heartbeat(self.claim)
        else:
            self._reported = self._beat
            cancel = report(self.claim, *step, _webp(raster) if raster else None)
        if cancel:
            self.stop(Reason.CANCELLED)

    def _preview(self, step: Step) -> Raster | None:
        now = time.monotonic()
        if not self.claim.job.previews or step.preview is None or now < self._preview_at:
            return None
        self._preview_at = now + PREVIEW_SECONDS
        return step.preview()


class Keeper:
    """A thread for all jobs of this process; `present` is called now and then while one runs."""

    def __init__(self, present: Callable[[], None]) -> None:
        self._present = present
        self._present_at = 0.0
        # By the claim: the same job may come again while its former claim is still being saved.
        self._tended: dict[str, Tended] = {}
        self._wake = threading.Event()
        vital.start("keeper", self._run)

    def tend(self, claim: Claim) -> Tended:
        """Keep the claim from now on; what it returns is the job's watcher."""
        tended = Tended(claim, self._wake.set)
        self._tended[claim.holder] = tended
        self._wake.set()
        return tended

    def forget(self, tended: Tended) -> None:
        """The job ended or was given back."""
        self._tended.pop(tended.claim.holder, None)
        self._wake.set()

    def cancel(self, job_id: UUID) -> None:
        """A hint that the job's cancel flag is set: read the row at once."""
        for tended in list(self._tended.values()):
            if tended.claim.job.pk == job_id:
                tended.read_now()
                self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause())
            self._wake.clear()
            pulse.beat()
            for tended in list(self._tended.values()):
                self._look_after(tended)
            self._show()

    def _pause(self) -> float | None:
        if not self._tended:
            connections.close_all()
            return None
        due = [tended.due_in() for tended in list(self._tended.values())]
        # An orderly stop wakes nobody: it is looked for.
        return min([LOOK_SECONDS, *due])

    def _look_after(self, tended: Tended) -> None:
        if tended.drawing:
            _limit(tended)
        if tended.reason is Reason.LOST:
            return
        try:
            tended.tend()
        except LeaseLost:
            # It may just have ended well.
            if tended.claim.holder in self._tended:
                tended.stop(Reason.LOST)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The lease of job %s was not renewed: %s", tended.claim.job.pk, error)
            connections.close_all()

    def _show(self) -> None:
        if not self._tended or time.monotonic() < self._present_at:
            return
        self._present_at = time.monotonic() + conf.lease_seconds() / 3
        try:
            self._present()
        except (OperationalError, InterfaceError) as error:
            logger.warning("The worker's status was not written: %s", error)
            connections.close_all()


def _limit(tended: Tended) -> None:
    """End what may not go on, at its next step, or with the process when no step comes."""
    if stopping.overdue():
        tended.stop(Reason.STOPPING)
        if stopping.final():
            _leave(tended)
    over = time.monotonic() - tended.started - settings.ALICE_JOB_TIMEOUT_SECONDS
    if over > 0:
        tended.stop(Reason.TIMEOUT)
    if over > STUCK_SECONDS:
        raise RuntimeError(f"job {tended.claim.job.pk} does not stop ({tended.reason})")


def _leave(tended: Tended) -> None:
    """The drawing does not come to its next step, and the time for an orderly stop is over."""
    logger.warning("job %s is given back in the middle of a step", tended.claim.job.pk)
    release(tended.claim)
    os._exit(0)


def _webp(raster: Raster) -> bytes | None:
    try:
        data = encoding.thumbnail(encoding.open_raster(raster.rgb, raster.width, raster.height))
    except (ValueError, OSError) as error:
        # A preview that cannot be shown is no reason to lose the picture.
        logger.warning("A preview was left out: %s", error)
        return None
    return data if len(data) <= MAX_PREVIEW_BYTES else None

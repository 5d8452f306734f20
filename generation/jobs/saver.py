"""Encodes, stores and publishes results in a thread, while the next job is drawn."""

import logging
import queue
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connections

from gallery import storage
from gallery.metadata import Recipe
from generation.engine.contract import JobSpec, Picture, Result
from generation.engine.samplers import SAMPLERS
from generation.jobs import ledger, vital
from generation.jobs.fence import Claim, LeaseLost
from generation.jobs.keeper import Keeper, Tended
from generation.jobs.publishing import Stored, end_cancelled, fail, publish, published

logger = logging.getLogger(__name__)
# A database that restarts is back within this.
PUBLISH_SECONDS = 60.0
PUBLISH_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Work:
    tended: Tended
    result: Result


class Saver:
    """Takes one result while it saves another; a third waits, so that memory stays bounded."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._works: queue.Queue[Work] = queue.Queue(maxsize=1)
        vital.start("saver", self._run)

    def give(self, tended: Tended, result: Result) -> None:
        """Have the result saved; the job's lease is kept until it is."""
        self._works.put(Work(tended, result))

    def drain(self) -> None:
        """Wait until everything given is saved or failed."""
        self._works.join()

    def _run(self) -> None:
        while True:
            work = self._works.get()
            _save_or_fail(work.tended.claim, work.result)
            self._keeper.forget(work.tended)
            if self._works.empty():
                connections.close_all()
            self._works.task_done()


def _save_or_fail(claim: Claim, result: Result) -> None:
    """The boundary of this thread: the job fails, the next one is saved."""
    try:
        save(claim, result)
    except Exception:
        logger.exception("job %s could not be saved", claim.job.pk)
        ledger.log(claim, "failed", {}, "internal_error")
        # Without its database the job is drawn again when its lease has run out.
        with suppress(OperationalError, InterfaceError):
            fail(claim, "internal_error", "The picture could not be saved.")


def save(claim: Claim, result: Result) -> None:
    """Store the pictures and end the job, however that may be: published, failed or dropped."""
    started = time.perf_counter()
    stored: list[Stored] = []
    try:
        for picture in result.pictures:
            # One by one: what was stored before a failure must be known.
            stored.append(_stage(claim, picture))  # noqa: PERF401
        saved = time.perf_counter() - started
        timings = ledger.timings(claim, result.timings, saved * 1000)
        _publish(claim, stored, timings)
    except LeaseLost:
        _discard(stored)
        # What still stands was not published because its cancellation was asked for.
        outcome = "cancelled" if end_cancelled(claim) else "dropped"
        ledger.log(claim, outcome, {})
    except storage.StorageDown as problem:
        _discard(stored)
        fail(claim, problem.code, problem.message)
        ledger.log(claim, "failed", {}, problem.code)
    except BaseException:
        _discard(stored)
        raise
    else:
        ledger.log(claim, "succeeded", timings)


def _publish(claim: Claim, stored: Sequence[Stored], timings: dict[str, int]) -> None:
    """Publish, waiting for a database that is away: the drawing is dearer than the wait."""
    give_up = time.monotonic() + PUBLISH_SECONDS
    doubt = False
    while True:
        try:
            publish(claim, stored, timings)
        except LeaseLost:
            # A commit whose answer was lost looks like this the second time.
            if doubt and published(claim, stored):
                return
            raise
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > give_up:
                raise
            logger.warning("job %s is not published yet: %s", claim.job.pk, error)
            doubt = True
            connections.close_all()
            time.sleep(PUBLISH_PAUSE)
        else:
            return


def _stage(claim: Claim, picture: Picture) -> Stored:
    image_id = uuid.uuid4()
    recipe = recipe_of(claim.spec, picture)
    raster = picture.raster
    name = f"{image_id}-{claim.token}"
    file = storage.stage(raster.rgb, raster.width, raster.height, recipe, name)
    return Stored(image_id, picture.index, recipe, file)


def recipe_of(spec: JobSpec, picture: Picture) -> Recipe:
    """What makes this one picture again, with its own seed and its real size."""
    return Recipe(
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        model=spec.model,
        width=picture.raster.width,
        height=picture.raster.height,
        num_inference_steps=spec.num_inference_steps,
        guidance_scale=spec.guidance_scale,
        scheduler=spec.scheduler,
        scheduler_label=SAMPLERS[spec.scheduler].label,
        seed=picture.seed,
        clip_skip=spec.clip_skip,
    )


def _discard(stored: Sequence[Stored]) -> None:
    for one in stored:
        try:
            storage.discard(one.file)
        except storage.StorageDown as problem:
            # The sweep of orphans finds it.
            logger.warning("Could not remove %s: %s", one.file.file, problem.message)

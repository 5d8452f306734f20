"""Awaiting jobs: a thousand waiters of one process share one reader of the rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from accounts.problems import NotFound
from generation.errors import WaitTimeout
from generation.jobs.board import Sight, board
from generation.models import Job


@dataclass(frozen=True, slots=True)
class Update:
    """One event of a job: `id` only grows, `name` is queued, progress, preview or a final status.

    `preview` is a WebP and is set for the name `preview` alone.
    """

    id: int
    name: str
    job: Job
    preview: bytes | None = None


async def finished(job_id: UUID, timeout: float) -> Job:
    """The job once it ended. Raises WaitTimeout after `timeout` seconds, NotFound if it is gone."""
    try:
        async with asyncio.timeout(timeout):
            with board().watching(job_id, previews=False) as watch:
                while (sight := await watch.next()) is not None:
                    if sight.job.ended:
                        return sight.job
    except TimeoutError:
        raise WaitTimeout(str(job_id)) from None
    raise NotFound(f"There is no job {job_id}.")


async def follow(job_id: UUID, last_event_id: int = 0) -> AsyncIterator[Update]:
    """What happens to the job from now on, first of all how it stands; ends with its end.

    Updates up to `last_event_id` are left out; those in between may be merged into one. Raises
    NotFound when the job is gone.
    """
    last = last_event_id
    with board().watching(job_id, previews=True) as watch:
        while (sight := await watch.next()) is not None:
            for update in _news(sight, last):
                last = max(last, update.id)
                yield update
            if sight.job.ended:
                return
    raise NotFound(f"There is no job {job_id}.")


def _news(sight: Sight, last: int) -> list[Update]:
    """What came after event `last`; of a job that ended always the end."""
    job = sight.job
    end = job.status if job.ended else None
    return [update for update in _updates(sight) if update.id > last or update.name == end]


def _updates(sight: Sight) -> list[Update]:
    # Two ids a revision: a preview goes before the progress it came with.
    job, preview = sight.job, sight.preview
    updates = []
    if preview is not None:
        updates.append(Update(2 * preview.revision, "preview", job, bytes(preview.data)))
    name = "progress" if job.status == Job.Status.RUNNING else str(job.status)
    updates.append(Update(2 * job.revision + 1, name, job))
    return sorted(updates, key=lambda update: update.id)

"""The rows that this process awaits, read in one query a second and whenever a nudge comes."""

import asyncio
import contextvars
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import Error, connections

from accounts.nudges import or_redis_error
from generation import progress
from generation.models import Job, JobPreview

logger = logging.getLogger(__name__)
RESYNC_SECONDS = 1.0
# Nudges that come together are answered by one query.
GATHER_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Sight:
    """A job as it was just read, with its latest preview where somebody looks at previews."""

    job: Job
    preview: JobPreview | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The last revision that all waiters of a job know, and whether one looks at previews."""

    seen: int
    previews: bool


class Watch:
    """One waiter: sees the latest state that differs from the one it saw before."""

    def __init__(self, *, previews: bool) -> None:
        self.previews = previews
        self.seen = -1
        self._new: Sight | None = None
        self._gone = False
        self._event = asyncio.Event()

    async def next(self) -> Sight | None:
        """The next state, or None when the row is gone."""
        while True:
            await self._event.wait()
            self._event.clear()
            if self._gone:
                return None
            if self._new and self._new.job.revision > self.seen:
                self.seen = self._new.job.revision
                return self._new

    def show(self, sight: Sight | None) -> None:
        self._new, self._gone = sight, sight is None
        self._event.set()


class Board:
    """All waiters of one event loop. Its tasks live as long as somebody waits."""

    def __init__(self) -> None:
        self._watches: dict[UUID, list[Watch]] = {}
        self._dirty: set[UUID] = set()
        self._stir = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._resync_at = 0.0
        self._looked_at = 0.0

    @contextmanager
    def watching(self, job_id: UUID, *, previews: bool) -> Iterator[Watch]:
        watch = Watch(previews=previews)
        self._watches.setdefault(job_id, []).append(watch)
        self._nudged(job_id)
        if self._task is None or self._task.done():
            # A context of its own: the request that happens to come first ends before the others.
            self._task = asyncio.get_running_loop().create_task(
                self._serve(), context=contextvars.Context()
            )
        try:
            yield watch
        finally:
            self._watches[job_id].remove(watch)
            if not self._watches[job_id]:
                del self._watches[job_id]
            self._stir.set()

    def _nudged(self, job_id: UUID) -> None:
        if job_id in self._watches:
            self._dirty.add(job_id)
            self._stir.set()

    async def _serve(self) -> None:
        reader = ThreadPoolExecutor(1, "jobs-board")
        ear = asyncio.create_task(self._listen())
        try:
            while self._watches:
                await self._look(reader)
                await self._pause()
        finally:
            ear.cancel()
            reader.submit(connections.close_all)
            reader.shutdown(wait=False)

    async def _pause(self) -> None:
        """Until somebody stirs, or the time comes to look at everything."""
        now = asyncio.get_running_loop().time
        try:
            await asyncio.wait_for(self._stir.wait(), max(0.0, self._resync_at - now()))
            # The first nudge after a quiet moment is answered at once.
            await asyncio.sleep(self._looked_at + GATHER_SECONDS - now())
        except TimeoutError:
            self._dirty.update(self._watches)
            self._resync_at = now() + RESYNC_SECONDS

    async def _look(self, reader: ThreadPoolExecutor) -> None:
        self._stir.clear()
        dirty, self._dirty = self._dirty & self._watches.keys(), set()
        if not dirty:
            return
        wanted = {
            job_id: Wanted(
                min(watch.seen for watch in self._watches[job_id]),
                any(watch.previews for watch in self._watches[job_id]),
            )
            for job_id in dirty
        }
        try:
            sights = await asyncio.get_running_loop().run_in_executor(reader, _read, wanted)
        except Error as error:
            logger.warning("The jobs that are waited for could not be read: %s", error)
            return
        for job_id, sight in sights.items():
            for watch in self._watches.get(job_id, ()):
                watch.show(sight)

    async def _listen(self) -> None:
        try:
            async for message in progress.messages(progress.ALL_JOBS):
                self._nudged(UUID(message["job"]))
        except or_redis_error(OSError) as error:
            # Without nudges the rows are still read once a second.
            logger.warning("No nudges from the channel layer: %s", error)


def _read(wanted: Mapping[UUID, Wanted]) -> dict[UUID, Sight | None]:
    """What changed, and None for what is gone; of what did not change only a number is read."""
    try:
        return _read_changed(wanted)
    except Error:
        # The next look opens a fresh connection.
        connections.close_all()
        raise


def _read_changed(wanted: Mapping[UUID, Wanted]) -> dict[UUID, Sight | None]:
    revisions = dict(Job.objects.filter(pk__in=wanted).values_list("pk", "revision"))
    changed = [pk for pk, revision in revisions.items() if revision > wanted[pk].seen]
    jobs = Job.objects.in_bulk(changed)
    looked_at = [pk for pk in changed if wanted[pk].previews]
    previews = JobPreview.objects.in_bulk(looked_at) if looked_at else {}
    gone: dict[UUID, Sight | None] = dict.fromkeys(wanted.keys() - revisions.keys())
    return gone | {pk: Sight(job, previews.get(pk)) for pk, job in jobs.items()}


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Board] = WeakKeyDictionary()


def board() -> Board:
    """The board of the running loop."""
    return _boards.setdefault(asyncio.get_running_loop(), Board())

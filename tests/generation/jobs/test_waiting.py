"""Awaiting jobs: nudged, or found within a second; a crowd that costs one query."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import pytest
from django.db import OperationalError, connections

from accounts.problems import NotFound
from generation import jobs
from generation.errors import WaitTimeout
from generation.jobs import board
from generation.models import Job
from tests.generation.jobs.conftest import Submit, Take, stored

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
STAGES = {"encode_ms": 1, "denoise_ms": 1, "decode_ms": 1}


class Elsewhere(Protocol):
    def __call__(self, call: Callable[[], T]) -> asyncio.Future[T]: ...


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    """Runs a call as another process would: on a thread with a connection of its own."""
    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.get_running_loop()

        def elsewhere(call: Callable[[], T]) -> asyncio.Future[T]:
            return loop.run_in_executor(thread, call)

        yield elsewhere
        thread.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
async def nothing_left_running() -> AsyncIterator[None]:
    """The Redis layer's receiver can miss a cancellation, and its loop would then never close."""
    yield
    others = asyncio.all_tasks() - {asyncio.current_task()}
    give_up = time.monotonic() + 10
    while any(not task.done() for task in others) and time.monotonic() < give_up:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=0.1)


def succeed(claim: jobs.Claim) -> None:
    jobs.publish(claim, [stored(claim)], STAGES)


async def test_the_end_of_a_job_is_known_at_once(
    submit: Submit, take: Take, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "RESYNC_SECONDS", 60.0)
    job = await elsewhere(submit)
    waiting = asyncio.create_task(jobs.finished(job.pk, 60))
    claim = await elsewhere(take)
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await elsewhere(partial(succeed, claim))
    assert (await waiting).status == Job.Status.SUCCEEDED
    assert time.monotonic() - began < 20


async def test_a_job_that_has_ended_is_not_waited_for(
    submit: Submit, take: Take, elsewhere: Elsewhere
) -> None:
    job = await elsewhere(submit)
    await elsewhere(lambda: succeed(take()))
    assert (await jobs.finished(job.pk, 1)).status == Job.Status.SUCCEEDED


async def test_an_end_that_nobody_tells_is_found_all_the_same(
    submit: Submit, elsewhere: Elsewhere
) -> None:
    job = await elsewhere(submit)
    waiting = asyncio.create_task(jobs.finished(job.pk, 10))
    await asyncio.sleep(0.2)
    silently = Job.objects.filter(pk=job.pk)
    await elsewhere(lambda: silently.update(status=Job.Status.FAILED, revision=9))
    assert (await waiting).status == Job.Status.FAILED


async def test_a_wait_has_an_end(submit: Submit, elsewhere: Elsewhere) -> None:
    job = await elsewhere(submit)
    with pytest.raises(WaitTimeout) as refusal:
        await jobs.finished(job.pk, 0.3)
    assert refusal.value.job_id == str(job.pk)


async def test_no_job_cannot_be_awaited() -> None:
    with pytest.raises(NotFound):
        await jobs.finished(uuid.uuid4(), 5)


async def test_a_job_deleted_meanwhile_is_not_waited_for(
    submit: Submit, elsewhere: Elsewhere
) -> None:
    job = await elsewhere(submit)
    waiting = asyncio.create_task(jobs.finished(job.pk, 10))
    await asyncio.sleep(0.1)
    await elsewhere(lambda: Job.objects.all().delete())
    with pytest.raises(NotFound):
        await waiting


async def test_a_thousand_waiters_share_one_reader(
    submit: Submit, take: Take, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [await elsewhere(submit) for _ in range(5)]
    reads: list[int] = []
    read = board._read

    def counted(wanted: Any) -> Any:
        reads.append(len(wanted))
        return read(wanted)

    monkeypatch.setattr(board, "_read", counted)
    waiting = [asyncio.create_task(jobs.finished(placed[n % 5].pk, 20)) for n in range(1000)]
    for _ in placed:
        await elsewhere(lambda: succeed(take()))
    ended = await asyncio.gather(*waiting)
    assert {job.status for job in ended} == {Job.Status.SUCCEEDED}
    assert len(reads) < 40


async def collect(job_id: uuid.UUID, last: int = 0) -> list[jobs.Update]:
    return [update async for update in jobs.follow(job_id, last)]


async def whole_life(submit: Submit, take: Take, elsewhere: Elsewhere) -> Job:
    """A job that is submitted, claimed, shows a step with a preview, and succeeds, slowly."""
    job = await elsewhere(partial(submit, previews=True))

    def run() -> None:
        time.sleep(0.2)
        claim = take()
        time.sleep(0.2)
        jobs.report(claim, 4, 10, b"webp")
        time.sleep(0.2)
        succeed(claim)

    elsewhere(run)
    return job


async def test_following_shows_a_whole_life(
    submit: Submit, take: Take, elsewhere: Elsewhere
) -> None:
    job = await elsewhere(partial(submit, previews=True))
    updates, claims = [], []
    # Each step waits for word of the one before: changes close together are told as one.
    async for update in jobs.follow(job.pk, 0):
        updates.append(update)
        if update.name == "queued":
            claims.append(await elsewhere(take))
        elif update.name == "progress" and not update.job.step:
            await elsewhere(partial(jobs.report, claims[0], 4, 10, b"webp"))
        elif update.name == "progress":
            await elsewhere(partial(succeed, claims[0]))
    names = [update.name for update in updates]
    assert names == ["queued", "progress", "preview", "progress", "succeeded"]
    assert [update.preview for update in updates if update.preview] == [b"webp"]
    assert updates[3].job.step == 4


async def test_event_ids_only_grow(submit: Submit, take: Take, elsewhere: Elsewhere) -> None:
    job = await whole_life(submit, take, elsewhere)
    ids = [update.id for update in await collect(job.pk)]
    assert ids == sorted(set(ids))


async def test_following_goes_on_where_it_was_cut(
    submit: Submit, take: Take, elsewhere: Elsewhere
) -> None:
    job = await whole_life(submit, take, elsewhere)
    updates = await collect(job.pk)
    for cut in range(1, len(updates)):
        rest = await collect(job.pk, updates[cut - 1].id)
        # Of what was missed the last state counts, and a preview not seen yet.
        assert rest[-1].name == "succeeded"
        assert all(update.id > updates[cut - 1].id for update in rest)


async def test_following_an_ended_job_says_how_it_ended(
    submit: Submit, elsewhere: Elsewhere
) -> None:
    job = await elsewhere(submit)
    await elsewhere(lambda: jobs.cancel(job.pk))
    assert [update.name for update in await collect(job.pk)] == ["cancelled"]
    assert [update.name for update in await collect(job.pk, 10**6)] == ["cancelled"]


async def test_nobody_waiting_leaves_nothing_running(submit: Submit, elsewhere: Elsewhere) -> None:
    job = await elsewhere(submit)
    with pytest.raises(WaitTimeout):
        await jobs.finished(job.pk, 0.1)
    await asyncio.sleep(0.1)
    left = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    assert not any(name.startswith("Board.") for name in left)


async def test_a_database_that_fails_once_is_asked_again(
    submit: Submit, take: Take, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await elsewhere(submit)
    in_bulk = type(Job.objects).in_bulk
    failures = [OperationalError("the server closed the connection")]

    def flaky(self: object, ids: list[uuid.UUID]) -> object:
        if failures:
            raise failures.pop()
        return in_bulk(self, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(type(Job.objects), "in_bulk", flaky)
    waiting = asyncio.create_task(jobs.finished(job.pk, 10))
    await elsewhere(lambda: succeed(take()))
    assert (await waiting).status == Job.Status.SUCCEEDED

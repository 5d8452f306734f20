"""Nudges: to whoever looks on, from any thread, never in the way."""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from channels.layers import channel_layers, get_channel_layer

from accounts import nudges
from generation import progress

ID = uuid.UUID("0123456789abcdef0123456789abcdef")


async def first(messages: AsyncIterator[nudges.Message]) -> nudges.Message:
    async with asyncio.timeout(60):
        return await anext(messages)


async def listening(group: str) -> asyncio.Task[nudges.Message]:
    task = asyncio.create_task(first(progress.messages(group)))
    await asyncio.sleep(0.05)
    return task


@pytest.mark.parametrize("group", [f"job_{ID.hex}", progress.ALL_JOBS])
async def test_a_nudge_names_the_job(group: str) -> None:
    heard = await listening(group)
    progress.nudge(ID)
    assert await heard == {"type": "job.update", "job": str(ID)}


async def test_the_dashboard_hears_of_every_job() -> None:
    heard = await listening(progress.DASHBOARD)
    progress.nudge(ID)
    assert await heard == {"type": "dashboard.update"}


async def test_a_nudge_may_come_from_any_thread() -> None:
    heard = await listening(progress.ALL_JOBS)
    threading.Thread(target=progress.nudge, args=(ID,)).start()
    assert (await heard)["job"] == str(ID)


async def test_workers_hear_what_is_to_be_cancelled() -> None:
    heard: list[uuid.UUID] = []
    progress.hear_cancels(heard.append)
    async with asyncio.timeout(60):
        while ID not in heard:
            # The thread that hears takes a moment to begin.
            progress.ask_cancel(ID)
            await asyncio.sleep(0.05)


class Broken:
    """A channel layer whose server is away, slowly."""

    sent = 0

    async def group_send(self, group: str, message: nudges.Message) -> None:
        Broken.sent += 1
        await asyncio.sleep(0.01)
        raise ConnectionError("no Redis")


@pytest.fixture
def broken() -> Iterator[None]:
    get_channel_layer()
    working = channel_layers.set("default", Broken())
    yield
    channel_layers.set("default", working)


@pytest.mark.usefixtures("broken")
def test_a_broken_layer_is_no_reason_to_wait_or_fail() -> None:
    began = time.monotonic()
    for _ in range(500):
        progress.nudge(uuid.uuid4())
    # Waiting for each would take five seconds.
    assert time.monotonic() - began < 4
    give_up = time.monotonic() + 60
    while not Broken.sent:
        assert time.monotonic() < give_up
        time.sleep(0.01)


async def test_many_nudges_for_one_job_become_few() -> None:
    messages = progress.messages(progress.ALL_JOBS)
    heard = asyncio.create_task(first(messages))
    await asyncio.sleep(0.05)
    for _ in range(1000):
        progress.nudge(ID)
    await heard
    more = 0
    while True:
        try:
            async with asyncio.timeout(0.3):
                await anext(messages)
                more += 1
        except (TimeoutError, StopAsyncIteration):
            break
    assert more < 500

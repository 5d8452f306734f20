"""Nudges to whoever looks on: hints that a row changed, sent from one background loop."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from generation import conf

logger = logging.getLogger(__name__)

# Every nudge of every job: one subscription serves all waiters of a process.
ALL_JOBS = "jobs"
DASHBOARD = "dashboard"
CANCELS = "cancels"
BACKLOG = 1000
SEND_SECONDS = 2.0
LISTEN_AGAIN_SECONDS = 1.0

Message = dict[str, Any]


def group_of(job_id: UUID) -> str:
    return f"job_{job_id.hex}"


def nudge(job_id: UUID) -> None:
    """Tell pages and waiters that this job's row changed. Never blocks, never raises.

    Works from any thread and from coroutines: the sending happens on a loop of its own.
    """
    message = {"type": "job.update", "job": str(job_id)}
    _offer(group_of(job_id), message)
    _offer(ALL_JOBS, message)
    _offer(DASHBOARD, {"type": "dashboard.update"})


def ask_cancel(job_id: UUID) -> None:
    """Tell the workers that this job's cancel flag is set; the row is what they believe."""
    _offer(CANCELS, {"type": "job.cancel", "job": str(job_id)})


def hear_cancels(tell: Callable[[UUID], None]) -> None:
    """Have `tell` called, in the background thread, with the id of every job to be cancelled."""
    _background().listen(CANCELS, lambda message: tell(UUID(message["job"])))


class _Background:
    """A thread with a loop that sends in order and drops what a slow channel layer cannot take."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._waiting: dict[str, Message] = {}
        self._ready = asyncio.Event()
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    def offer(self, group: str, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._keep, group, message)

    def listen(self, group: str, tell: Callable[[Message], None]) -> None:
        asyncio.run_coroutine_threadsafe(_listen(group, tell), self._loop)

    def _keep(self, group: str, message: Message) -> None:
        # A nudge only says "look again": of two for one job, one is enough.
        key = f"{group} {message.get('job', '')}"
        if len(self._waiting) < BACKLOG:
            self._waiting.setdefault(key, {"group": group, "message": message})
            self._ready.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_for_ever())

    async def _send_for_ever(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._waiting:
                item = self._waiting.pop(next(iter(self._waiting)))
                await _send(item["group"], item["message"])


async def _send(group: str, message: Message) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await layer.group_send(group, message)
    except conf.or_redis_error(OSError, ChannelFull) as error:
        # TimeoutError is an OSError. Whoever waits reads the row again within a second anyway.
        logger.debug("A nudge was lost: %s", error)


async def _listen(group: str, tell: Callable[[Message], None]) -> None:
    while True:
        try:
            async for message in messages(group):
                tell(message)
        except conf.or_redis_error(OSError) as error:
            logger.warning("No messages for %s: %s", group, error)
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)


async def messages(group: str) -> AsyncIterator[Message]:
    """What is sent to the group from now on. Raises OSError or RedisError when it breaks."""
    layer = get_channel_layer()
    if layer is None:
        return
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    try:
        while True:
            yield await layer.receive(channel)
    finally:
        await layer.group_discard(group, channel)


_made: _Background | None = None
_making = threading.Lock()


def _background() -> _Background:
    """The background of this process, made when first needed."""
    global _made  # noqa: PLW0603 one thread a process
    with _making:
        # A forked child inherits the object but not its thread.
        if _made is None or _made.pid != os.getpid():
            _made = _Background()
        return _made


def _offer(group: str, message: Message) -> None:
    _background().offer(group, message)

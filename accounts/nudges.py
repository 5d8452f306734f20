"""Nudges to whoever looks on: hints that a row changed, sent from one background loop."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.conf import settings

logger = logging.getLogger(__name__)

BACKLOG = 1000
SEND_SECONDS = 2.0
LISTEN_AGAIN_SECONDS = 1.0

Message = dict[str, Any]


def offer(group: str, message: Message) -> None:
    """Tell a group. Never blocks, never raises; from any thread and from coroutines.

    Of several equal messages that wait, one is sent: a nudge only says "look again".
    """
    _background().offer(group, message)


def listen(group: str, tell: Callable[[Message], None]) -> None:
    """Have `tell` called, in the background thread, with every message to the group."""
    _background().listen(group, tell)


@cache
def or_redis_error(*errors: type[Exception]) -> tuple[type[Exception], ...]:
    """For an `except`: these, and what a Redis that is away raises, which else is not imported."""
    if not settings.REDIS_URL:
        return errors
    from redis.exceptions import RedisError

    return (*errors, RedisError)


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
        key = f"{group} {sorted(message.items())}"
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
    except or_redis_error(OSError, ChannelFull) as error:
        # TimeoutError is an OSError. Whoever waits reads the row again within a second anyway.
        logger.debug("A nudge was lost: %s", error)


async def _listen(group: str, tell: Callable[[Message], None]) -> None:
    while True:
        try:
            async for message in messages(group):
                tell(message)
        except or_redis_error(OSError) as error:
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

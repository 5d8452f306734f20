"""Server-sent events that survive proxies: comments while nothing happens, nothing buffered."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from django.http import StreamingHttpResponse

from accounts.problems import Problem

KEEP_ALIVE_SECONDS = 15.0
# A lost right ends a stream within a second; asking takes a moment itself.
RIGHTS_SECONDS = 0.8
# A comment: clients of OpenAI's kind would take a named event for a chunk.
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


def event(data: Any, *, name: str = "", number: int | None = None) -> bytes:
    """One event with its blank line; `data` becomes one line of JSON."""
    head = "" if number is None else f"id: {number}\n"
    head += f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def response(events: AsyncGenerator[bytes, None]) -> StreamingHttpResponse:
    """The reply that sends `events` as they come, and a Problem raised by them as the last one."""
    reply = StreamingHttpResponse(
        kept_alive(told_of_failure(events)), content_type="text/event-stream"
    )
    reply["Cache-Control"] = "no-cache"
    reply["X-Accel-Buffering"] = "no"
    return reply


async def told_of_failure(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """After the 200 an error can only be an event; a defect is still raised for the log."""
    async with aclosing(events) as source:
        try:
            async for item in source:
                yield item
        except Problem as problem:
            yield failure(problem)
        except Exception:
            yield failure(Problem("The server failed."))
            raise


async def kept_alive(
    events: AsyncGenerator[bytes, None], every: float = KEEP_ALIVE_SECONDS
) -> AsyncGenerator[bytes, None]:
    """The same events, and a comment after every silence of `every` seconds."""
    async with aclosing(events) as source:
        coming: asyncio.Task[bytes] | None = None
        try:
            while True:
                coming = coming or asyncio.create_task(_next(source))
                done, _ = await asyncio.wait({coming}, timeout=every)
                if not done:
                    yield KEEP_ALIVE
                    continue
                try:
                    item = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield item
        finally:
            await _dropped(coming)


async def while_allowed(
    events: AsyncGenerator[bytes, None],
    check: Callable[[], Awaitable[object]],
    every: float = RIGHTS_SECONDS,
) -> AsyncGenerator[bytes, None]:
    """The same events, for as long as `check`, asked every so many seconds, raises nothing."""
    watch = asyncio.create_task(_watch(check, every))
    async with aclosing(events) as source:
        coming: asyncio.Task[bytes] | None = None
        try:
            while True:
                coming = coming or asyncio.create_task(_next(source))
                await asyncio.wait({coming, watch}, return_when=asyncio.FIRST_COMPLETED)
                if watch.done():
                    watch.result()
                try:
                    item = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield item
        finally:
            await _dropped(watch)
            await _dropped(coming)


async def _watch(check: Callable[[], Awaitable[object]], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await check()


async def _dropped(task: asyncio.Task[Any] | None) -> None:
    if task is not None and not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await task


async def _next(source: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(source)


def failure(problem: Problem) -> bytes:
    """The last event of a stream that went wrong after its 200; the SDKs raise `error`."""
    error = {
        "message": problem.message,
        "type": problem.type,
        "code": problem.code,
        "param": problem.param,
    }
    return event({"type": "error", "error": error}, name="error")

"""A stream says it is alive, ends with what went wrong, and lets go of its source."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from accounts.problems import Invalid
from generation.api import sse


async def two(pause: float = 0.0) -> AsyncGenerator[bytes, None]:
    yield b"one"
    await asyncio.sleep(pause)
    yield b"two"


async def broken(error: Exception) -> AsyncGenerator[bytes, None]:
    yield b"one"
    raise error


def test_an_event_has_its_name_number_and_blank_line() -> None:
    event = sse.event({"a": "é\n"}, name="progress", number=7)
    assert event == b'id: 7\nevent: progress\ndata: {"a":"\\u00e9\\n"}\n\n'


def test_a_plain_event_is_data_alone() -> None:
    assert sse.event([1]) == b"data: [1]\n\n"


async def test_silence_is_filled_with_comments() -> None:
    seen = [item async for item in sse.kept_alive(two(pause=0.05), every=0.01)]
    assert (seen[0], seen[-1]) == (b"one", b"two")
    assert set(seen[1:-1]) == {sse.KEEP_ALIVE}


async def test_without_silence_nothing_is_added() -> None:
    assert [item async for item in sse.kept_alive(two())] == [b"one", b"two"]


async def test_a_problem_becomes_the_last_event() -> None:
    events = broken(Invalid("Too much.", param="n"))
    seen = [item async for item in sse.told_of_failure(events)]
    told = json.loads(seen[-1].split(b"data: ")[1])
    assert seen[-1].startswith(b"event: error\n")
    assert told["error"]["param"] == "n"
    assert told["error"]["message"] == "Too much."


async def test_a_defect_is_told_without_its_details_and_raised() -> None:
    stream = sse.told_of_failure(broken(ZeroDivisionError("secret")))
    told = [await anext(stream), await anext(stream)][1]
    with pytest.raises(ZeroDivisionError):
        await anext(stream)
    assert b"internal_error" in told
    assert b"secret" not in told


async def test_a_reader_that_leaves_ends_the_source() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            await asyncio.sleep(60)
        finally:
            ended.set()

    stream = sse.kept_alive(endless(), every=0.01)
    assert [await anext(stream), await anext(stream)] == [b"one", sse.KEEP_ALIVE]
    await stream.aclose()
    assert ended.is_set()

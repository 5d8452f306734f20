"""The channel layer of one host: across processes, without blocking, without leftovers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aliceproject import events
from aliceproject.events import LocalChannelLayer

ROOT = Path(__file__).resolve().parent.parent.parent
# Listens to the group `g`, says so, and prints what it hears.
LISTENER = """
import asyncio, sys
from aliceproject.events import LocalChannelLayer
async def main():
    layer = LocalChannelLayer(sys.argv[1])
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    print("listening", flush=True)
    while True:
        print((await layer.receive(channel))["n"], flush=True)
asyncio.run(main())
"""


@pytest.fixture
async def layer(tmp_path: Path) -> AsyncIterator[LocalChannelLayer]:
    made = LocalChannelLayer(tmp_path / "events")
    yield made
    await made.close()


async def joined(layer: LocalChannelLayer, group: str = "g") -> str:
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


async def heard(layer: LocalChannelLayer, channel: str, seconds: float = 30) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        return await layer.receive(channel)


@contextmanager
def listener(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that listens, however its test ends."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "listening\n"
            yield process
        finally:
            process.kill()


async def test_a_group_hears_what_its_own_process_says(layer: LocalChannelLayer) -> None:
    channel = await joined(layer)
    await layer.group_send("g", {"type": "x", "n": 1})
    assert await heard(layer, channel) == {"type": "x", "n": 1}


async def test_several_processes_hear_in_order(layer: LocalChannelLayer, tmp_path: Path) -> None:
    with listener(tmp_path / "events") as one, listener(tmp_path / "events") as other:
        # No more at a time than a socket holds: what is more may be dropped where one is late.
        for first in range(0, 50, 5):
            batch = list(range(first, first + 5))
            for n in batch:
                await layer.group_send("g", {"type": "x", "n": n})
            for ear in (one, other):
                assert ear.stdout
                assert [int(ear.stdout.readline()) for _ in batch] == batch


async def test_other_groups_hear_nothing(layer: LocalChannelLayer) -> None:
    channel = await joined(layer, "other")
    await layer.group_send("g", {"type": "x"})
    with pytest.raises(TimeoutError):
        await heard(layer, channel, 0.1)


async def test_who_left_hears_nothing(layer: LocalChannelLayer) -> None:
    channel = await joined(layer)
    await layer.group_discard("g", channel)
    await layer.group_send("g", {"type": "x"})
    with pytest.raises(TimeoutError):
        await heard(layer, channel, 0.1)


async def test_a_dead_listener_is_tidied_away(layer: LocalChannelLayer, tmp_path: Path) -> None:
    with listener(tmp_path / "events") as ear:
        ear.kill()
    assert len(list((tmp_path / "events").iterdir())) == 1
    await layer.group_send("g", {"type": "x"})
    assert list((tmp_path / "events").iterdir()) == []


async def test_an_orderly_end_leaves_no_socket(tmp_path: Path) -> None:
    layer = LocalChannelLayer(tmp_path / "events")
    await joined(layer)
    await layer.close()
    assert list((tmp_path / "events").iterdir()) == []


async def test_a_listener_that_hangs_blocks_nobody(
    layer: LocalChannelLayer, tmp_path: Path
) -> None:
    with listener(tmp_path / "events") as ear:
        ear.send_signal(signal.SIGSTOP)
        channel = await joined(layer)
        began = time.monotonic()
        for n in range(20):
            await layer.group_send("g", {"type": "x", "n": n})
        assert time.monotonic() - began < 10
        assert (await heard(layer, channel))["n"] == 0


async def test_a_full_channel_drops_and_goes_on(layer: LocalChannelLayer) -> None:
    channel = await joined(layer)
    for n in range(layer.capacity + 50):
        await layer.group_send("g", {"type": "x", "n": n})
        await asyncio.sleep(0)
    assert (await heard(layer, channel))["n"] == 0


async def test_a_message_that_is_too_large_is_refused(layer: LocalChannelLayer) -> None:
    with pytest.raises(ValueError, match="too large"):
        await layer.group_send("g", {"type": "x", "data": b"x" * events.LARGEST})


async def test_a_large_preview_passes(layer: LocalChannelLayer) -> None:
    channel = await joined(layer)
    await layer.group_send("g", {"type": "x", "data": b"x" * 65536})
    assert len((await heard(layer, channel))["data"]) == 65536


async def test_a_long_path_falls_back_to_the_temporary_folder(tmp_path: Path) -> None:
    layer = LocalChannelLayer(tmp_path / ("long" * 30))
    channel = await joined(layer)
    await layer.group_send("g", {"type": "x"})
    assert await heard(layer, channel) == {"type": "x"}
    [socket] = layer._folder.iterdir()
    assert len(os.fsencode(socket)) <= events.LONGEST_PATH
    await layer.close()
    layer._folder.rmdir()


async def test_only_the_owner_may_enter(layer: LocalChannelLayer, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir(mode=0o755)
    await joined(layer)
    assert folder.stat().st_mode & 0o777 == 0o700
    [socket] = folder.iterdir()
    assert socket.stat().st_mode & 0o777 == 0o600


async def test_a_folder_laid_out_by_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "events").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError):
        await joined(LocalChannelLayer(tmp_path / "events"))


def test_a_later_loop_hears_too(tmp_path: Path) -> None:
    layer = LocalChannelLayer(tmp_path / "events")

    async def once() -> dict[str, Any]:
        channel = await joined(layer)
        await layer.group_send("g", {"type": "x"})
        return await heard(layer, channel)

    assert asyncio.run(once()) == asyncio.run(once()) == {"type": "x"}
    # The first loop's ear is gone with it.
    assert len(list((tmp_path / "events").iterdir())) <= 1


async def test_a_doorbell_hears_that_something_happened(layer: LocalChannelLayer) -> None:
    bell = layer.doorbell()
    await layer.group_send("anything", {"n": 1})
    started = time.monotonic()
    bell.wait(30)
    assert time.monotonic() - started < 20
    bell.shut()


def test_a_doorbell_forgets_what_it_heard(tmp_path: Path) -> None:
    layer = LocalChannelLayer(tmp_path / "events")
    bell = layer.doorbell()
    asyncio.run(layer.group_send("anything", {"n": 1}))
    bell.wait(1)
    started = time.monotonic()
    bell.wait(0.2)
    assert time.monotonic() - started >= 0.2
    bell.shut()

"""Many clients wait on few threads, and a stop reaches every view."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from aliceproject.handler import THREADS, BoundedASGIHandler
from tests.aliceproject.asgi_wire import Wire, pieces, scope

gates: list[asyncio.Event] = []
blocked = threading.Event()
used: set[int] = set()
begun: list[str] = []
ended: list[str] = []


async def wait(request: HttpRequest) -> HttpResponse:
    used.add(await sync_to_async(threading.get_ident)())
    begun.append(request.path)
    try:
        await gates[0].wait()
    finally:
        ended.append(request.path)
    return HttpResponse("done")


def quick(request: HttpRequest) -> HttpResponse:
    used.add(threading.get_ident())
    return HttpResponse("quick")


def block(request: HttpRequest) -> HttpResponse:
    blocked.wait(60)
    return HttpResponse("done")


urlpatterns = [path("wait", wait), path("quick", quick), path("block", block), path("livez", quick)]


@pytest.fixture(autouse=True)
def stage() -> Iterator[None]:
    gates[:] = [asyncio.Event()]
    used.clear()
    begun.clear()
    ended.clear()
    with override_settings(ROOT_URLCONF=__name__):
        yield


async def ask(handler: BoundedASGIHandler, url: str) -> int:
    wire = Wire(pieces(b""))
    await wire.play(handler, scope("GET", url, host="localhost"))
    return wire.status


async def all_begun(count: int) -> None:
    async with asyncio.timeout(60):
        while len(begun) < count:
            await asyncio.sleep(0.01)


async def test_200_waiters_share_sixteen_threads() -> None:
    handler = BoundedASGIHandler()
    waiting = [asyncio.create_task(ask(handler, "/wait")) for _ in range(200)]
    await all_begun(200)
    assert await ask(handler, "/quick") == 200
    gates[0].set()
    assert await asyncio.gather(*waiting) == [200] * 200
    assert len(used) <= THREADS


async def test_a_stop_ends_the_views_that_wait() -> None:
    waiting = asyncio.create_task(ask(BoundedASGIHandler(), "/wait"))
    await all_begun(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert ended == ["/wait"]


async def test_a_slot_is_free_again_after_its_request() -> None:
    handler = BoundedASGIHandler()
    await ask(handler, "/quick")
    assert [slot.requests for slot in handler.slots] == [0] * THREADS


async def test_health_is_answered_while_every_thread_is_busy() -> None:
    handler = BoundedASGIHandler()
    busy = [asyncio.create_task(ask(handler, "/block")) for _ in range(THREADS * 2)]
    await asyncio.sleep(0.5)
    assert await ask(handler, "/livez") == 200
    assert not any(task.done() for task in busy)
    blocked.set()
    assert await asyncio.gather(*busy) == [200] * THREADS * 2

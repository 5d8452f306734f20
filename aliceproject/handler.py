"""Django's ASGI handler on a fixed number of threads, however many clients wait."""

import asyncio
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from aliceproject.asgi_body import Receive, Scope, Send

THREADS = 16


class Slot:
    """One thread's worth of synchronous work, shared by the requests assigned to it."""

    def __init__(self) -> None:
        self.requests = 0
        self.context = ThreadSensitiveContext()


class BoundedASGIHandler(ASGIHandler):
    """Stock Django gives every request in flight its own thread, even to those that only wait.

    Here sixteen threads, and so sixteen database connections, serve all. The condition: no
    middleware that only works synchronously (a system check holds it) and no view that blocks long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slots = [Slot() for _ in range(THREADS)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = min(self.slots, key=lambda slot: slot.requests)
        slot.requests += 1
        token = SyncToAsync.thread_sensitive_context.set(slot.context)
        views: set[asyncio.Task[Any]] = set()
        try:
            await self.handle(scope | {"alice.views": views}, receive, send)
        except asyncio.CancelledError:
            # The server stops. Django leaves the view's task behind; end it as well, so that its
            # `finally` runs while there still is a loop.
            await _end(views)
            raise
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
            slot.requests -= 1

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        task = asyncio.current_task()
        if task is not None:
            request.scope["alice.views"].add(task)  # type: ignore[attr-defined] # an ASGI request
        return await super().run_get_response(request)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

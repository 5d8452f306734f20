"""Django's ASGI handler on a fixed number of threads, however many clients wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from aliceproject import inline
from aliceproject.asgi_body import Message, Receive, Scope, Send

THREADS = 16
# What an orchestrator asks: a server it believes dead is killed with everybody who waits.
RESERVED = ("/health", "/api/health", "/livez", "/readyz")


class Slot:
    """One thread's worth of synchronous work, shared by the requests assigned to it."""

    def __init__(self) -> None:
        self.requests = 0
        self.context = ThreadSensitiveContext()


class BoundedASGIHandler(ASGIHandler):
    """Stock Django gives every request in flight its own thread, even to those that only wait.

    Here sixteen threads, and so sixteen database connections, serve all; one more is kept for
    health, so that it never queues behind submits. The condition: no middleware that
    only works synchronously (a system check holds it) and no view that blocks long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slots = [Slot() for _ in range(THREADS)]
        self.reserved = Slot()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slot = self._slot(scope["path"])
        slot.requests += 1
        token = SyncToAsync.thread_sensitive_context.set(slot.context)
        loose = Loose()
        try:
            await self.handle(scope | {"alice.loose": loose}, receive, send)
        except asyncio.CancelledError:
            await loose.end()
            raise
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
            slot.requests -= 1

    def adapt_method_mode(
        self,
        is_async: bool,  # noqa: FBT001 - the signature is Django's
        method: Callable[..., Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        adapted: Any = super().adapt_method_mode(is_async, method, *args, **kwargs)
        of_csrf = isinstance(getattr(method, "__self__", None), CsrfViewMiddleware)
        if is_async and of_csrf and getattr(method, "__name__", "") == "process_view":
            return inline.view_check(method, adapted)
        return adapted

    def _slot(self, path: str) -> Slot:
        if path.startswith(RESERVED):
            return self.reserved
        return min(self.slots, key=lambda slot: slot.requests)

    def create_request(self, scope: Message, body_file: IO[bytes]) -> Any:
        scope["alice.loose"].body = body_file
        return super().create_request(scope, body_file)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        request.scope["alice.loose"].view = asyncio.current_task()  # type: ignore[attr-defined] # an ASGI request
        return await super().run_get_response(request)


@dataclass
class Loose:
    """What Django leaves behind when the server cancels a request because it stops."""

    view: asyncio.Task[Any] | None = None
    body: IO[bytes] | None = None

    async def end(self) -> None:
        """The view's `finally` runs while there still is a loop to run it on."""
        if self.view is not None:
            self.view.cancel()
            await asyncio.gather(self.view, return_exceptions=True)
        if self.body is not None:
            self.body.close()

"""Django's own middleware without its thread hops: fourteen a request for work of microseconds.

Django cannot know that these layers never block, so it runs each half of each in a thread. Measured
on /livez, they were four fifths of the whole time.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin

Leave = Callable[[HttpRequest, HttpResponseBase], HttpResponseBase]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def _never(request: HttpRequest) -> bool:
    return False


def _session_is_used(request: HttpRequest) -> bool:
    """Only then it is saved or its cookie deleted; a request with a key brings no cookie."""
    return bool(request.COOKIES) or request.session.accessed or request.session.modified


def _messages_are_used(request: HttpRequest) -> bool:
    storage: Any = getattr(request, "_messages", None)
    return storage is not None and (storage.used or storage.added_new)


# When a layer's way out may block, because it may ask the database; no way in does.
BLOCKS: dict[type[MiddlewareMixin], Callable[[HttpRequest], bool]] = {
    SecurityMiddleware: _never,
    CSPMiddleware: _never,
    CsrfViewMiddleware: _never,
    AuthenticationMiddleware: _never,
    XFrameOptionsMiddleware: _never,
    SessionMiddleware: _session_is_used,
    MessageMiddleware: _messages_are_used,
}


def harden() -> None:
    """Let the layers of BLOCKS run on the event loop; synchronous handlers are not changed."""
    for layer, blocks in BLOCKS.items():
        setattr(layer, "__acall__", _inline(blocks))  # noqa: B010 - typed as a fixed method


def _inline(
    blocks: Callable[[HttpRequest], bool],
) -> Callable[[Any, HttpRequest], Awaitable[HttpResponseBase]]:
    async def call(self: Any, request: HttpRequest) -> HttpResponseBase:
        enter = getattr(self, "process_request", None)
        early: HttpResponseBase | None = enter(request) if enter else None
        response = early or await self.get_response(request)
        leave: Leave | None = getattr(self, "process_response", None)
        if leave is None:
            return response
        if blocks(request):
            return await sync_to_async(leave, thread_sensitive=True)(request, response)
        return leave(request, response)

    return call


def view_check(
    method: Callable[..., Any], hop: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """CSRF's look at a view: inline where it will not read the body, `hop` where it may."""

    async def check(request: HttpRequest, callback: Any, args: Any, kwargs: Any) -> Any:
        if request.method in SAFE_METHODS or getattr(callback, "csrf_exempt", False):
            return method(request, callback, args, kwargs)
        return await hop(request, callback, args, kwargs)

    return check

"""What every reply passes: request id, host names, headers for other origins, problems."""

import ipaddress
import re
import uuid
from collections.abc import Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from accounts.problems import Invalid, Problem
from aliceproject.errors import MethodNotAllowed, is_page, problem_of, respond
from aliceproject.logs import REQUEST_ID

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PORT = re.compile(r":\d{1,5}$")
EXPOSED = (
    "x-request-id, x-error-message, x-ignored-params, x-adjusted-params, x-job-id, "
    "x-should-retry, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
)
PREFLIGHT_SECONDS = "600"


class Layer:
    """A middleware that never blocks: it runs on the event loop and costs no thread.

    One synchronous layer in front of the waiting endpoints would pin a thread to every waiter.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self.is_async:
            return self._waiting(request)  # type: ignore[return-value] # the handler awaits it
        early = self.before(request)
        return self.after(request, self.get_response(request) if early is None else early)

    async def _waiting(self, request: HttpRequest) -> HttpResponseBase:
        early = self.before(request)
        if early is None:
            early = await self.get_response(request)  # type: ignore[misc] # asynchronous here
        return self.after(request, early)

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        return None

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response


def request_id(given: str) -> str:
    """The caller's own id where it is harmless in a log line, else a new one."""
    return given if SANE_ID.fullmatch(given) else uuid.uuid4().hex


class Lengths(Layer):
    """Says how long a complete reply is: without it the server sends chunks."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponse) and "Content-Length" not in response:
            response["Content-Length"] = str(len(response.content))
        return response


class RequestId(Layer):
    """Names the request in the log and in the reply; clients quote it when they ask for help."""

    def before(self, request: HttpRequest) -> None:
        given = getattr(request, "scope", {}).get("request_id")
        REQUEST_ID.set(given or request_id(request.headers.get("x-request-id", "")))

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["x-request-id"] = REQUEST_ID.get()
        return response


class RateHeaders(Layer):
    """What the limit of the caller's key leaves, where the key was looked at and has a limit."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        rate = getattr(request, "alice_rate", None)
        for name, value in rate.headers.items() if rate else ():
            response[name] = value
        return response


def host_allowed(host: str) -> bool:
    """Names of this server and any IP literal.

    An IP literal cannot be rebound by a foreign DNS server, so every LAN address works unasked.
    """
    name = PORT.sub("", host.strip().lower())
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return name.removesuffix(".") in settings.ALICE_OWN_HOSTS
    return True


class HostCheck(Layer):
    def before(self, request: HttpRequest) -> HttpResponse | None:
        host = request.META.get("HTTP_HOST", "")
        # HTTP/1.0 sends none; such a request names no foreign site either.
        if not host or host_allowed(host):
            return None
        message = "This server does not answer to that host name; see ALICE_ALLOWED_HOSTS."
        return respond(request, Invalid(message, code="unknown_host"))


class OtherOrigins(Layer):
    """CORS for exactly the origins of ALICE_CORS_ORIGINS, without credentials; CORP for all."""

    def before(self, request: HttpRequest) -> HttpResponse | None:
        asked = request.headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or not asked or not self._allowed(request):
            return None
        preflight = HttpResponse(status=204)
        preflight["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        preflight["Access-Control-Allow-Headers"] = wanted
        preflight["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return preflight

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if settings.ALICE_CORS_ORIGINS:
            patch_vary_headers(response, ["Origin"])
            if self._allowed(request):
                response["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response["Access-Control-Expose-Headers"] = EXPOSED
        return response

    @staticmethod
    def _allowed(request: HttpRequest) -> bool:
        named = request.headers.get("Origin", "") in settings.ALICE_CORS_ORIGINS
        return named and not is_page(request.path)


class Problems(Layer):
    """Turns what a view raised, or Django refused in HTML, into the one error body."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        problem = problem_of(error)
        # None: a defect. Django logs it with its traceback, and handler500 answers.
        return None if problem is None else respond(request, problem)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        dressed = respond(request, _not_allowed(request))
        dressed["Allow"] = response["Allow"]
        return dressed


def _not_allowed(request: HttpRequest) -> Problem:
    return MethodNotAllowed(f"{request.method} is not allowed here.")

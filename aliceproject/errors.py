"""Exception -> Problem -> reply: the one table, and the one shape of an error body."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core import exceptions as django
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.template import loader
from django.urls import Resolver404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from accounts.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    QuotaUsed,
    RateLimited,
    TooLarge,
    Unauthenticated,
    WrongType,
    wants_json,
)
from aliceproject.logs import REQUEST_ID
from generation.errors import WaitTimeout

logger = logging.getLogger(__name__)

# People look at these; everything else is read by programs and answers in JSON.
PAGES = ("/web", "/admin")
# A client that asks again would get the same answer: SDKs must not retry by themselves.
FINAL_CODES = frozenset({"insufficient_quota"})
MAX_HEADER_MESSAGE = 300


class MethodNotAllowed(Problem):
    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class NotAcceptable(Problem):
    status, type, code = 406, "invalid_request_error", "not_acceptable"


class InternalError(Problem):
    def __init__(self) -> None:
        super().__init__("The server failed; the log has the details under this request id.")


def _unknown_url(error: Exception) -> Problem:
    path = error.args[0].get("path", "") if error.args and isinstance(error.args[0], dict) else ""
    return NotFound(f"There is nothing at /{path}", code="unknown_url")


def _invalid_detail(error: Exception) -> Problem:
    param, detail = next(_complaints(getattr(error, "detail", str(error))), ("", str(error)))
    missing = getattr(detail, "code", "") == "required"
    return Invalid(
        f"{param}: {detail}" if param else str(detail),
        code="missing_required_parameter" if missing else None,
        param=param or None,
    )


def _complaints(detail: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What a serializer complains of, each with its parameter, such as `loras[0].scale`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _complaints(inner, _below(path, name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            # A list of lists belongs to the items of a list; a list of texts to the field itself.
            nested = isinstance(inner, Mapping | list)
            yield from _complaints(inner, f"{path}[{index}]" if nested else path)
    else:
        yield path, detail


def _below(path: str, name: Any) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else str(name)


def _throttled(error: Exception) -> Problem:
    wait = getattr(error, "wait", None) or 1
    return RateLimited("Too many requests.", retry_after=round(wait))


def _same_words(kind: type[Problem]) -> Callable[[Exception], Problem]:
    return lambda error: kind(str(error) or HTTPStatus(kind.status).phrase)


# The first row that fits an exception wins, so particular ones stand before their parents.
TABLE: tuple[tuple[type[Exception], Callable[[Exception], Problem]], ...] = (
    (Resolver404, _unknown_url),
    (Http404, lambda _: NotFound("There is nothing here.")),
    (drf.ValidationError, _invalid_detail),
    (drf.ParseError, lambda e: Invalid(str(e), code="invalid_json")),
    (drf.NotAuthenticated, _same_words(Unauthenticated)),
    (drf.AuthenticationFailed, _same_words(Unauthenticated)),
    (drf.PermissionDenied, _same_words(Forbidden)),
    (drf.NotFound, lambda _: NotFound("There is nothing here.")),
    (drf.MethodNotAllowed, _same_words(MethodNotAllowed)),
    (drf.NotAcceptable, _same_words(NotAcceptable)),
    (drf.UnsupportedMediaType, _same_words(WrongType)),
    (drf.Throttled, _throttled),
    (django.PermissionDenied, _same_words(Forbidden)),
    (django.RequestDataTooBig, lambda _: TooLarge("The request body is too large.")),
    (
        django.TooManyFieldsSent,
        lambda _: Invalid("The request has too many fields.", code="too_many_fields"),
    ),
    (
        django.TooManyFilesSent,
        lambda _: Invalid("The request has too many files.", code="too_many_files"),
    ),
    (MultiPartParserError, lambda e: Invalid(str(e), code="invalid_multipart")),
    (django.SuspiciousOperation, lambda _: Invalid("The request is malformed.")),
    (django.BadRequest, lambda _: Invalid("The request is malformed.")),
)


def problem_of(error: BaseException) -> Problem | None:
    """What went wrong in our vocabulary, or None for a defect of ours."""
    if isinstance(error, Problem):
        return error
    return next((make(error) for kind, make in TABLE if isinstance(error, kind)), None)


def problem_body(problem: Problem) -> dict[str, Any]:
    body: dict[str, Any] = {
        "error": {
            "message": problem.message,
            "type": problem.type,
            "param": problem.param,
            "code": problem.code,
        },
        # FastAPI-style callers read `detail`; OpenAI's SDKs ignore it.
        "detail": problem.message,
    }
    if isinstance(problem, WaitTimeout):
        body["job_id"] = body["error"]["job_id"] = problem.job_id
    if isinstance(problem, QuotaUsed) and problem.quota:
        body["error"]["quota"] = problem.quota
    return body


def problem_headers(problem: Problem, request_id: str = "") -> dict[str, str]:
    headers = {"X-Error-Message": ascii_line(problem.message)}
    if request_id:
        headers["x-request-id"] = request_id
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.code in FINAL_CODES or (problem.status >= 500 and not _passes(problem)):
        headers["x-should-retry"] = "false"
    return headers | problem.headers


def _passes(problem: Problem) -> bool:
    return any(name.lower() == "retry-after" for name in problem.headers)


def ascii_line(text: str) -> str:
    """One printable ASCII line, for a header."""
    printable = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
    return printable[:MAX_HEADER_MESSAGE]


def problem_response(problem: Problem, request_id: str = "") -> JsonResponse:
    """The problem as clients of every dialect read it."""
    response = JsonResponse(problem_body(problem), status=problem.status)
    for name, value in problem_headers(problem, request_id).items():
        response[name] = value
    return response


def problem_bytes(problem: Problem) -> bytes:
    """The same body for the layers in front of Django."""
    return json.dumps(problem_body(problem)).encode()


def is_page(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in PAGES)


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page where a person looks, JSON everywhere else and for programs that ask for it."""
    if not is_page(request.path) or wants_json(request):
        return problem_response(problem, REQUEST_ID.get())
    response = HttpResponse(_page(request, problem), status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def _page(request: HttpRequest, problem: Problem) -> str:
    # Rendered without the request: a page about a failing database must not ask the database.
    return loader.render_to_string(
        "error.html",
        {
            "status": problem.status,
            "title": HTTPStatus(problem.status).phrase,
            "message": problem.message,
            "request_id": REQUEST_ID.get(),
            "theme": request.COOKIES.get("alice_theme", ""),
        },
    )


def drf_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER; None lets Django log a defect and answer 500."""
    problem = problem_of(error)
    if problem is None:
        return None
    view = context.get("view")
    headers = problem_headers(problem)
    if isinstance(error, drf.MethodNotAllowed) and view is not None:
        headers["Allow"] = ", ".join(view.allowed_methods)
    return Response(problem_body(problem), status=problem.status, headers=headers)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = f"The form's protection token is missing or wrong ({reason})."
    if is_page(request.path) and not wants_json(request):
        message = "This page is out of date. Go back, load it again and try once more."
    return respond(request, Forbidden(message, code="csrf_failed"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problem_of(exception) or Invalid("The request is malformed."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problem_of(exception) or Forbidden("This is not allowed."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problem_of(exception) or NotFound("There is nothing here."))


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(request, InternalError())

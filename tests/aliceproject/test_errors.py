"""Every exception has its problem, every problem its one shape."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import exceptions as django
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory
from django.urls import Resolver404
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.problems import Busy, Forbidden, Invalid, Problem, QuotaUsed, Unauthenticated
from aliceproject import errors
from generation.errors import JobFailed, WaitTimeout


class Adapter(serializers.Serializer[Any]):
    scale = serializers.FloatField()


class Body(serializers.Serializer[Any]):
    steps = serializers.IntegerField(max_value=150)
    adapters = Adapter(many=True, required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)


def complaint(**body: Any) -> Problem:
    with pytest.raises(drf.ValidationError) as caught:
        Body(data=body).is_valid(raise_exception=True)
    problem = errors.problem_of(caught.value)
    assert problem is not None
    return problem


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404("secret"), 404, "not_found"),
        (Resolver404({"path": "v2/x", "tried": ["secret"]}), 404, "unknown_url"),
        (django.PermissionDenied("no"), 403, "permission_denied"),
        (django.SuspiciousOperation("secret"), 400, "invalid_value"),
        (django.RequestDataTooBig("secret"), 413, "too_large"),
        (django.TooManyFieldsSent("secret"), 400, "too_many_fields"),
        (django.TooManyFilesSent("secret"), 400, "too_many_files"),
        (django.BadRequest("secret"), 400, "invalid_value"),
        (MultiPartParserError("no boundary"), 400, "invalid_multipart"),
        (drf.ParseError(), 400, "invalid_json"),
        (drf.NotAuthenticated(), 401, "invalid_api_key"),
        (drf.AuthenticationFailed(), 401, "invalid_api_key"),
        (drf.PermissionDenied(), 403, "permission_denied"),
        (drf.NotFound(), 404, "not_found"),
        (drf.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf.NotAcceptable(), 406, "not_acceptable"),
        (drf.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (drf.Throttled(wait=3), 429, "rate_limit_exceeded"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_known_exception_has_a_problem(error: Exception, status: int, code: str) -> None:
    problem = errors.problem_of(error)
    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.message


def test_a_defect_is_no_problem() -> None:
    assert errors.problem_of(KeyError("x")) is None


def test_a_missing_field_is_named() -> None:
    problem = complaint()
    assert (problem.status, problem.code, problem.param) == (
        400,
        "missing_required_parameter",
        "steps",
    )


def test_a_value_out_of_range_is_named() -> None:
    assert (complaint(steps=151).code, complaint(steps=151).param) == ("invalid_value", "steps")


def test_a_value_deep_inside_is_named_by_its_path() -> None:
    problem = complaint(steps=1, adapters=[{"scale": 1}, {"scale": "x"}])
    assert problem.param == "adapters[1].scale"


def test_an_item_of_a_list_is_named_by_its_index() -> None:
    assert complaint(steps=1, tags=["a", {}]).param == "tags[1]"


def test_a_body_that_is_no_object_names_no_parameter() -> None:
    with pytest.raises(drf.ValidationError) as caught:
        Body(data=[]).is_valid(raise_exception=True)
    problem = errors.problem_of(caught.value)
    assert problem is not None
    assert problem.param is None


def test_the_body_has_all_four_keys_and_detail() -> None:
    body = json.loads(errors.problem_response(Invalid("No.", param="n")).content)
    assert body == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        },
        "detail": "No.",
    }


def test_the_message_header_is_one_ascii_line() -> None:
    response = errors.problem_response(Invalid("ä\r\nSet-Cookie: x" + "y" * 999))
    assert response["X-Error-Message"].startswith("???Set-Cookie: xyyy")
    assert len(response["X-Error-Message"]) == 300


def test_401_says_how_to_authenticate() -> None:
    assert errors.problem_response(Unauthenticated("?"))["WWW-Authenticate"] == "Bearer"


def test_a_problem_may_ask_for_another_scheme() -> None:
    problem = Unauthenticated("?", headers={"WWW-Authenticate": "Basic"})
    assert errors.problem_response(problem)["WWW-Authenticate"] == "Basic"


@pytest.mark.parametrize("problem", [errors.InternalError(), QuotaUsed("."), JobFailed("nan", ".")])
def test_what_will_not_pass_must_not_be_retried(problem: Problem) -> None:
    assert errors.problem_response(problem)["x-should-retry"] == "false"


@pytest.mark.parametrize("problem", [Busy("."), Invalid("."), Forbidden(".")])
def test_what_may_pass_or_sdks_never_retry_says_nothing(problem: Problem) -> None:
    assert "x-should-retry" not in errors.problem_response(problem)


@pytest.mark.parametrize(("asked", "said"), [(0, "1"), (7, "7"), (3600, "60")])
def test_retry_after_is_1_to_60_seconds(asked: int, said: str) -> None:
    assert errors.problem_response(Busy(".", retry_after=asked))["Retry-After"] == said


def test_a_wait_that_ends_names_its_job() -> None:
    response = errors.problem_response(WaitTimeout("j-1"))
    assert response["Retry-After"] == "5"
    assert json.loads(response.content)["job_id"] == "j-1"


def test_the_reply_carries_its_request_id() -> None:
    assert errors.problem_response(Invalid("."), "r-1")["x-request-id"] == "r-1"


@pytest.mark.parametrize("path", ["/web", "/web/gallery", "/admin/x"])
def test_people_get_a_page(path: str) -> None:
    response = errors.respond(RequestFactory().get(path), Forbidden("<b>No</b>"))
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;No&lt;/b&gt;" in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/v1/jobs", "/webby", "/images/x.png", "/administrator"])
def test_programs_get_json(path: str) -> None:
    response = errors.respond(RequestFactory().get(path), Forbidden("No"))
    assert response["Content-Type"] == "application/json"


def test_a_defect_tells_nothing_of_itself() -> None:
    response = errors.server_error(RequestFactory().get("/v1/jobs"))
    assert response.status_code == 500
    assert json.loads(response.content)["error"]["code"] == "internal_error"


@pytest.mark.parametrize(
    ("handler", "error", "status"),
    [
        (errors.bad_request, django.BadRequest("secret"), 400),
        (errors.bad_request, django.RequestDataTooBig("secret"), 413),
        (errors.permission_denied, django.PermissionDenied("no"), 403),
        (errors.not_found, Http404("secret"), 404),
    ],
)
def test_djangos_handlers_answer_in_our_shape(
    handler: Callable[[HttpRequest, Exception], HttpResponse], error: Exception, status: int
) -> None:
    response = handler(RequestFactory().get("/v1/jobs"), error)
    assert response.status_code == status
    assert set(json.loads(response.content)) == {"error", "detail"}


class Gate(APIView):
    """A view of REST framework that refuses in every way."""

    authentication_classes = permission_classes = ()

    def get(self, request: Request) -> None:
        raise Invalid("No.", param="n")

    def post(self, request: Request) -> None:
        raise KeyError("secret")


def test_rest_framework_answers_in_our_shape() -> None:
    response = Gate.as_view()(RequestFactory().get("/"))
    assert (response.status_code, response["X-Error-Message"]) == (400, "No.")
    assert response.data["error"]["param"] == "n"


def test_rest_framework_names_the_methods_it_allows() -> None:
    response = Gate.as_view()(RequestFactory().delete("/"))
    assert (response.status_code, response["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")


def test_rest_framework_hides_no_defect() -> None:
    with pytest.raises(KeyError):
        Gate.as_view()(RequestFactory().post("/"))


def test_a_missing_csrf_token_is_a_403_in_json() -> None:
    response = errors.csrf_failure(RequestFactory().post("/v1/jobs"), "no cookie")
    assert response.status_code == 403
    assert json.loads(response.content)["error"]["code"] == "csrf_failed"

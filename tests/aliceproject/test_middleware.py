"""What every reply passes on its way out."""

import asyncio
from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path

from accounts.problems import Invalid
from aliceproject import errors
from aliceproject.middleware import Layer, host_allowed


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def refuse(request: HttpRequest) -> HttpResponse:
    raise Invalid("No.", param="n")


def defect(request: HttpRequest) -> HttpResponse:
    raise KeyError("secret")


def only_get(request: HttpRequest) -> HttpResponse:
    return HttpResponseNotAllowed(["GET"])


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


async def wait(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    raise Invalid("No.")


urlpatterns = [
    path("hello", hello),
    path("web/hello", hello),
    path("refuse", refuse),
    path("defect", defect),
    path("only", only_get),
    path("stream", stream),
    path("wait", wait),
]
handler404 = errors.not_found
handler500 = errors.server_error


@pytest.fixture(autouse=True)
def urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def test_a_raised_problem_is_answered(client: Client) -> None:
    response = client.get("/refuse")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "n")


async def test_a_problem_of_an_asynchronous_view_is_answered() -> None:
    assert (await AsyncClient().get("/wait")).status_code == 400


def test_a_defect_is_logged_with_its_request_and_told_to_nobody(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/defect")
    assert (response.status_code, response["x-should-retry"]) == (500, "false")
    assert b"secret" not in response.content
    assert "KeyError: 'secret'" in caplog.text


def test_a_wrong_method_is_said_in_json(client: Client) -> None:
    response = client.post("/only")
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert response["Allow"] == "GET"


def test_every_complete_reply_has_a_length(client: Client) -> None:
    assert client.get("/hello")["Content-Length"] == "5"


def test_a_stream_has_no_length(client: Client) -> None:
    assert "Content-Length" not in client.get("/stream")


def test_the_security_headers_are_there(client: Client) -> None:
    response = client.get("/hello")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


def test_a_request_id_comes_back(client: Client) -> None:
    assert client.get("/hello", headers={"x-request-id": "r-1"})["x-request-id"] == "r-1"


def test_a_foreign_name_is_refused(client: Client) -> None:
    response = client.get("/hello", headers={"host": "evil.example"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_host")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:80", "[::1]", "10.1.2.3"]
)
def test_own_names_and_addresses_are_allowed(host: str) -> None:
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "1.2.3", "[x]"]
)
def test_other_names_are_not(host: str) -> None:
    assert not host_allowed(host)


@pytest.fixture
def shared(client: Client) -> Iterator[Client]:
    """A client of a server that one other origin may call."""
    with override_settings(ALICE_CORS_ORIGINS=["https://ours.example"]):
        yield client


def test_a_named_origin_may_read(shared: Client) -> None:
    response = shared.get("/hello", headers={"origin": "https://ours.example"})
    assert response["Access-Control-Allow-Origin"] == "https://ours.example"
    assert "Origin" in response["Vary"]
    assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize(
    "origin", ["null", "https://ours.example.evil", "http://ours.example", "*", ""]
)
def test_no_other_may(shared: Client, origin: str) -> None:
    response = shared.get("/hello", headers={"origin": origin})
    assert "Access-Control-Allow-Origin" not in response


def test_its_preflight_is_answered(shared: Client) -> None:
    asked = {
        "origin": "https://ours.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    response = shared.options("/hello", headers=asked)
    assert (response.status_code, response["Access-Control-Allow-Headers"]) == (
        204,
        "authorization",
    )


def test_pages_are_never_shared(shared: Client) -> None:
    response = shared.get("/web/hello", headers={"origin": "https://ours.example"})
    assert "Access-Control-Allow-Origin" not in response


def test_cors_is_off_by_default(client: Client) -> None:
    response = client.get("/hello", headers={"origin": "https://ours.example"})
    assert "Access-Control-Allow-Origin" not in response


async def test_a_layer_awaits_an_asynchronous_neighbour() -> None:
    async def inner(request: HttpRequest) -> HttpResponse:
        return HttpResponse("inner")

    layer = Layer(inner)  # type: ignore[arg-type] # Django hands over either kind
    answer = layer(RequestFactory().get("/"))
    response = await answer  # type: ignore[misc] # asynchronous, because its neighbour is
    assert response.content == b"inner"

"""Middleware on the event loop does all that it does in threads."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from asgiref.sync import SyncToAsync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from aliceproject.handler import BoundedASGIHandler
from tests.aliceproject.asgi_wire import Wire, pieces, scope
from tests.live import Live, service

USER = (
    "from accounts.models import User; User.objects.create_user('dora', password='pass phrase 9')"
)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with service(worker=False) as running:
        running.manage("shell", "-v0", "-c", USER)
        yield running


@pytest.fixture
def browser(live: Live) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=live.url, headers={"referer": live.url}, timeout=30) as client:
        yield client


def sign_in(browser: httpx2.Client, token: str) -> httpx2.Response:
    form = {"username": "dora", "password": "pass phrase 9", "csrfmiddlewaretoken": token}
    return browser.post("/web/login", data=form)


def token_of(browser: httpx2.Client) -> str:
    found = TOKEN.search(browser.get("/web/login").text)
    assert found is not None
    return found.group(1)


def test_a_form_without_its_token_is_refused(browser: httpx2.Client) -> None:
    token_of(browser)
    assert sign_in(browser, "").status_code == 403


def test_signing_in_saves_the_session(browser: httpx2.Client) -> None:
    assert sign_in(browser, token_of(browser)).status_code == 302
    assert browser.cookies["alice-session"]
    assert browser.get("/web/account").status_code == 200


def test_a_request_with_a_key_touches_no_session(browser: httpx2.Client) -> None:
    response = browser.get("/v1/models", headers={"x-api-key": "nobody"})
    assert "set-cookie" not in response.headers


def test_pages_carry_every_security_header(browser: httpx2.Client) -> None:
    headers = browser.get("/web/login").headers
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"


def remember(request: HttpRequest) -> HttpResponse:
    request.session["seen"] = request.session.get("seen", 0) + 1
    messages.info(request, "x" * 3000)
    return HttpResponse(str(request.session["seen"]))


def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" ".join(str(message) for message in messages.get_messages(request)))


@csrf_exempt
async def api(request: HttpRequest) -> HttpResponse:
    return HttpResponse("api")


urlpatterns = [path("remember", remember), path("read", read), path("api", api)]


@pytest.mark.django_db(transaction=True)
@override_settings(ROOT_URLCONF=__name__)
async def test_sessions_and_messages_are_kept_between_requests() -> None:
    client = AsyncClient()
    await client.get("/remember")
    assert (await client.get("/remember")).content == b"2"
    assert (await client.get("/read")).content == b" ".join([b"x" * 3000] * 2)
    assert (await client.get("/read")).content == b""


@override_settings(ROOT_URLCONF=__name__)
async def test_an_asynchronous_api_view_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    hops: list[object] = []
    original = SyncToAsync.__call__

    async def counted(self: SyncToAsync[..., object], *args: object, **more: object) -> object:
        hops.append(self.func)
        return await original(self, *args, **more)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    wire = Wire(pieces(b"{}"))
    await wire.play(BoundedASGIHandler(), scope("POST", "/api", host="localhost"))
    assert wire.body == b"api"
    # What remains is Django's own: the request's signals and closing the response.
    assert len(hops) <= 3

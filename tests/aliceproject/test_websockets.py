"""Only this server's own pages, and programs without a cookie, may open a websocket."""

from typing import ClassVar

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.test import override_settings
from django.urls import re_path

from aliceproject.websockets import websockets

# A consumer closes its database connections when it ends.
pytestmark = pytest.mark.django_db(transaction=True)

URL = "/ws/echo"


class Seen(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """Notes which headers it was shown."""

    headers: ClassVar[set[bytes]] = set()

    async def connect(self) -> None:
        type(self).headers = {name for name, _ in self.scope["headers"]}
        await self.accept()


APPLICATION = websockets([re_path(r"^ws/echo$", Seen.as_asgi())])


async def opens(path: str = URL, **headers: str) -> bool:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    wire = WebsocketCommunicator(APPLICATION, path, headers=raw)
    connected, _ = await wire.connect()
    await wire.disconnect()
    return bool(connected)


async def test_a_page_of_this_server_may() -> None:
    assert await opens(host="192.168.1.5:8080", origin="http://192.168.1.5:8080")


async def test_a_program_without_a_cookie_may() -> None:
    assert await opens(host="localhost:8080")


@override_settings(ALICE_PUBLIC_URL="https://alice.example/sub")
async def test_a_page_at_the_public_address_may_behind_a_proxy_that_renames_the_host() -> None:
    assert await opens(host="localhost:8080", origin="https://alice.example")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:8080.evil.example",
        "http://localhost",
        "x",
        "http://[",
        "http://[::1",
        "http://[localhost:8080]",
    ],
)
async def test_a_page_of_another_site_may_not(origin: str) -> None:
    assert not await opens(host="localhost:8080", origin=origin)


async def test_a_cookie_without_an_origin_may_not() -> None:
    assert not await opens(host="localhost:8080", cookie="alice-session=x")


async def test_a_named_origin_may_but_brings_no_cookie() -> None:
    headers = {"host": "localhost:8080", "origin": "https://app.example", "cookie": "a=b"}
    assert not await opens(**headers)
    with override_settings(ALICE_CORS_ORIGINS=["https://app.example"]):
        assert await opens(**headers)
        assert Seen.headers == {b"host", b"origin"}


async def test_a_rebound_name_may_not() -> None:
    assert not await opens(host="evil.example", origin="http://evil.example")


@pytest.mark.parametrize("path", ["/ws/nix", "/ws/echo/../nix", "/"])
async def test_an_unknown_path_is_refused_without_a_crash(path: str) -> None:
    assert not await opens(path, host="localhost:8080")

"""The websocket on which staff watch downloads."""

import json

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from accounts import sockets
from accounts.models import User
from aliceproject.asgi import application
from modelhub.downloads import asking


@pytest.mark.django_db(transaction=True)
async def test_staff_hear_of_downloads_and_nobody_else(staff: User, alice: User) -> None:
    told = {}
    for user in (staff, alice):
        client = Client()
        await sync_to_async(client.force_login)(user)
        cookies = "; ".join(f"{k}={m.value}" for k, m in client.cookies.items())
        headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
        line = WebsocketCommunicator(
            application, "/ws/downloads", [*headers, (b"cookie", cookies.encode())]
        )
        assert (await line.connect(5))[0]
        told[user.username] = await line.receive_output(5)
        if user == staff:
            await sync_to_async(asking.start)(asking.Asked("huggingface", {"repo": "maker/lakes"}))
            heard = json.loads((await line.receive_output(10))["text"])
            [row] = heard["downloads"]
            assert (row["name"], row["modelPage"]) == ("maker/lakes", None)
        await line.disconnect(5)
    assert json.loads(told["carol"]["text"]) == {"type": "downloads", "downloads": []}
    assert told["alice"]["code"] == sockets.FORBIDDEN

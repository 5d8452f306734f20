"""/v1/models/download, the page and the websocket."""

import json
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client
from pytest_django import Settings

from accounts import keys, sockets
from accounts.models import AuditEntry, User
from aliceproject.asgi import application
from modelhub.downloads import asking
from modelhub.models import Download

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "source", "name", "status", "progress", "totalSize", "downloadedSize", "speed",
    "etaSeconds", "error",
}  # fmt: skip


@pytest.fixture
def web(staff: User, models_dir: object) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def api(staff: User, models_dir: object) -> Client:
    _, secret = keys.mint(staff, "hub", ["models"])
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(f"/v1/models/download/{path}", json.dumps(body), "application/json")


@pytest.mark.parametrize(
    ("source", "body", "name"),
    [
        ("huggingface", {"repoId": "maker/lakes"}, "maker/lakes"),
        ("huggingface", {"modelId": "maker/lakes", "file": "a.safetensors", "type": "lora"},
         "maker/lakes:a.safetensors"),
        ("civitai", {"modelId": 7, "versionId": None}, "CivitAI model 7"),
        ("url", {"url": "https://huggingface.co/a/b.safetensors"}, "b.safetensors"),
        ("s3", {"uri": "s3://bucket/some/c.safetensors"}, "s3://bucket/some/c.safetensors"),
    ],
)  # fmt: skip
def test_a_download_begins_as_a_task(
    api: Client, source: str, body: dict[str, Any], name: str
) -> None:
    reply = post(api, source, **body)
    assert reply.status_code == 202, reply.content
    told = reply.json()
    assert told.keys() >= FIELDS
    assert (told["name"], told["status"], told["progress"]) == (name, "queued", 0)
    assert api.get("/v1/models/download/status").json()["data"] == [told]
    assert api.get(f"/v1/models/download/status/{told['id']}").json() == told
    assert AuditEntry.objects.filter(action="model_download_asked").count() == 1


def test_asking_twice_is_one_download(api: Client) -> None:
    first, second = (post(api, "huggingface", repoId="maker/lakes").json() for _ in range(2))
    assert first["id"] == second["id"]


def test_asking_otherwise_than_the_one_under_way_is_not_the_same(api: Client) -> None:
    first = post(api, "huggingface", repoId="maker/lakes").json()
    typed = post(api, "huggingface", repoId="maker/lakes", type="lora")
    assert (typed.status_code, typed.json()["error"]["code"]) == (400, "already_exists")
    forced = post(api, "huggingface", repoId="maker/lakes", force=True)
    assert (forced.status_code, forced.json()["id"] != first["id"]) == (202, True)
    Download.objects.filter(pk=first["id"]).update(kind="lora")
    assert post(api, "huggingface", repoId="maker/lakes").json()["id"] == first["id"]


@pytest.mark.parametrize(
    ("source", "body", "status", "code"),
    [
        ("huggingface", {}, 400, "missing_required_parameter"),
        ("huggingface", {"repoId": "a/b", "branch": "x"}, 400, "invalid_value"),
        ("huggingface", {"repoId": "a/../b"}, 400, "invalid_value"),
        ("huggingface", {"repoId": "a/b", "file": "x.ckpt"}, 400, "unsupported_model_format"),
        ("huggingface", {"repoId": "a/b", "file": "../x.safetensors"}, 400, "source_failed"),
        ("civitai", {"modelId": "x"}, 400, "invalid_value"),
        ("url", {"url": "https://elsewhere.example/x.safetensors"}, 403, "host_not_allowed"),
        ("url", {"url": "http://127.0.0.9/x.safetensors"}, 400, "address_not_allowed"),
        ("url", {"url": "file:///etc/passwd"}, 400, "invalid_url"),
        ("url", {"url": "https://civitai.com/x.safetensors?token=abc"}, 400, "invalid_value"),
        ("url", {"url": "https://civitai.com/x.pt"}, 400, "unsupported_model_format"),
        ("s3", {"uri": "s3://b/../x"}, 400, "invalid_value"),
        ("s3", {"uri": "https://b/x"}, 400, "invalid_value"),
        ("url", {"url": "https://civitai.com/x.safetensors", "type": "virus"}, 400, "invalid_value"),
    ],
)  # fmt: skip
def test_what_can_never_be_fetched_is_refused_at_once(
    api: Client, source: str, body: dict[str, Any], status: int, code: str
) -> None:
    reply = post(api, source, **body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert not Download.objects.exists()


def test_a_taken_name_is_a_400(api: Client, settings: Settings) -> None:
    (settings.ALICE_MODELS_DIR / "Lakes").mkdir()
    reply = post(api, "huggingface", repoId="maker/lakes")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "already_exists")
    assert post(api, "huggingface", repoId="maker/lakes", force=True).status_code == 202


def test_one_is_cancelled_taken_up_and_forgotten(api: Client) -> None:
    known = post(api, "huggingface", repoId="maker/lakes").json()["id"]
    at = f"/v1/models/download/{known}"
    assert api.delete(at).json()["error"]["code"] == "invalid_state"
    assert api.post(f"{at}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{at}/cancel").status_code == 400
    assert api.post(f"{at}/resume").json()["status"] == "queued"
    assert api.post(f"{at}/resume").status_code == 400
    api.post(f"{at}/cancel")
    assert api.delete(at).status_code == 204
    assert api.get(f"/v1/models/download/status/{known}").status_code == 404
    assert api.post(f"/v1/models/download/{uuid4()}/cancel").status_code == 404


def test_the_list_is_narrowed(api: Client) -> None:
    for name in ("one", "two"):
        post(api, "huggingface", repoId=f"maker/{name}")
    asking.cancel(Download.objects.get(name="maker/one"))
    listed = api.get("/v1/models/download/status?status=cancelled").json()
    assert [each["name"] for each in listed["data"]] == ["maker/one"]
    assert api.get("/v1/models/download/status?limit=0").status_code == 400


def test_the_page_begins_and_ends_downloads(web: Client) -> None:
    assert web.post("/web/models/downloads", {"what": "maker/lakes"}).status_code == 302
    [row] = Download.objects.all()
    assert b"maker/lakes" in web.get("/web/models/downloads").content
    for deed, status in (("cancel", "cancelled"), ("resume", "queued"), ("cancel", "cancelled")):
        assert web.post(f"/web/models/downloads/{row.pk}/{deed}").status_code == 302
        row.refresh_from_db()
        assert row.status == status
    web.post(f"/web/models/downloads/{row.pk}/forget")
    assert not Download.objects.exists()


def test_the_page_says_what_is_wrong_beside_the_field(web: Client) -> None:
    reply = web.post("/web/models/downloads", {"what": "what is this"})
    assert reply.status_code == 400
    assert b"neither a repository" in reply.content
    assert b'value="what is this"' in reply.content


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
            assert [each["name"] for each in heard["downloads"]] == ["maker/lakes"]
        await line.disconnect(5)
    assert json.loads(told["carol"]["text"]) == {"type": "downloads", "downloads": []}
    assert told["alice"]["code"] == sockets.FORBIDDEN

"""/v1/models/download: asked for, watched, stopped, taken up and forgotten."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import keys
from accounts.models import AuditEntry, User
from modelhub.downloads import asking
from modelhub.models import Download
from tests.modelhub.test_admin import installed

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "source", "name", "status", "progress", "totalSize", "downloadedSize", "speed",
    "etaSeconds", "error",
}  # fmt: skip


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
        ("url", {"url": "https://civitai.com/x", "name": "../x"}, 400, "invalid_value"),
        ("url", {"url": "https://civitai.com/x", "name": "a/x?.safetensors"}, 400, "invalid_value"),
        ("s3", {"uri": "s3://b/../x"}, 400, "invalid_value"),
        ("s3", {"uri": "s3://bucket/some/c.ckpt"}, 400, "unsupported_model_format"),
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


def test_a_task_leads_to_the_page_of_the_model_it_made(api: Client) -> None:
    asked = post(api, "huggingface", repoId="maker/lakes").json()
    assert (asked["model"], asked["modelPage"]) == (None, None)
    model = installed("lakes")
    Download.objects.update(status="completed", model=model)
    one = api.get(f"/v1/models/download/status/{asked['id']}").json()
    assert (one["model"], one["modelPage"]) == ("sd/lakes", f"/web/models/{model.pk}")
    model.delete()
    assert api.get("/v1/models/download/status").json()["data"][0]["modelPage"] is None

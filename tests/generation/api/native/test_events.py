"""GET /v1/jobs/{id}/events."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models.functions import Now
from django.test import AsyncClient

from accounts.models import ApiKey
from generation.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
RENAME = "ALTER TABLE {} RENAME TO {}"
ASK = {"prompt": "a lake [mock:slow=0.1]", "size": "64x64", "num_inference_steps": 8}


async def make(client: AsyncClient, **more: Any) -> str:
    response = await client.post("/v1/jobs", {**ASK, **more}, content_type="application/json")
    job_id: str = response.json()["id"]
    return job_id


async def events(response: Any) -> list[tuple[int, str, Any]]:
    text = b"".join([part async for part in response.streaming_content]).decode()
    told = []
    for block in text.strip().split("\n\n"):
        if not block.startswith(":"):
            number, name, data = block.split("\n")
            told.append((int(number[4:]), name[7:], json.loads(data[6:])))
    return told


async def test_a_job_is_followed_from_queue_to_picture(client: AsyncClient, served: Any) -> None:
    response = await client.get(f"/v1/jobs/{await make(client)}/events")
    told = await served(events(response))
    names = [name for _, name, _ in told]
    ids = [number for number, _, _ in told]
    # A quick worker may have begun before the stream was opened.
    assert names[0] in {"queued", "progress"}
    assert {"progress", "preview"} <= set(names)
    assert (names[-1], names.count("succeeded")) == ("succeeded", 1)
    assert ids == sorted(set(ids))
    assert told[0][2]["queue_position"] == 0
    assert told[-1][2]["images"][0]["url"].startswith("http://testserver/")


async def test_progress_counts_steps(client: AsyncClient, served: Any) -> None:
    told = await served(events(await client.get(f"/v1/jobs/{await make(client)}/events")))
    steps = [data["step"] for _, name, data in told if name == "progress"]
    assert steps == sorted(steps)
    assert all(data["steps"] == 8 for _, name, data in told if name == "progress")


async def test_a_preview_is_a_webp(client: AsyncClient, served: Any) -> None:
    told = await served(events(await client.get(f"/v1/jobs/{await make(client)}/events")))
    preview = next(data for _, name, data in told if name == "preview")
    assert preview["format"] == "webp"
    assert preview["b64_json"].startswith("UklGR")


async def test_no_previews_where_none_were_wanted(client: AsyncClient, served: Any) -> None:
    path = f"/v1/jobs/{await make(client, previews=False)}/events"
    told = await served(events(await client.get(path)))
    assert "preview" not in {name for _, name, _ in told}


async def test_a_late_follower_learns_the_end(client: AsyncClient, worker: Any) -> None:
    job_id = await make(client, prompt="x [mock:oom]")
    await worker()
    *_, (_, name, data) = await events(await client.get(f"/v1/jobs/{job_id}/events"))
    assert (name, data["error"]["code"]) == ("failed", "insufficient_memory")


async def test_following_goes_on_after_the_last_event_seen(
    client: AsyncClient, served: Any
) -> None:
    path = f"/v1/jobs/{await make(client)}/events"
    told = await served(events(await client.get(path)))
    rest = await events(await client.get(path, headers={"Last-Event-ID": str(told[-2][0])}))
    assert [name for _, name, _ in rest] == ["succeeded"]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "²", "9" * 30])
async def test_a_foreign_event_id_is_refused(client: AsyncClient, last: str) -> None:
    path = f"/v1/jobs/{await make(client)}/events"
    response = await client.get(path, headers={"Last-Event-ID": last})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "Last-Event-ID")


async def test_the_follower_of_a_vanished_job_is_told(client: AsyncClient) -> None:
    job_id = await make(client)
    response: Any = await client.get(f"/v1/jobs/{job_id}/events")
    await Job.objects.all().adelete()
    text = b"".join([part async for part in response.streaming_content]).decode()
    assert "event: error" in text
    assert "not_found" in text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": Now()}, "invalid_api_key"),
        ({"expires_at": Now()}, "invalid_api_key"),
        ({"scopes": ["read"]}, "permission_denied"),
    ],
)
async def test_a_follower_whose_key_loses_its_right_is_told_and_let_go(
    client: AsyncClient, change: dict[str, Any], code: str
) -> None:
    path = f"/v1/jobs/{await make(client)}/events"
    response: Any = await client.get(path)
    parts = aiter(response.streaming_content)
    assert b"event: queued" in await anext(parts)
    await ApiKey.objects.aupdate(**change)
    async with asyncio.timeout(30):
        rest = b"".join([part async for part in parts]).decode()
    assert rest.startswith("event: error")
    assert f'"code":"{code}"' in rest


async def test_a_stream_outlives_a_database_that_is_away_for_a_while(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response: Any = await client.get(f"/v1/jobs/{await make(client)}/events")
    parts = aiter(response.streaming_content)
    assert b"event: queued" in await anext(parts)
    rename = sync_to_async(lambda old, new: connection.cursor().execute(RENAME.format(old, new)))
    await rename("accounts_apikey", "away")
    async with asyncio.timeout(30):
        while "right to a stream" not in caplog.text:
            await asyncio.sleep(0.1)
    await rename("away", "accounts_apikey")
    await ApiKey.objects.aupdate(revoked_at=Now())
    async with asyncio.timeout(30):
        assert (await anext(parts)).startswith(b"event: error")

"""ALICE's own jobs: made, listed, cancelled, made again, forgotten."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts.models import AuditEntry, Quota
from gallery.models import Image
from generation import jobs
from generation.models import Job, JobPreview
from modelhub.models import CatalogModel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
ASK: dict[str, Any] = {"prompt": "a lake", "size": "64x64", "num_inference_steps": 3}
NOBODY = "00000000-0000-4000-8000-000000000000"


async def make(client: AsyncClient, path: str = "/v1/jobs", **more: Any) -> Any:
    headers = more.pop("headers", None)
    body = {**ASK, **more}
    return await client.post(path, body, content_type="application/json", headers=headers)


async def get(client: AsyncClient, path: str) -> Any:
    return (await client.get(path)).json()


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/"])
async def test_a_job_is_accepted_at_once(client: AsyncClient, path: str) -> None:
    response = await make(client, path)
    receipt = response.json()
    here = f"http://testserver/v1/jobs/{receipt['id']}"
    assert (response.status_code, response["Location"]) == (202, here)
    assert (receipt["status"], receipt["queue_position"]) == ("queued", 0)
    assert receipt["links"] == {
        "self": here, "events": f"{here}/events", "cancel": f"{here}/cancel",
    }  # fmt: skip


async def test_a_finished_job_tells_everything(client: AsyncClient, worker: Any) -> None:
    job_id = (await make(client, n=2, seed=4, client_job_id="mine")).json()["id"]
    await worker()
    job = await get(client, f"/v1/jobs/{job_id}")
    assert (job["status"], job["client_job_id"], job["error"]) == ("succeeded", "mine", None)
    assert (job["seeds"], [image["seed"] for image in job["images"]]) == ([4, 5], [4, 5])
    assert job["requested"]["width"] == job["effective"]["width"] == 64
    assert job["timings"]["save_ms"] is not None
    assert job["images"][0]["url"].startswith("http://testserver/images/")
    assert job["created_at"] < job["started_at"] < job["finished_at"]


async def test_the_queue_is_counted(client: AsyncClient) -> None:
    ids = [(await make(client)).json()["id"] for _ in range(3)]
    positions = [(await get(client, f"/v1/jobs/{job_id}"))["queue_position"] for job_id in ids]
    assert positions == [0, 1, 2]


async def test_time_is_estimated_from_what_earlier_jobs_took(
    client: AsyncClient, worker: Any
) -> None:
    assert (await make(client)).json()["eta_seconds"] is None
    await worker()
    assert (await make(client)).json()["eta_seconds"] >= 0


async def test_higher_priority_goes_first(client: AsyncClient) -> None:
    low, high = [(await make(client, priority=p)).json()["id"] for p in (0, 5)]
    assert (await get(client, f"/v1/jobs/{low}"))["queue_position"] == 1
    assert (await get(client, f"/v1/jobs/{high}"))["queue_position"] == 0


async def test_a_list_pages_from_newest_to_oldest(client: AsyncClient) -> None:
    ids = [(await make(client)).json()["id"] for _ in range(5)]
    seen, cursor = [], ""
    while True:
        page = await get(client, f"/v1/jobs?limit=2{cursor}")
        seen += [job["id"] for job in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert (page["object"], seen) == ("list", ids[::-1])


async def test_jobs_of_one_moment_are_not_lost_between_pages(client: AsyncClient) -> None:
    ids = {(await make(client)).json()["id"] for _ in range(4)}
    moment = (await Job.objects.afirst()).created_at  # type: ignore[union-attr] # four were made
    await Job.objects.aupdate(created_at=moment)
    first = await get(client, "/v1/jobs?limit=3")
    rest = await get(client, f"/v1/jobs?limit=3&cursor={first['next_cursor']}")
    assert {job["id"] for job in first["data"] + rest["data"]} == ids
    assert len(first["data"] + rest["data"]) == 4


async def test_a_list_is_filtered(client: AsyncClient, worker: Any) -> None:
    done = (await make(client, client_job_id="a")).json()["id"]
    await worker()
    await make(client)
    succeeded = (await get(client, "/v1/jobs?status=succeeded"))["data"]
    named = (await get(client, "/v1/jobs?client_job_id=a"))["data"]
    assert [job["id"] for job in succeeded] == [job["id"] for job in named] == [done]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("status=done", "status"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
    ],
)
async def test_a_bad_query_is_named(client: AsyncClient, query: str, param: str) -> None:
    response = await client.get(f"/v1/jobs?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("tail", ["", "/events", "/preview"])
async def test_anothers_job_is_as_if_it_were_not(
    client: AsyncClient, bobs: AsyncClient, tail: str
) -> None:
    job_id = (await make(client)).json()["id"]
    hers = await bobs.get(f"/v1/jobs/{job_id}{tail}")
    nobodys = await bobs.get(f"/v1/jobs/{NOBODY}{tail}")
    assert hers.status_code == nobodys.status_code == 404
    assert hers.content.replace(job_id.encode(), b"") == nobodys.content.replace(
        NOBODY.encode(), b""
    )


@pytest.mark.parametrize("action", ["cancel", "retry"])
async def test_anothers_job_cannot_be_touched(
    client: AsyncClient, bobs: AsyncClient, action: str
) -> None:
    job_id = (await make(client)).json()["id"]
    assert (await bobs.post(f"/v1/jobs/{job_id}/{action}")).status_code == 404
    assert (await bobs.delete(f"/v1/jobs/{job_id}")).status_code == 404
    assert (await get(client, f"/v1/jobs/{job_id}"))["status"] == "queued"
    assert (await get(bobs, "/v1/jobs"))["data"] == []


async def test_staff_see_all_jobs(client: AsyncClient, staffs: AsyncClient) -> None:
    job_id = (await make(client)).json()["id"]
    assert [job["id"] for job in (await get(staffs, "/v1/jobs"))["data"]] == [job_id]


async def test_what_staff_do_to_jobs_of_others_leaves_a_trace(
    client: AsyncClient, staffs: AsyncClient
) -> None:
    job_id = (await make(client)).json()["id"]
    await staffs.post(f"/v1/jobs/{job_id}/cancel")
    again = (await staffs.post(f"/v1/jobs/{job_id}/retry")).json()["id"]
    await staffs.delete(f"/v1/jobs/{job_id}")
    did = {
        (entry.detail.get("asked"), entry.detail.get("repeats"), entry.target_id)
        async for entry in AuditEntry.objects.filter(action="job_changed", actor_name="carol")
    }
    assert did == {("cancel", None, job_id), (None, job_id, again), ("delete", None, job_id)}


async def test_what_one_does_to_own_jobs_is_no_business_of_the_audit_log(
    client: AsyncClient,
) -> None:
    job_id = (await make(client)).json()["id"]
    await client.post(f"/v1/jobs/{job_id}/cancel")
    await client.post(f"/v1/jobs/{job_id}/retry")
    await client.delete(f"/v1/jobs/{job_id}")
    assert not await AuditEntry.objects.filter(action="job_changed").aexists()


async def test_staff_get_no_link_to_a_picture_that_its_owner_keeps_private(
    client: AsyncClient, staffs: AsyncClient, worker: Any
) -> None:
    job_id = (await make(client)).json()["id"]
    await worker()
    for one in (
        await get(staffs, f"/v1/jobs/{job_id}"),
        (await get(staffs, "/v1/jobs"))["data"][0],
    ):
        [image] = one["images"]
        assert image["url"] == f"http://testserver/v1/images/{image['id']}/file"


@pytest.mark.parametrize("job_id", ["x", "1", "../../etc", "0" * 32 + "zzzz", "-" * 36])
async def test_what_is_no_id_is_not_found(client: AsyncClient, job_id: str) -> None:
    assert (await client.get(f"/v1/jobs/{job_id}")).status_code == 404


async def test_a_queued_job_is_cancelled_at_once(client: AsyncClient) -> None:
    job_id = (await make(client)).json()["id"]
    job = (await client.post(f"/v1/jobs/{job_id}/cancel")).json()
    assert (job["status"], job["error"]["code"]) == ("cancelled", "job_cancelled")
    assert (await client.post(f"/v1/jobs/{job_id}/cancel/")).json()["status"] == "cancelled"


async def test_a_cancelled_job_is_retried_with_the_same_order(
    client: AsyncClient, worker: Any
) -> None:
    first = (await make(client)).json()["id"]
    await client.post(f"/v1/jobs/{first}/cancel")
    response = await client.post(f"/v1/jobs/{first}/retry")
    await worker()
    again = await get(client, f"/v1/jobs/{response.json()['id']}")
    assert (response.status_code, again["status"]) == (202, "succeeded")
    assert again["id"] != first
    assert again["effective"] == (await get(client, f"/v1/jobs/{first}"))["effective"]


async def test_only_what_went_wrong_is_retried(client: AsyncClient) -> None:
    job_id = (await make(client)).json()["id"]
    response = await client.post(f"/v1/jobs/{job_id}/retry")
    assert response.status_code == 400
    assert await Job.objects.acount() == 1


async def test_a_retry_needs_the_model_still(client: AsyncClient, model: CatalogModel) -> None:
    job_id = (await make(client)).json()["id"]
    await client.post(f"/v1/jobs/{job_id}/cancel")
    await CatalogModel.objects.all().adelete()
    response = await client.post(f"/v1/jobs/{job_id}/retry")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_deleted_job_leaves_its_pictures(client: AsyncClient, worker: Any) -> None:
    job_id = (await make(client)).json()["id"]
    await worker()
    assert (await client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    assert (await client.get(f"/v1/jobs/{job_id}")).status_code == 404
    assert await Image.objects.acount() == 1


async def test_an_open_job_is_not_deleted(client: AsyncClient) -> None:
    job_id = (await make(client)).json()["id"]
    response = await client.delete(f"/v1/jobs/{job_id}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "job_open")


async def test_a_running_job_shows_its_preview(client: AsyncClient) -> None:
    job_id = (await make(client)).json()["id"]
    assert (await client.get(f"/v1/jobs/{job_id}/preview")).status_code == 404
    await sync_to_async(jobs.claim)("w")
    await JobPreview.objects.acreate(job_id=job_id, step=1, revision=2, data=b"RIFFwebp")
    job = await get(client, f"/v1/jobs/{job_id}")
    shown = await client.get(job["preview_url"].removeprefix("http://testserver"))
    assert (shown["Content-Type"], shown.content) == ("image/webp", b"RIFFwebp")


async def test_an_idempotency_key_gives_the_same_job(client: AsyncClient) -> None:
    first, again = [(await make(client, headers={"Idempotency-Key": "k"})).json() for _ in "12"]
    other = await make(client, headers={"Idempotency-Key": "k"}, priority=1)
    assert first["id"] == again["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_mismatch")


async def test_a_strict_job_is_refused_rather_than_adjusted(client: AsyncClient) -> None:
    response = await make(client, size="100x64", strict=True)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "size")
    assert not await Job.objects.aexists()


async def test_an_estimate_tells_what_is_left(client: AsyncClient) -> None:
    await Quota.objects.acreate(role="user", images_per_day=5)
    await make(client, n=2)
    left = (await make(client, "/v1/estimate")).json()["quota_left"]
    assert {name: left["images_per_day"][name] for name in ("limit", "used", "left")} == {
        "limit": 5, "used": 2, "left": 3,
    }  # fmt: skip
    assert left["images_per_day"]["resets_at"].endswith("T00:00:00Z")
    assert left["queued_jobs"]["left"] is None


async def test_a_quota_that_is_used_up_is_final(client: AsyncClient) -> None:
    await Quota.objects.acreate(role="user", images_per_day=3)
    await make(client, n=2)
    refused = await make(client, n=2)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    assert (error["quota"]["name"], error["quota"]["left"]) == ("images_per_day", 1)
    assert error["quota"]["resets_at"] in refused.text
    assert await Job.objects.acount() == 1


async def test_a_limit_of_nothing_is_a_403(client: AsyncClient) -> None:
    await Quota.objects.acreate(role="user", images_per_day=0)
    assert (await make(client)).status_code == 403


async def test_an_estimate_makes_no_job(client: AsyncClient, worker: Any) -> None:
    await make(client)
    await worker()
    await make(client)
    reply = await make(client, "/v1/estimate", n=2)
    assert reply.json()["megapixel_steps"] == pytest.approx(2 * 3 * 64 * 64 / 1e6, abs=1e-3)
    assert reply.json()["queue_ahead"] == 1
    assert reply.json()["eta_seconds"] >= 0
    assert await Job.objects.acount() == 2

"""POST /v1/images/generations, its jobs really run by the worker's own function."""

import asyncio
import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from PIL import Image as Pillow

from accounts import keys
from accounts.models import User
from gallery import sharing
from gallery.models import Image
from generation import jobs
from generation.models import Job
from modelhub.models import CatalogModel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
PATH = "/v1/images/generations"
ODD: dict[str, Any] = {"zwölf, 12\n": 1}
ASK: dict[str, Any] = {"prompt": "a lake", "size": "64x64", "steps": 3, "seed": 7}


def opened(b64: str) -> Pillow.Image:
    return Pillow.open(BytesIO(base64.b64decode(b64)))


def post(client: AsyncClient, path: str = PATH, headers: Any = None, **more: Any) -> Any:
    return client.post(path, {**ASK, **more}, content_type="application/json", headers=headers)


async def events(response: Any) -> list[tuple[str, Any]]:
    text = b"".join([part async for part in response.streaming_content]).decode()
    blocks = [block.split("\n") for block in text.strip().split("\n\n") if block[0] != ":"]
    return [(name.removeprefix("event: "), json.loads(data[6:])) for name, data in blocks]


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_a_prompt_becomes_a_picture(client: AsyncClient, served: Any, path: str) -> None:
    response = await served(post(client, path))
    [item] = response.json()["data"]
    assert response.status_code == 200
    assert list(item) == ["b64_json"]
    assert opened(item["b64_json"]).size == (64, 64)
    assert (await Job.objects.aget()).pk.hex == response["X-Job-Id"].replace("-", "")


async def test_image_i_has_seed_plus_i(client: AsyncClient, served: Any) -> None:
    reply = (await served(post(client, n=3, seed=2**32 - 2))).json()
    assert reply["seeds"] == [2**32 - 2, 2**32 - 1, 0]
    assert len({item["b64_json"] for item in reply["data"]}) == 3


async def test_the_same_request_makes_the_same_pixels(client: AsyncClient, served: Any) -> None:
    first, second = [(await served(post(client))).json()["data"][0]["b64_json"] for _ in range(2)]
    assert opened(first).tobytes() == opened(second).tobytes()


@pytest.mark.parametrize("fmt", ["png", "jpeg", "webp"])
async def test_the_picture_comes_in_the_format_asked_for(
    client: AsyncClient, served: Any, fmt: str
) -> None:
    reply = (await served(post(client, output_format=fmt))).json()
    assert opened(reply["data"][0]["b64_json"]).format == fmt.upper()
    assert reply["output_format"] == fmt


async def test_compression_makes_a_smaller_file(client: AsyncClient, served: Any) -> None:
    sizes = []
    for compression in (10, 95):
        call = post(client, output_format="jpeg", output_compression=compression)
        sizes.append(len((await served(call)).json()["data"][0]["b64_json"]))
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(("fmt", "extension"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
async def test_a_link_is_absolute_signed_and_opens_the_picture(
    client: AsyncClient, served: Any, fmt: str, extension: str
) -> None:
    reply = (await served(post(client, response_format="url", output_format=fmt))).json()
    [item] = reply["data"]
    address, _, suffix = item["url"].rpartition(".")
    token = address.removeprefix("http://testserver/images/")
    image = await Image.objects.aget()
    assert (list(item), suffix) == (["url"], extension)
    assert await sync_to_async(sharing.open_link)(token) == image


async def test_links_follow_the_public_address(
    client: AsyncClient, served: Any, settings: Any
) -> None:
    settings.ALICE_PUBLIC_URL = "https://alice.example"
    reply = (await served(post(client, response_format="url"))).json()
    assert reply["data"][0]["url"].startswith("https://alice.example/images/")


async def test_ignored_and_adjusted_parameters_are_reported(
    client: AsyncClient, served: Any
) -> None:
    response = await served(post(client, size="100x64", style="vivid", **ODD))
    assert response["X-Ignored-Params"] == "style, zw%C3%B6lf%2C 12%0A"
    assert response["X-Adjusted-Params"] == "width"
    assert response.json()["size"] == "96x64"
    assert response.json()["adjustments"][0]["from"] == 100


@pytest.mark.parametrize(
    "name", ["dall-e-3", "gpt-image-1", "chatgpt-image-latest", "", None, "demo"]
)
async def test_names_that_mean_the_default_model(
    client: AsyncClient, served: Any, name: str | None
) -> None:
    assert (await served(post(client, model=name))).json()["model"] == "sd/demo"


async def test_foreign_names_mean_nothing_when_the_setting_is_off(
    client: AsyncClient, settings: Any
) -> None:
    settings.ALICE_OPENAI_MODEL_NAMES = False
    response = await post(client, model="dall-e-3")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


async def test_without_any_model_the_server_is_not_ready(
    client: AsyncClient, model: CatalogModel
) -> None:
    await CatalogModel.objects.all().adelete()
    response = await post(client)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
    assert 1 <= int(response["Retry-After"]) <= 60


async def test_a_stream_ends_with_one_completed_event_an_image(
    client: AsyncClient, served: Any
) -> None:
    response = await post(client, stream=True, n=2)
    told = await served(events(response))
    assert response["Content-Type"] == "text/event-stream"
    assert [name for name, _ in told] == ["image_generation.completed"] * 2
    assert [data["seed"] for _, data in told] == [7, 8]
    assert all(data["type"] == name for name, data in told)


@pytest.mark.parametrize("fmt", ["jpeg", "webp"])
async def test_a_stream_shows_the_picture_growing(
    client: AsyncClient, served: Any, fmt: str
) -> None:
    slow: dict[str, Any] = {"prompt": "a lake [mock:slow=0.2]", "steps": 8}
    response = await post(client, stream=True, partial_images=2, output_format=fmt, **slow)
    told = await served(events(response))
    partial = [data for name, data in told if name == "image_generation.partial_image"]
    assert [data["partial_image_index"] for data in partial] == list(range(len(partial)))
    assert 1 <= len(partial) <= 2
    assert opened(partial[0]["b64_json"]).format == fmt.upper()


async def test_a_failure_after_the_200_is_an_error_event(client: AsyncClient, served: Any) -> None:
    response = await post(client, stream=True, prompt="x [mock:oom]")
    [(name, data)] = await served(events(response))
    assert (response.status_code, name, data["type"]) == (200, "error", "error")
    assert data["error"]["code"] == "insufficient_memory"


async def test_a_failed_job_is_a_500_that_is_not_retried(client: AsyncClient, served: Any) -> None:
    response = await served(post(client, prompt="x [mock:nan]"))
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "numerical_error"
    assert response["x-should-retry"] == "false"
    assert (await Job.objects.aget(pk=response["X-Job-Id"])).status == "failed"


async def meanwhile(call: Any, act: Callable[[Job], object]) -> Any:
    """The reply to a blocking call whose job something happens to."""
    waiting = asyncio.ensure_future(call)
    while (job := await Job.objects.afirst()) is None:
        await asyncio.sleep(0.01)
    await sync_to_async(act)(job)
    return await waiting


async def test_a_cancelled_job_is_said_to_be_cancelled(client: AsyncClient) -> None:
    response = await meanwhile(post(client), lambda job: jobs.cancel(job.pk))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "job_cancelled")


async def test_what_the_back_end_cannot_do_is_a_fault_of_the_request(client: AsyncClient) -> None:
    def refuse(_: Job) -> None:
        claim = jobs.claim("w")
        assert claim is not None
        jobs.fail(claim, "not_supported", "This model takes no such scheduler.")

    error = (await meanwhile(post(client), refuse)).json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_value")
    assert error["message"] == "This model takes no such scheduler."


async def test_a_long_wait_ends_with_the_jobs_id(client: AsyncClient, settings: Any) -> None:
    settings.ALICE_WAIT_SECONDS = 0.2
    response = await post(client)
    job = await Job.objects.aget()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "wait_timeout")
    assert response.json()["job_id"] == str(job.pk) == response["X-Job-Id"]
    assert (response["Retry-After"], job.status) == ("5", "queued")


async def test_an_sdks_retry_joins_the_job_it_lost(
    client: AsyncClient, served: Any, settings: Any
) -> None:
    settings.ALICE_WAIT_SECONDS = 0.2
    lost = await post(client, seed=None, headers={"x-stainless-retry-count": "0"})
    settings.ALICE_WAIT_SECONDS = 30
    found = await served(post(client, seed=None, headers={"x-stainless-retry-count": "1"}))
    assert found.status_code == 200
    assert found["X-Job-Id"] == lost["X-Job-Id"]


async def test_an_idempotency_key_answers_twice_with_one_job(
    client: AsyncClient, served: Any
) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await served(post(client, seed=None, headers=key))
    again = await served(post(client, seed=None, headers=key))
    assert first.json() == again.json()
    assert await Job.objects.acount() == 1


async def test_a_repeated_request_needs_no_model_any_more(
    client: AsyncClient, served: Any, model: CatalogModel
) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await served(post(client, headers=key))
    await CatalogModel.objects.all().adelete()
    again = await served(post(client, headers=key))
    assert (again.status_code, again["X-Job-Id"]) == (200, first["X-Job-Id"])


async def test_an_idempotency_key_is_bound_to_its_body(client: AsyncClient, served: Any) -> None:
    key = {"Idempotency-Key": "k-1"}
    await served(post(client, headers=key))
    other = await post(client, headers=key, seed=8)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_mismatch")


async def test_a_full_queue_is_a_503_with_retry_after(client: AsyncClient, settings: Any) -> None:
    settings.ALICE_QUEUE_LIMIT, settings.ALICE_WAIT_SECONDS = 1, 0.1
    await post(client)
    response = await post(client)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "queue_full")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert await Job.objects.acount() == 1


async def test_deleted_pictures_are_missed_by_name(client: AsyncClient, served: Any) -> None:
    key = {"Idempotency-Key": "k-1"}
    await served(post(client, headers=key))
    await Image.objects.all().adelete()
    assert (await served(post(client, headers=key))).status_code == 404


async def test_without_a_key_there_is_no_picture(alice: User) -> None:
    response = await post(AsyncClient())
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert not await Job.objects.aexists()


async def test_a_reader_may_not_draw(alice: User) -> None:
    _, secret = await sync_to_async(keys.mint)(alice, "reader", ["read"])
    response = await post(AsyncClient(), headers={"X-Api-Key": secret})
    assert response.status_code == 403


async def test_a_session_needs_the_csrf_token(alice: User) -> None:
    browser = AsyncClient(enforce_csrf_checks=True)
    await browser.aforce_login(alice)
    response = await post(browser)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "csrf_failed")


async def test_get_is_not_allowed(client: AsyncClient) -> None:
    response = await client.get(PATH)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert response.json()["error"]["type"] == "invalid_request_error"

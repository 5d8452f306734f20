"""POST /v1/chat/completions, its jobs really run by the worker's own function."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from gallery import sharing
from gallery.models import Image
from generation.models import Job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
PATH = "/v1/chat/completions"
SAM: dict[str, Any] = {
    "model": "sd/demo",
    "messages": [{"role": "user", "content": "a lake"}],
    "metadata": {
        "steps": 3,
        "guidance_scale": 7.0999999,
        "scheduler": "ddim",
        "width": 64,
        "height": 64,
        "seed": 5,
    },
}


def post(client: AsyncClient, path: str = PATH, **more: Any) -> Any:
    return client.post(path, {**SAM, **more}, content_type="application/json")


async def chunks(response: Any) -> list[Any]:
    text = b"".join([part async for part in response.streaming_content]).decode()
    return [
        line[6:] if line == "data: [DONE]" else json.loads(line[6:])
        for line in text.splitlines()
        if line.startswith("data: ")
    ]


@pytest.mark.parametrize("path", [PATH, PATH + "/", "/chat/completions", "/chat/completions/"])
async def test_sam_gets_its_picture(client: AsyncClient, served: Any, path: str) -> None:
    reply = (await served(post(client, path))).json()
    message = reply["choices"][0]["message"]
    [url] = message["image_urls"]
    assert isinstance(message["content"], str)
    assert message["metadata"]["steps"] == 3
    assert message["metadata"]["guidance_scale"] == pytest.approx(7.1)
    assert message["metadata"]["seed"] == 5
    assert reply["usage"]["promptTokens"] == reply["usage"]["prompt_tokens"] == 0
    assert url.startswith("http://testserver/images/")
    assert url.endswith(".png")


async def test_the_link_opens_the_picture_without_credentials(
    client: AsyncClient, served: Any
) -> None:
    reply = (await served(post(client))).json()
    url = reply["choices"][0]["message"]["image_urls"][0]
    token = url.removeprefix("http://testserver/images/").removesuffix(".png")
    assert await sync_to_async(sharing.open_link)(token) == await Image.objects.aget()


async def test_several_images_are_one_answer(client: AsyncClient, served: Any) -> None:
    reply = (await served(post(client, num_images=2))).json()
    [choice] = reply["choices"]
    assert len(set(choice["message"]["image_urls"])) == 2
    assert choice["message"]["metadata"]["seeds"] == [5, 6]


async def test_a_stream_is_chunks_and_done(client: AsyncClient, served: Any) -> None:
    response = await post(client, stream=True, stream_options={"include_usage": True})
    *told, done = await served(chunks(response))
    deltas = [choice["delta"] for chunk in told for choice in chunk["choices"]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[1]["images"][0]["image_url"]["url"] == deltas[1]["image_urls"][0]
    assert told[-2]["choices"][0]["finish_reason"] == "stop"
    assert told[-1]["usage"]["totalTokens"] == 0
    assert done == "[DONE]"


async def test_a_failure_after_the_200_is_an_error_event(client: AsyncClient, served: Any) -> None:
    messages = [{"role": "user", "content": "x [mock:unload]"}]
    told = await served(chunks(await post(client, stream=True, messages=messages)))
    assert told[-1]["error"]["code"] == "model_unloadable"


async def test_a_text_model_is_honestly_missing(client: AsyncClient) -> None:
    response = await post(client, model="gpt-4o-mini")
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (
        404, "model_not_found", "model",
    )  # fmt: skip
    assert not await Job.objects.aexists()


async def test_tags_in_metadata_are_reported_as_ignored(client: AsyncClient, served: Any) -> None:
    tags = {**SAM["metadata"], "topic": "lakes", "n": "many"}
    response = await served(post(client, metadata=tags, temperature=1))
    assert response["X-Ignored-Params"] == "temperature, metadata.topic, metadata.n"

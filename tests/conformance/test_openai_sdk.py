"""The official `openai` package against a live server: what it sends is taken, it reads our replies."""

import base64
import shutil
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent
from PIL import Image as Pillow

from tests.conformance.conftest import Stand

DRAW: dict[str, Any] = {"prompt": "a lake", "size": "64x64", "extra_body": {"steps": 4}}

LIMIT = """
from accounts.models import Quota, User
User.objects.filter(username="frugal").delete()
Quota.objects.create(user=User.objects.create_user("frugal"), images_per_day=1)
"""


def opened(b64: str | None) -> Pillow.Image:
    return Pillow.open(BytesIO(base64.b64decode(b64 or "")))


def test_a_prompt_alone_becomes_a_picture(client: OpenAI) -> None:
    reply = client.images.generate(prompt="a lake")
    assert reply.data is not None
    assert opened(reply.data[0].b64_json).size == (64, 64)
    assert reply.data[0].url is None
    assert reply.usage is not None


def test_every_parameter_of_the_sdk_is_taken(client: OpenAI) -> None:
    reply = client.images.generate(
        prompt="a lake", model="gpt-image-1", n=2, size="1024x1024", quality="high",
        output_format="webp", output_compression=50, background="auto", moderation="low",
        style="vivid", user="u", partial_images=0, response_format="b64_json",
        extra_body={"steps": 2, "negative_prompt": "people", "seed": 7, "unheard_of": True},
    )  # fmt: skip
    assert reply.data is not None
    assert [opened(item.b64_json).format for item in reply.data] == ["WEBP", "WEBP"]
    assert (reply.output_format, reply.quality, reply.size) == ("webp", "high", "1024x1024")
    assert reply.background == "opaque"


def test_null_means_default(client: OpenAI) -> None:
    reply = client.images.generate(
        prompt="a lake", model=None, n=None, quality=None, response_format=None, size=None,
        background=None, output_format=None, output_compression=None, stream=None,
    )  # fmt: skip
    assert reply.data is not None
    assert len(reply.data) == 1


def test_a_link_is_fetched_without_credentials(client: OpenAI) -> None:
    reply = client.images.generate(**DRAW, response_format="url")
    assert reply.data is not None
    url = reply.data[0].url or ""
    fetched = httpx2.get(url)
    assert reply.data[0].b64_json is None
    assert fetched.headers["content-type"] == "image/png"
    assert Pillow.open(BytesIO(fetched.content)).size == (64, 64)


def test_a_stream_ends_with_the_picture(client: OpenAI) -> None:
    *partial, last = client.images.generate(**DRAW, stream=True, output_format="jpeg")
    assert partial == []
    assert isinstance(last, ImageGenCompletedEvent)
    assert opened(last.b64_json).format == "JPEG"
    assert last.usage.total_tokens == 0


def test_a_stream_shows_the_picture_grow(client: OpenAI) -> None:
    ask = DRAW | {"extra_body": {"steps": 40}}
    *partial, last = client.images.generate(**ask, stream=True, partial_images=2)
    shown = [event for event in partial if isinstance(event, ImageGenPartialImageEvent)]
    assert [event.partial_image_index for event in shown] == [0, 1]
    assert opened(shown[0].b64_json).format == "PNG"
    assert isinstance(last, ImageGenCompletedEvent)


CALLS: dict[str, Callable[[OpenAI], object]] = {
    "images": lambda client: client.images.generate(**DRAW),
    "stream": lambda client: client.images.generate(**DRAW, stream=True),
    "chat": lambda client: client.chat.completions.create(
        model="sd/tiny", messages=[{"role": "user", "content": "a lake"}]
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_quota_that_is_used_up_is_raised_once(stand: Stand, call: str) -> None:
    stand.live.manage("shell", "-v0", "-c", LIMIT)
    client = stand.client(
        key=stand.live.manage("create_api_key", "frugal", "--name=sdk", "--quiet"), retries=5
    )
    CALLS["images"](client)
    asked: list[str] = []
    client._client.event_hooks["request"] = [lambda request: asked.append(request.method)]
    with pytest.raises(openai.RateLimitError) as refusal:
        CALLS[call](client)
    assert (asked, refusal.value.code) == (["POST"], "insufficient_quota")
    assert "0 of your 1 are left today" in refusal.value.message


def test_a_failure_in_a_stream_is_raised(client: OpenAI) -> None:
    stream = client.images.generate(prompt="x [mock:oom]", stream=True)
    with pytest.raises(openai.APIError, match="memory") as caught:
        list(stream)
    assert caught.value.code == "insufficient_memory"


def test_a_failed_job_is_not_asked_for_again(stand: Any) -> None:
    began = time.monotonic()
    with stand.client(retries=2) as client, pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt="x [mock:nan]", size="64x64")
    assert caught.value.code == "numerical_error"
    assert time.monotonic() - began < 30
    assert len([job for job in jobs(stand) if "[mock:nan]" in job["requested"]["prompt"]]) == 1


def jobs(stand: Any) -> list[Any]:
    listed = httpx2.get(f"{stand.live.url}/v1/jobs?limit=200", headers={"X-Api-Key": stand.key})
    found: list[Any] = listed.json()["data"]
    return found


@pytest.mark.parametrize(
    ("ask", "param", "code"),
    [
        ({"prompt": ""}, "prompt", "missing_required_parameter"),
        ({"prompt": "x", "n": 11}, "n", "invalid_value"),
        ({"prompt": "x", "size": "1x1"}, "size", "invalid_value"),
        ({"prompt": "x", "background": "transparent"}, "background", "unsupported_value"),
        ({"prompt": "x", "stream": True, "partial_images": 9}, "partial_images", "invalid_value"),
    ],
)
def test_a_bad_request_is_raised_by_name(
    client: OpenAI, ask: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**ask)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.images.generate(prompt="x", model="sd/none")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_wrong_key_is_refused(stand: Any) -> None:
    with stand.client(key="sk-alice-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.images.generate(prompt="x")


def test_models_are_listed_and_found(client: OpenAI) -> None:
    [model] = client.models.list().data
    assert (model.id, model.object) == ("sd/tiny", "model")
    assert client.models.retrieve("sd/tiny") == model
    assert client.models.retrieve("tiny").id == "sd/tiny"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_a_model_is_deleted_by_staff_alone(stand: Stand, models: Path) -> None:
    shutil.copytree(models / "tiny", models / "spare")
    stand.live.manage("scan_models")
    with pytest.raises(openai.PermissionDeniedError):
        stand.client().models.delete("sd/spare")
    keeper = stand.live.manage(
        "create_api_key", "alice", "--name=keeper", "--scopes=generate,models", "--quiet"
    )
    client = stand.client(key=keeper, strict=True)
    gone = client.models.delete("sd/spare")
    assert (gone.id, gone.object, gone.deleted) == ("sd/spare", "model", True)
    assert [model.id for model in client.models.list().data] == ["sd/tiny"]
    assert not (models / "spare").exists()


def test_chat_answers_with_a_picture(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model="sd/tiny",
        messages=[{"role": "user", "content": "a lake"}],
        extra_body={"sam_config": {"steps": 3, "seed": 5, "width": 64, "height": 64}},
    )
    [choice] = reply.choices
    extra: Any = choice.message.model_extra
    assert choice.finish_reason == "stop"
    assert "Image generated successfully." in (choice.message.content or "")
    assert extra["metadata"]["seed"] == 5
    assert httpx2.get(extra["image_urls"][0]).status_code == 200
    assert reply.usage is not None


def test_chat_streams_its_answer(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="sd/tiny",
            messages=[{"role": "user", "content": "a lake"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "![image](http://" in text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_chat_without_a_text_model_says_so(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
        )
    assert caught.value.code == "model_not_found"


def test_a_client_that_hangs_up_cancels_its_job(stand: Any) -> None:
    ask = {"prompt": "left alone [mock:slow=1]", "size": "64x64", "steps": 100}
    headers = {"Authorization": f"Bearer {stand.key}"}
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{stand.live.url}/v1/images/generations", json=ask, headers=headers, timeout=1)
    deadline = time.monotonic() + 30
    while (job := jobs(stand)[0])["status"] != "cancelled":
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job["requested"]["prompt"].startswith("left alone")


def test_the_sdks_own_retry_joins_the_job_it_lost(stand: Any) -> None:
    ask = DRAW | {"prompt": "asked for twice [mock:slow=0.3]", "extra_body": {"steps": 10}}
    with stand.client(retries=8) as client:
        reply = client.with_options(timeout=2).images.generate(**ask)
    assert reply.data is not None
    made = [job for job in jobs(stand) if job["requested"]["prompt"].startswith("asked for twice")]
    assert [(job["status"], job["attempts"]) for job in made] == [("succeeded", 1)]


def test_many_wait_at_once(stand: Any) -> None:
    replies: list[Any] = []

    def ask(index: int) -> None:
        with stand.client() as client:
            replies.append(client.images.generate(prompt=f"lake {index}", size="64x64",
                                                  extra_body={"steps": 1}))  # fmt: skip

    threads = [threading.Thread(target=ask, args=[index]) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 12
    assert len({reply.data[0].b64_json for reply in replies}) == 12


def test_a_real_pipeline_draws_for_the_sdk(drawing_stand: Any) -> None:
    with drawing_stand.client(strict=True) as client:
        first, again, other = (
            client.images.generate(prompt=prompt, size="64x64",
                                   extra_body={"steps": 3, "seed": 1, "scheduler": "euler_a"})
            for prompt in ("a lake", "a lake", "a desert")
        )  # fmt: skip
    pixels = [opened(reply.data[0].b64_json).tobytes() for reply in (first, again, other)]
    assert pixels[0] == pixels[1] != pixels[2]

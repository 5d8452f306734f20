"""Bad input, as data: each row is refused by name, in one shape, and leaves nothing behind."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import AsyncClient

from gallery.models import Image
from generation.models import Job, Submission

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
IMAGES, CHAT, JOBS, ESTIMATE = (
    "/v1/images/generations",
    "/v1/chat/completions",
    "/v1/jobs",
    "/v1/estimate",
)
MISSING, INVALID, UNSUPPORTED = (
    "missing_required_parameter",
    "invalid_value",
    "unsupported_value",
)
USER = {"role": "user", "content": "a lake"}


@dataclass(frozen=True)
class Row:
    """`body` is JSON or raw bytes; what is not said is what most rows share."""

    path: str
    body: Any
    param: str | None
    code: str = INVALID
    status: int = 400
    kind: str = "application/json"

    def __str__(self) -> str:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return f"{self.path} {body[:60].decode(errors='replace')}"


def picture_rows(path: str, **needed: Any) -> list[Row]:
    """What every dialect with picture parameters refuses alike."""
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"n": 0}, "n", INVALID),
        ({"n": 11}, "n", INVALID),
        ({"n": -1}, "n", INVALID),
        ({"n": 1.5}, "n", INVALID),
        ({"n": True}, "n", INVALID),
        ({"n": "two"}, "n", INVALID),
        ({"n": [1]}, "n", INVALID),
        ({"num_images": 11}, "num_images", INVALID),
        ({"size": "63x64"}, "size", INVALID),
        ({"size": "64x2049"}, "size", INVALID),
        ({"size": "0x0"}, "size", INVALID),
        ({"size": "99999x99999"}, "size", INVALID),
        ({"size": "big"}, "size", INVALID),
        ({"size": 512}, "size", INVALID),
        ({"size": {"width": 512}}, "size", INVALID),
        ({"size": "64x64", "width": 128}, "width", INVALID),
        ({"width": 63}, "width", INVALID),
        ({"width": "wide"}, "width", INVALID),
        ({"height": 4096}, "height", INVALID),
        ({"quality": "best"}, "quality", INVALID),
        ({"quality": 1}, "quality", INVALID),
        ({"steps": 0}, "steps", INVALID),
        ({"num_inference_steps": 151}, "num_inference_steps", INVALID),
        ({"step": None, "steps": 5, "num_steps": 6}, "num_steps", INVALID),
        ({"guidance_scale": -0.1}, "guidance_scale", INVALID),
        ({"cfg_scale": 30.1}, "cfg_scale", INVALID),
        ({"cfg": "NaN"}, "cfg", INVALID),
        ({"guidance_scale": "Infinity"}, "guidance_scale", INVALID),
        ({"guidance_scale": [7]}, "guidance_scale", INVALID),
        ({"seed": -2}, "seed", INVALID),
        ({"seed": 2**32}, "seed", INVALID),
        ({"seed": 10**30}, "seed", INVALID),
        ({"seed": "lucky"}, "seed", INVALID),
        ({"scheduler": "magic"}, "scheduler", INVALID),
        ({"sampler_name": "x" * 65}, "sampler_name", INVALID),
        ({"scheduler": 3}, "scheduler", INVALID),
        ({"negative_prompt": 3}, "negative_prompt", INVALID),
        ({"negative_prompt": "x" * 32001}, "negative_prompt", INVALID),
        ({"negative_prompt": "<lora:x:1>"}, "negative_prompt", UNSUPPORTED),
        ({"clip_skip": 13}, "clip_skip", INVALID),
        ({"model": 5}, "model", INVALID),
        ({"model": "x" * 256}, "model", INVALID),
        ({"model": "a\x00b"}, "model", INVALID),
        ({"image": "data:image/png;base64,AAAA"}, "image", UNSUPPORTED),
        ({"input_images": ["x"]}, "input_images", UNSUPPORTED),
        ({"loras": [{"name": "x", "scale": 1}]}, "loras", UNSUPPORTED),
        ({"n": 10, "steps": 150, "size": "2048x2048"}, "steps", INVALID),
    ]
    rows = [Row(path, {**needed, **body}, param, code) for body, param, code in bad]
    rows.append(Row(path, {**needed, "model": "sd/none"}, "model", "model_not_found", 404))
    return rows


def prompt_rows(path: str) -> list[Row]:
    return [
        Row(path, {}, "prompt", MISSING),
        Row(path, {"prompt": None}, "prompt", MISSING),
        Row(path, {"prompt": ""}, "prompt", MISSING),
        Row(path, {"prompt": " \n\t"}, "prompt", MISSING),
        Row(path, {"prompt": 5}, "prompt"),
        Row(path, {"prompt": ["a lake"]}, "prompt"),
        Row(path, {"prompt": "x" * 32001}, "prompt"),
        Row(path, {"prompt": "a\x00b"}, "prompt"),
        Row(path, b'{"prompt": "\\ud800"}', "prompt"),
        Row(path, {"prompt": "a lake <lora:style:0.8>"}, "prompt", UNSUPPORTED),
    ]


def body_rows(path: str) -> list[Row]:
    bad = [b"{", b"[]", b"3", b'{"n": NaN}', b'{"n": 1e999}', b"\xff", b'{"n": 1, "n": 2}']
    rows = [Row(path, raw, None, "invalid_json") for raw in bad]
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
    return rows + [
        Row(path, b'{"prompt": "x"}', None, "unsupported_media_type", 415, kind) for kind in kinds
    ]


def prompted(path: str, bad: list[tuple[dict[str, Any], str]]) -> list[Row]:
    """The first key of each body is the bad one."""
    return [Row(path, {"prompt": "x", **body}, next(iter(body)), code) for body, code in bad]


IMAGE_ROWS = prompted(
    IMAGES,
    [
        ({"response_format": "png"}, INVALID),
        ({"response_format": 1}, INVALID),
        ({"output_format": "gif"}, UNSUPPORTED),
        ({"output_format": "svg"}, UNSUPPORTED),
        ({"output_format": "png/../../x"}, INVALID),
        ({"output_format": "jpg"}, INVALID),
        ({"output_compression": -1}, INVALID),
        ({"output_compression": 101}, INVALID),
        ({"output_compression": "much"}, INVALID),
        ({"background": "transparent"}, UNSUPPORTED),
        ({"background": "blue"}, INVALID),
        ({"stream": "maybe"}, INVALID),
        ({"stream": {}}, INVALID),
        ({"partial_images": 4, "stream": True}, INVALID),
        ({"partial_images": -1}, INVALID),
        ({"size": "63x64", "stream": True}, INVALID),
    ],
)
CHAT_ROWS = [
    Row(CHAT, {}, "messages", MISSING),
    Row(CHAT, {"messages": None}, "messages", MISSING),
    Row(CHAT, {"messages": []}, "messages"),
    Row(CHAT, {"messages": "a lake"}, "messages"),
    Row(CHAT, {"messages": ["a lake"]}, "messages[0]"),
    Row(CHAT, {"messages": [{"role": "system", "content": "x"}]}, "messages", MISSING),
    Row(CHAT, {"messages": [{"role": "user", "content": ""}]}, "messages[0].content", MISSING),
    Row(CHAT, {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    Row(
        CHAT,
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "messages[0].content[0]",
        UNSUPPORTED,
    ),
    Row(CHAT, {"messages": [USER], "sam_config": 5}, "sam_config"),
    Row(CHAT, {"messages": [USER], "sam_config": {"steps": "x"}}, "sam_config.steps"),
    Row(CHAT, {"messages": [USER], "samConfig": {"steps": 151}}, "samConfig.steps"),
    Row(
        CHAT, {"messages": [USER], "sam_config": {"loras": ["x"]}}, "sam_config.loras", UNSUPPORTED
    ),
    Row(CHAT, {"messages": [USER], "metadata": "x"}, "metadata"),
    Row(CHAT, {"messages": [USER], "metadata": {"steps": 999}}, "metadata.steps"),
    Row(CHAT, {"messages": [USER], "metadata": {"steps": "999"}}, "metadata.steps"),
    Row(CHAT, {"messages": [USER], "metadata": {"width": True}}, "metadata.width"),
    Row(CHAT, {"messages": [USER], "metadata": {"seed": -5}}, "metadata.seed"),
    Row(CHAT, {"messages": [USER], "metadata": {"scheduler": "magic"}}, "metadata.scheduler"),
    Row(CHAT, {"messages": [USER], "stream": "maybe"}, "stream"),
    Row(CHAT, {"messages": [USER], "stream_options": 1}, "stream_options"),
    Row(CHAT, {"messages": [{"role": "user", "content": "x" * 32001}]}, "messages[0].content"),
    Row(CHAT, {"messages": [USER, USER], "model": "gpt-4o"}, "model", "model_not_found", 404),
]
JOB_ROWS = prompted(
    JOBS,
    [
        ({"kind": "img2img"}, UNSUPPORTED),
        ({"kind": "illustration"}, UNSUPPORTED),
        ({"kind": "sculpture"}, INVALID),
        ({"priority": 101}, INVALID),
        ({"priority": "high"}, INVALID),
        ({"webhook_url": "http://127.0.0.1/hook"}, UNSUPPORTED),
        ({"privacy": "public"}, UNSUPPORTED),
        ({"privacy": "secret"}, INVALID),
        ({"client_job_id": "x" * 129}, INVALID),
        ({"client_job_id": 5}, INVALID),
        ({"strict": "very"}, INVALID),
        ({"previews": []}, INVALID),
        ({"width": 100, "strict": True}, UNSUPPORTED),
    ],
)
ROWS = [
    *prompt_rows(IMAGES),
    *prompt_rows(JOBS),
    *body_rows(IMAGES),
    *body_rows(CHAT),
    *body_rows(JOBS),
    *picture_rows(IMAGES, prompt="x"),
    *picture_rows(CHAT, messages=[USER]),
    *picture_rows(JOBS, prompt="x"),
    *picture_rows(ESTIMATE, prompt="x"),
    *IMAGE_ROWS,
    *CHAT_ROWS,
    *JOB_ROWS,
]


async def check(client: AsyncClient, row: Row) -> str:
    """What is wrong with the refusal, or nothing."""
    body = row.body if isinstance(row.body, bytes) else json.dumps(row.body)
    response = await client.post(row.path, body, content_type=row.kind)
    told = response.json()
    error = told["error"]
    got = (response.status_code, error["code"], error["param"])
    whole = (
        error["type"] == "invalid_request_error"
        and error["message"] == told["detail"]
        and 0 < len(error["message"]) < 500
        and (row.param is None or row.param in error["message"] or row.status == 404)
        and response["X-Error-Message"].isascii()
        and response["x-request-id"]
    )
    return "" if whole and got == (row.status, row.code, row.param) else f"{row}: {got} {told}"


@pytest.mark.parametrize("path", [IMAGES, CHAT, JOBS, ESTIMATE])
async def test_bad_input_is_refused_by_name_and_leaves_nothing(
    client: AsyncClient, path: str
) -> None:
    rows = [row for row in ROWS if row.path == path]
    wrong = [complaint for row in rows if (complaint := await check(client, row))]
    assert wrong == []
    assert len(rows) >= 40
    for table in (Job, Submission, Image):
        assert not await table.objects.aexists()


@pytest.mark.parametrize("key", ["k" * 256, "k" * 5000])
async def test_an_endless_idempotency_key_is_refused(client: AsyncClient, key: str) -> None:
    ask = {"prompt": "x"}
    response = await client.post(
        JOBS, ask, content_type="application/json", headers={"Idempotency-Key": key}
    )
    assert (response.status_code, response.json()["error"]["param"]) == (400, "Idempotency-Key")

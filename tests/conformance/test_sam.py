"""SAM's calls as it makes them, its replies decoded as strictly as it decodes them."""

from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

MODEL_KEYS = {"id": str, "object": str, "created": int}
USAGE_KEYS = ("promptTokens", "completionTokens", "totalTokens")
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Sam:
    """The base address as a user enters it, and the key, which SAM sends as X-Api-Key."""

    base: str
    key: str

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.base}{path}", headers={"X-Api-Key": self.key}, timeout=30)

    def draw(self, model: str, **metadata: Any) -> httpx2.Response:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "a house by a lake"}],
            "metadata": {"steps": 4, "guidance_scale": 7.0999999046, "scheduler": "ddim",
                         "width": 64, "height": 64} | metadata,
        }  # fmt: skip
        url, headers = f"{self.base}/chat/completions", {"X-Api-Key": self.key}
        return httpx2.post(url, json=body, headers=headers, timeout=60)


@pytest.fixture(params=["/v1", ""], ids=["with v1", "without v1"])
def sam(stand: Any, request: pytest.FixtureRequest) -> Sam:
    return Sam(f"{stand.live.url}{request.param}", stand.key)


def test_health_is_asked_without_a_key(sam: Sam) -> None:
    reply = httpx2.get(f"{sam.base.replace('/v1', '')}/health", timeout=10)
    body = reply.json()
    assert (reply.status_code, type(body["status"]), type(body["version"])) == (200, str, str)
    assert type(body["gpuAvailable"]) is type(body["gpu_available"]) is bool
    assert type(body["modelsLoaded"]) is type(body["models_loaded"]) is int


def test_the_first_model_is_one_that_draws(sam: Sam) -> None:
    body = sam.get("/models").json()
    first = body["data"][0]
    assert {name: type(first[name]) for name in MODEL_KEYS} == MODEL_KEYS
    assert first["ownedBy"] == first["owned_by"]
    assert sam.draw(first["id"]).status_code == 200


def test_a_reply_decodes(sam: Sam) -> None:
    body = sam.draw("sd/tiny", seed=3, negative_prompt="people").json()
    message = body["choices"][0]["message"]
    assert (type(body["created"]), message["role"]) == (int, "assistant")
    assert isinstance(message["content"], str)
    assert [type(body["usage"][name]) for name in USAGE_KEYS] == [int, int, int]
    drawn = message["metadata"]
    assert (drawn["steps"], drawn["scheduler"], drawn["seed"]) == (4, "ddim", 3)
    assert (drawn["width"], drawn["height"], drawn["negative_prompt"]) == (64, 64, "people")


def test_the_picture_is_a_png_that_needs_no_header(sam: Sam) -> None:
    [url] = sam.draw("sd/tiny").json()["choices"][0]["message"]["image_urls"]
    picture = httpx2.get(url)
    assert url.startswith("http://")
    assert picture.status_code == 200
    assert picture.content.startswith(PNG)


def test_a_wrong_key_is_a_401(sam: Sam) -> None:
    wrong = Sam(sam.base, "wrong")
    assert wrong.get("/models").status_code == wrong.draw("sd/tiny").status_code == 401


def test_a_bad_value_is_a_400_with_readable_words(sam: Sam) -> None:
    reply = sam.draw("sd/tiny", steps=500)
    assert reply.status_code == 400
    assert "metadata.steps must be a whole number from 1 to 150" in reply.text

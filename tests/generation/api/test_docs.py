"""The documents of the dialects name every parameter, alias and path that the code has."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver

from generation.api.fields import ALIASES, UNSUPPORTED
from generation.api.native.schema import JobBody, JobsQuery
from generation.api.openai_chat.schema import ChatBody
from generation.api.openai_images.schema import ImagesBody
from generation.urls import urlpatterns

DOCS = Path(__file__).parents[3] / "docs" / "api"
IMAGES, CHAT, NATIVE, MODELS = (
    (DOCS / f"{name}.md").read_text()
    for name in ("openai-images", "openai-chat", "native", "models")
)


@pytest.mark.parametrize(
    ("text", "schema"),
    [(IMAGES, ImagesBody), (CHAT, ChatBody), (NATIVE, JobBody), (NATIVE, JobsQuery)],
)
def test_every_parameter_is_documented(text: str, schema: type) -> None:
    assert [name for name in schema().fields if f"`{name}`" not in text] == []


def test_every_alias_is_documented() -> None:
    assert [
        alias for all_ in ALIASES.values() for alias in all_ if f"`{alias}`" not in IMAGES
    ] == []


def test_what_is_not_supported_is_said() -> None:
    assert {"image", "mask", "loras"} <= UNSUPPORTED.keys()
    assert "not supported yet" in IMAGES


def paths(patterns: Sequence[URLPattern | URLResolver]) -> list[str]:
    found = []
    for entry in patterns:
        if isinstance(entry, URLResolver):
            found += paths(entry.url_patterns)
        else:
            found.append(documented(str(entry.pattern)))
    return found


def documented(regex: str) -> str:
    path = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", "{id}", regex.removeprefix("^"))
    return "/" + path.replace("(?:v1/)?", "v1/").removesuffix("$").removesuffix("/?")


@pytest.mark.parametrize("path", paths(urlpatterns))
def test_every_path_is_documented(path: str) -> None:
    assert f" {path}`" in IMAGES + CHAT + NATIVE + MODELS

"""What people write for a model."""

from typing import Any

import pytest

from accounts.problems import Invalid
from modelhub.downloads.references import recognised


@pytest.mark.parametrize(
    ("text", "source", "reference"),
    [
        ("org/name", "huggingface", {"repo": "org/name"}),
        ("org/name:dir/a.safetensors", "huggingface",
         {"repo": "org/name", "file": "dir/a.safetensors"}),
        ("org/name@v2", "huggingface", {"repo": "org/name", "revision": "v2"}),
        ("https://huggingface.co/org/name", "huggingface", {"repo": "org/name"}),
        ("https://huggingface.co/org/name/tree/dev", "huggingface",
         {"repo": "org/name", "revision": "dev"}),
        ("https://huggingface.co/org/name/resolve/main/a/b%20c.safetensors?download=true",
         "huggingface", {"repo": "org/name", "revision": "main", "file": "a/b c.safetensors"}),
        ("https://huggingface.co/org/name/blob/main/a.safetensors", "huggingface",
         {"repo": "org/name", "revision": "main", "file": "a.safetensors"}),
        ("https://civitai.com/models/123/some-name?modelVersionId=456", "civitai",
         {"modelId": "123", "versionId": "456"}),
        ("https://civitai.com/models/123", "civitai", {"modelId": "123"}),
        ("https://civitai.com/api/download/models/456?type=Model&fp=fp16", "civitai",
         {"versionId": "456", "type": "Model", "fp": "fp16"}),
        ("civitai:123", "civitai", {"modelId": "123"}),
        ("civitai:123@456", "civitai", {"modelId": "123", "versionId": "456"}),
        ("s3://bucket/key.safetensors", "s3", {"uri": "s3://bucket/key.safetensors"}),
        ("https://files.example/a.safetensors", "url",
         {"url": "https://files.example/a.safetensors"}),
    ],
)  # fmt: skip
def test_a_reference_is_read(text: str, source: str, reference: dict[str, Any]) -> None:
    asked = recognised(text)
    assert asked.source == source
    assert {k: v for k, v in asked.ref.items() if v is not None} == reference


@pytest.mark.parametrize(
    "text", ["", "name", "a b/c", "ftp://x/y", "civitai:x", "a/b/c", "-o/../x y", "https://[x"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        recognised(text)

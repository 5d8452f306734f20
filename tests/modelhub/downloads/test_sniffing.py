"""What is refused by its first bytes, before gigabytes of it came."""

import pytest

from modelhub.downloads import sniffing
from modelhub.sources.errors import NotAFile, NotUsable
from modelhub.weights import MAX_HEADER_BYTES


def head(length: int, rest: bytes = b'{"x": ') -> bytes:
    return length.to_bytes(8, "little") + rest


@pytest.mark.parametrize("length", [2, 300, MAX_HEADER_BYTES])
def test_what_begins_as_safetensors_may_come(length: int) -> None:
    sniffing.refuse(head(length), "lake.safetensors")


@pytest.mark.parametrize(
    "first", [head(1), head(MAX_HEADER_BYTES + 1), head(300, b"[1, 2]"), b"PK\x03\x04" + b"\0" * 60]
)
def test_weights_that_are_none_are_refused(first: bytes) -> None:
    with pytest.raises(NotUsable):
        sniffing.refuse(first, "lake.safetensors")
    sniffing.refuse(first, "tokenizer.json")


@pytest.mark.parametrize("page", [b"\n <!DOCTYPE html><p>", b"<HTML lang=en>"])
def test_a_page_is_refused_whatever_was_asked_for(page: bytes) -> None:
    with pytest.raises(NotAFile):
        sniffing.refuse(page, "config.json")

"""JSON is read as RFC 8259 has it, and nothing else is."""

import json

import pytest
from django.test import RequestFactory

from accounts import json_body
from accounts.problems import Invalid, WrongType

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def test_an_object_is_read() -> None:
    assert json_body.parse('{"prompt": "日没", "n": 2}'.encode()) == {"prompt": "日没", "n": 2}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[]", "object was expected"),
        (b'"prompt"', "object was expected"),
        (b"null", "object was expected"),
        (b'{"n": NaN}', "NaN is no JSON number"),
        (b'{"n": -Infinity}', "-Infinity is no JSON number"),
        (b'{"n": 1e999}', "too large"),
        (b'{"n": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"n": 1, "n": 2}', "'n' appears twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' appears twice"),
        (b'{"prompt": "\xff"}', "not UTF-8 at byte 12"),
        ('{"prompt": "x"}'.encode("utf-16"), "not UTF-8"),
        (b'{"prompt": "a\nb"}', "control character"),
        (b'{"prompt": "x"} {"prompt": "y"}', "Extra data"),
        (DEEP, "nested too deeply"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested too deeply"),
        (b'{"a": [' + b"[" * 99 + b"]" * 99 + b"]}", "nested too deeply"),
        (b'{"a": [' + b"[]," * 100_000 + b"[]]}", "too many values"),
        (b'{"a": [' + b"1," * 200_000 + b"1]}", "too many values"),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as caught:
        json_body.parse(raw)
    assert caught.value.code == "invalid_json"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_another_content_type_is_refused(kind: str) -> None:
    request = RequestFactory().post("/", b"{}", content_type=kind or "x/y")
    if not kind:
        request.content_type = None
    with pytest.raises(WrongType, match="Content-Type"):
        json_body.read(request)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_json_content_types_are_read(kind: str) -> None:
    request = RequestFactory().post("/", json.dumps({"a": 1}), content_type=kind)
    assert json_body.read(request) == {"a": 1}

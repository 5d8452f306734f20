"""What strangers send becomes plain text within bounds, or nothing."""

import math
import time
from typing import Any

import pytest

from modelhub.searching import reading


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<script>alert(1)</script>left", "left"),
        ("<script>never closed", ""),
        ("<style>p{}</style><b>bold</b> &amp; &lt;b&gt;", "bold & <b>"),
        ("<img src=x onerror=alert(1)>seen", "seen"),
        ("<!-- hidden --><![CDATA[x]]>seen", "seen"),
        ("<a href='javascript:alert(1)'>link</a>", "link"),
        ("a\x00b\x1b[31mc\u202ed", "a b [31mc d"),
        ("<" * 1000, "<" * 1000),
        ("1 < 2 and 3 > 2, i<3", "1 < 2 and 3 > 2, i<3"),
        ("<SCRIPT>alert(1)</ScRiPt>left<script/>, right", "left, right"),
        ("a<!-- <b> <!-- --> b --> c<!-- never closed <p>", "a b --> c"),
        ("<script><!-- </script> -->x</script>y", "y"),
        (None, ""),
        (7, ""),
    ],
)
def test_markup_becomes_text(html: Any, text: str) -> None:
    assert reading.prose(html, 2000) == text


def test_prose_ends() -> None:
    assert len(reading.prose("<p>" * 50_000 + "x" * 10**6, 100)) <= 100


@pytest.mark.parametrize(
    "piece", ["<a ", "<a/", "<a b='", "<!--", "</", "<?", "<", "&", "<script>"]
)
def test_no_markup_takes_long(piece: str) -> None:
    """Anybody may write a description there: some hundred of them come with an answer."""
    begin = time.monotonic()
    reading.prose(piece * (reading.MOST_HTML // len(piece)), 4000)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("value", [None, [], {}, True, 10**30, 1.5])
def test_a_line_is_text_or_nothing(value: Any) -> None:
    assert reading.line(value, 10) == ""


def test_a_line_is_one_line_of_whole_characters() -> None:
    assert reading.line("a\n b\t\ud800c", 10) == "a b c"
    assert reading.line("cafe\u0301", 10) == "caf\u00e9"
    assert reading.line(12, 10) == "12"


@pytest.mark.parametrize("value", [-1, 2**63, True, "7", None, 1.0, 10**400])
def test_a_count_is_whole_or_nothing(value: Any) -> None:
    assert reading.whole(value) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, True, "4.5", None])
def test_a_number_is_finite_or_nothing(value: Any) -> None:
    assert reading.number(value) is None


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "//host/x", "http://", "http://a b/", "x" * 3000, None, 7]
)
def test_an_address_is_a_url_or_nothing(value: Any) -> None:
    assert reading.address(value) == ""


@pytest.mark.parametrize("value", ["x" * 64, "0" * 63, None, 7, "\u0660" * 64])
def test_a_digest_is_hexadecimal_or_nothing(value: Any) -> None:
    assert reading.sha256(value) == ""

"""Body -> ImageRequest -> JobSpec -> reply, one case a file; nothing here touches a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.problems import Invalid, Missing
from generation.api.openai_chat import translate

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "a lake"}]}


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file: Path, order: Any, finish: Any) -> None:
    case = json.loads(file.read_text())
    ask = translate.to_ask(case["body"])
    resolved = order(ask.asked, ask.said)
    urls = [f"http://alice.test/images/{index}.png" for index in range(resolved.spec.n)]
    seeds = [resolved.spec.seed_of(index) for index in range(resolved.spec.n)]
    assert ask.asked.said() == case["requested"]
    assert resolved.spec.to_json() == case["spec"]
    assert list(ask.said.ignored) == case["ignored"]
    assert translate.to_reply(finish(resolved), urls, seeds) == case["reply"]


def chunks(order: Any, finish: Any, **more: Any) -> list[Any]:
    ask = translate.to_ask({**ASK, "stream": True, **more})
    job = finish(order(ask.asked, ask.said))
    return [translate.to_opening(ask, job), *translate.to_chunks(ask, job, ["http://h/i.png"], [1])]


def test_a_stream_opens_with_the_role_and_ends_with_the_reason(order: Any, finish: Any) -> None:
    opening, content, finishing = chunks(order, finish)
    assert opening["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert content["choices"][0]["delta"]["image_urls"] == ["http://h/i.png"]
    assert content["choices"][0]["finish_reason"] is None
    assert finishing["choices"][0]["finish_reason"] == "stop"
    assert finishing["choices"][0]["finishReason"] == "stop"


def test_usage_comes_last_when_it_was_asked_for(order: Any, finish: Any) -> None:
    *earlier, last = chunks(order, finish, stream_options={"include_usage": True})
    assert [chunk["usage"] for chunk in earlier] == [None, None, None]
    assert last["choices"] == []
    assert last["usage"] == {**translate.USAGE, "total_tokens": 0, "totalTokens": 0}


def test_usage_stays_away_when_it_was_not(order: Any, finish: Any) -> None:
    assert not any("usage" in chunk for chunk in chunks(order, finish))


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ({"size": "64x64"}, {"width": 128}, (64, 64)),
        ({"width": 128}, {"size": "64x64"}, (128, None)),
        ({}, {"width": 128, "height": 96}, (128, 96)),
    ],
)
def test_a_size_above_hides_the_one_below(
    upper: dict[str, Any], lower: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    asked = translate.to_ask({**ASK, **upper, "metadata": lower}).asked
    assert (asked.width, asked.height) == expected


@pytest.mark.parametrize("value", [True, [], {}, 1.5])
def test_a_metadata_value_that_is_no_tag_is_refused(value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        translate.to_ask({**ASK, "metadata": {"steps": value}})
    assert caught.value.param == "metadata.steps"


def test_two_spellings_in_metadata_that_differ_are_refused() -> None:
    with pytest.raises(Invalid, match=r"metadata.steps and metadata.num_steps"):
        translate.to_ask({**ASK, "metadata": {"steps": 5, "num_steps": 6}})


def test_null_in_metadata_says_nothing() -> None:
    asked = translate.to_ask({**ASK, "metadata": {"steps": None, "num_steps": 6}}).asked
    assert asked.num_inference_steps == 6


def test_the_last_user_message_is_the_prompt_even_before_others() -> None:
    messages = [{"role": "user", "content": "a lake"}, {"role": "assistant", "content": "ok"}]
    assert translate.prompt_of(messages) == ("a lake", "messages[0].content")


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "system", "content": "x"}], "messages"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "user", "content": " "}], "messages[0].content"),
    ],
)
def test_a_missing_prompt_is_named(messages: list[dict[str, Any]], param: str) -> None:
    with pytest.raises(Missing) as caught:
        translate.prompt_of(messages)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (5, "messages[0].content"),
        ([5], "messages[0].content[0]"),
        ([{"type": "text"}], "messages[0].content[0]"),
        ([{"type": "text", "text": "x"}, {"type": "image_url"}], "messages[0].content[1]"),
    ],
)
def test_content_that_is_no_text_is_refused(content: Any, param: str) -> None:
    with pytest.raises(Invalid) as caught:
        translate.prompt_of([{"role": "user", "content": content}])
    assert caught.value.param == param

"""Body -> ImageRequest -> JobSpec -> reply, one case a file; nothing here touches a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from generation.api.openai_images import translate

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file: Path, order: Any, finish: Any) -> None:
    case = json.loads(file.read_text())
    ask = translate.to_ask(case["body"])
    resolved = order(ask.asked, ask.said)
    count, fmt = resolved.spec.n, ask.output_format
    urls = [f"http://alice.test/images/{index}.{fmt}" for index in range(count)]
    pictures = urls if ask.as_url else [b"PNG"] * count
    seeds = [resolved.spec.seed_of(index) for index in range(count)]
    assert ask.asked.said() == case["requested"]
    assert resolved.spec.to_json() == case["spec"]
    assert list(ask.said.ignored) == case["ignored"]
    assert translate.to_reply(ask, finish(resolved), pictures, seeds) == case["reply"]


def test_a_link_stands_alone(order: Any, finish: Any) -> None:
    ask = translate.to_ask({"prompt": "x", "response_format": "url"})
    reply = translate.to_reply(ask, finish(order(ask.asked, ask.said)), ["http://h/i.png"], [1])
    assert reply["data"] == [{"url": "http://h/i.png"}]


def test_stream_options_are_read() -> None:
    ask = translate.to_ask({"prompt": "x", "stream": True, "partial_images": 2})
    assert (ask.stream, ask.partial_images) == (True, 2)


@pytest.mark.parametrize("wanted", [0, 1, 2, 3])
@pytest.mark.parametrize("steps", [4, 20, 50])
def test_previews_spread_evenly_over_the_run(wanted: int, steps: int) -> None:
    due: list[int] = []
    for step in range(1, steps + 1):
        if translate.partial_is_due(len(due), wanted, step, steps):
            due.append(step)
    assert len(due) == wanted
    assert all(abs(step - steps * (i + 1) / (wanted + 1)) < 1 for i, step in enumerate(due))

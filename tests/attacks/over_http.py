"""Attacks that are requests: what is asked, what must be answered, and what must not change."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from tests.attacks.stage import Answer, Stage, is_page, named
from tests.attacks.table import Attack

FORM = "application/x-www-form-urlencoded"


def attack(row: Attack, stage: Stage) -> None:
    """`send: POST /path` with `as`, `headers`, and `json`, `form` or `text` of `type`.

    `expect` are the statuses allowed, `code` the error's, `has`/`lacks` words of the body, `header`
    what reply headers are (null: absent). `csrf: false` leaves the token out; `writes: true` is for
    what may succeed.
    """
    before = stage.kept()
    for variant in row.variants():
        given = named(variant.given, stage.names)
        answer = send(given, stage, stage.source(row.number))
        judge(given, answer, stage)
    if not row.given.get("writes"):
        after = stage.kept()
        changed = sorted(name for name in after | before if after.get(name) != before.get(name))
        assert not changed, f"the attack changed {changed}"


def burst(row: Attack, stage: Stage) -> None:
    """`times` of the same request, `parallel` at once; {i} counts. At least one must be refused
    with `expect`, and `then`, the honest request, too. Each refusal says when to come again, or that
    asking again helps nothing."""
    given, source = named(row.given, stage.names), stage.source(row.number)
    times = range(given["times"])
    with ThreadPoolExecutor(given.get("parallel", 1)) as threads:
        answers = list(threads.map(lambda i: send(_counted(given, i), stage, source), times))
    let_in = [a for a in answers if str(a.status) not in row.expected]
    assert len(let_in) <= given["let_in"], f"{len(let_in)} of {len(answers)} were tried"
    last = send({**given, **given.get("then", {})}, stage, source)
    assert str(last.status) in row.expected
    assert "retry-after" in last.headers or last.headers.get("x-should-retry") == "false"


def _counted(given: Mapping[str, Any], i: int) -> Any:
    return named(given, {"i": str(i)})


def send(given: Mapping[str, Any], stage: Stage, source: str) -> Answer:
    body, kind = _body(given)
    headers = stage.credentials(given.get("as", "anonymous"), csrf=given.get("csrf", True))
    if kind:
        headers["Content-Type"] = kind
    headers |= given.get("headers", {})
    return stage.ask(given["send"], headers, body, source)


def _body(given: Mapping[str, Any]) -> tuple[bytes, str]:
    if "json" in given:
        return json.dumps(given["json"]).encode(), "application/json"
    if "form" in given:
        return urlencode(given["form"], doseq=True).encode(), FORM
    return str(given.get("text", "")).encode(), given.get("type", "")


def judge(given: Mapping[str, Any], answer: Answer, stage: Stage) -> None:
    told = f"{given['send'][:200]}: {answer.status} {answer.text[:500]}"
    assert answer.status < 500, told
    assert str(answer.status) in str(given["expect"]).split(), told
    assert stage.canary not in answer.text, told
    assert answer.headers["x-content-type-options"] == "nosniff", told
    assert "default-src 'none'" in answer.headers["content-security-policy"], told
    _judge_words(given, answer, told)
    for name, value in given.get("header", {}).items():
        assert answer.headers.get(name.lower()) == value, f"{told}\n{answer.headers}"
    if answer.status >= 400 and not is_page(given["send"]) and not given["send"].startswith("HEAD"):
        error = json.loads(answer.body)["error"]
        assert set(error) >= {"message", "type", "param", "code"}, told
        assert given.get("code", error["code"]) == error["code"], told


def _judge_words(given: Mapping[str, Any], answer: Answer, told: str) -> None:
    for words, wanted in ((given.get("has", []), True), (given.get("lacks", []), False)):
        for word in [words] if isinstance(words, str) else words:
            assert (word in answer.text) is wanted, f"{word!r} in {told}"

"""Whatever JSON comes, a dialect answers with an order or with a Problem of ours, never a defect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.problems import Problem
from generation.api.fields import ALIASES, UNSUPPORTED
from generation.api.native import translate as native
from generation.api.native.schema import JobBody
from generation.api.openai_chat import translate as chat
from generation.api.openai_chat.schema import ChatBody
from generation.api.openai_images import translate as images
from generation.api.openai_images.schema import ImagesBody
from generation.engine.contract import JobSpec

SPELLINGS = [alias for all_ in ALIASES.values() for alias in all_]
NUMBERS = ("0", "-1", "1e9", "NaN", "64x64", "64x99999", "\N{FULLWIDTH DIGIT NINE}")
WORDS = ("", " ", "auto", "png", "true", "ddim", "low", "user", "text", "image_url", "<lora:a:1>")
TRICKY = st.sampled_from([*NUMBERS, *WORDS, "\x00", "\ud800"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), TRICKY
)
PART = st.fixed_dictionaries({}, optional={"type": TRICKY, "text": LEAVES, "role": TRICKY})
JSON = st.recursive(
    LEAVES | PART,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
MESSAGE = st.fixed_dictionaries({"role": st.just("user"), "content": st.just("a lake") | JSON})


def bodies(schema: type, **likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose keys mean something and whose values may be anything."""
    keys = [*schema().fields, *SPELLINGS, *UNSUPPORTED]
    anything = st.dictionaries(st.sampled_from(keys) | st.text(max_size=5), JSON, max_size=4)
    usual = st.fixed_dictionaries(likely)
    return st.tuples(usual, anything).map(lambda both: both[0] | both[1])


PARAMETERS = st.dictionaries(st.sampled_from([*ImagesBody().fields, *SPELLINGS]), JSON, max_size=3)
CASES = [
    (images.to_ask, bodies(ImagesBody, prompt=st.just("a lake"))),
    (native.to_ask, bodies(JobBody, prompt=st.just("a lake"))),
    (
        chat.to_ask,
        bodies(
            ChatBody,
            messages=st.lists(MESSAGE, min_size=1, max_size=2),
            metadata=PARAMETERS,
            sam_config=PARAMETERS,
        ),
    ),
]


@pytest.mark.parametrize(("to_ask", "strategy"), CASES, ids=["images", "native", "chat"])
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_body_is_an_order_or_a_problem(
    order: Any, to_ask: Callable[[Any], Any], strategy: Any, data: Any
) -> None:
    outcome = answer(lambda body: order(*parts(to_ask(body))), data.draw(strategy))
    if isinstance(outcome, Problem):
        assert (outcome.status, bool(outcome.message)) == (400, True)
    else:
        assert JobSpec.from_json(json.loads(json.dumps(outcome.spec.to_json()))) == outcome.spec
        outcome.spec.prompt.encode()


def parts(ask: Any) -> tuple[Any, Any]:
    return ask.asked, ask.said


def answer(act: Callable[[Any], Any], body: Any) -> Any:
    try:
        return act(body)
    except Problem as problem:
        return problem

"""Options count only where a spec makes use of them."""

from dataclasses import replace
from typing import Any

import pytest

from generation.engine import options
from generation.engine.contract import JobSpec


@pytest.fixture
def plain(spec: JobSpec) -> JobSpec:
    return replace(spec, negative_prompt="", guidance_scale=1.0)


def test_plain_specs_ask_for_nothing(plain: JobSpec) -> None:
    assert options.asked(plain) == []


@pytest.mark.parametrize(
    ("name", "value"), [("negative_prompt", "fog"), ("guidance_scale", 1.1), ("clip_skip", 1)]
)
def test_use_of_an_option_is_seen(plain: JobSpec, name: str, value: Any) -> None:
    changed = replace(plain, **{name: value})
    assert [option.name for option in options.asked(changed)] == [name]

"""What a back end cannot do is refused by name before anything is loaded."""

from dataclasses import replace
from typing import Any

import pytest

from generation.engine import capabilities
from generation.engine.backends.mock import MockBackend
from generation.engine.contract import Capabilities, JobSpec, ModelRef, Task
from generation.engine.errors import NotSupported


@pytest.fixture
def able(mock: MockBackend) -> Capabilities:
    return mock.capabilities()


def test_ordinary_specs_pass(able: Capabilities, spec: JobSpec, model: ModelRef) -> None:
    capabilities.check(spec, model, able)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": Task.INPAINT}, "task 'inpaint'; it supports txt2img"),
        ({"scheduler": "magic"}, "scheduler 'magic'"),
        ({"width": 60}, "width 60 is not a multiple of 8"),
        ({"height": 0}, "height 0"),
    ],
)
def test_unsupported_specs_are_refused(
    able: Capabilities, spec: JobSpec, model: ModelRef, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotSupported, match=said):
        capabilities.check(replace(spec, **change), model, able)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"families": frozenset({"sd1"})}, "model family 'sd-custom'; it supports sd1"),
        ({"layouts": frozenset()}, "model layout 'diffusers'; it supports none"),
        ({"options": frozenset()}, "does not support a negative prompt"),
    ],
)
def test_lesser_back_ends_refuse(
    able: Capabilities, spec: JobSpec, model: ModelRef, lacking: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotSupported, match=said):
        capabilities.check(spec, model, replace(able, **lacking))

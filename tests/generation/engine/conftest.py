"""Orders and models for the engine's tests."""

import pytest

from generation.engine.backends.mock import MockBackend
from generation.engine.contract import JobSpec, ModelRef, Setup, Task

SPEC = JobSpec(
    task=Task.TXT2IMG,
    model="sd/tiny",
    prompt="a red boat",
    negative_prompt="",
    width=64,
    height=64,
    num_inference_steps=4,
    guidance_scale=5.0,
    scheduler="ddim",
    seed=7,
)


@pytest.fixture
def spec() -> JobSpec:
    return SPEC


@pytest.fixture
def mock() -> MockBackend:
    return MockBackend(Setup())


@pytest.fixture
def model() -> ModelRef:
    """A model the mock back end loads; nothing lies at its path."""
    return ModelRef("sd/tiny", "/nonexistent", "sd-custom", "diffusers", 64)

"""Orders, watchers and models for the engine's tests."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from generation.engine.backends.mock import MockBackend
from generation.engine.contract import Backend, JobSpec, ModelRef, Result, Setup, Step, Task
from tests import tiny_models


@dataclass
class Watched:
    """A watcher that remembers; raises `error` at step `stop`."""

    steps: list[Step] = field(default_factory=list)
    stop: int = 0
    error: Exception | None = None

    def __call__(self, step: Step) -> None:
        self.steps.append(step)
        if self.error and step.step == self.stop:
            raise self.error


def unwatched(step: Step) -> None:
    """Nobody looks."""


def draw(backend: Backend, spec: JobSpec, watch: Watched | None = None) -> Result:
    (result,) = backend.generate([spec], watch or unwatched)
    return result


def first_pixels(backend: Backend, spec: JobSpec) -> bytes:
    return draw(backend, spec).pictures[0].raster.rgb


@pytest.fixture
def spec() -> JobSpec:
    return JobSpec(
        task=Task.TXT2IMG,
        model="sd/tiny",
        prompt="a red boat",
        negative_prompt="fog",
        width=64,
        height=48,
        num_inference_steps=3,
        guidance_scale=5.0,
        scheduler="ddim",
        seed=7,
    )


@pytest.fixture
def mock() -> MockBackend:
    return MockBackend(Setup())


@pytest.fixture
def model() -> ModelRef:
    """A model the mock back end loads; nothing lies at its path."""
    return ModelRef("sd/tiny", "/nonexistent", "sd-custom", "diffusers", 64)


@pytest.fixture(scope="session")
def sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion checkpoint; tests that change it work on a copy."""
    return tiny_models.build_sd(tmp_path_factory.mktemp("models") / "sd")


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.build_sdxl(tmp_path_factory.mktemp("models") / "sdxl")


@pytest.fixture
def sd(sd_folder: Path) -> ModelRef:
    return ModelRef("sd/tiny", str(sd_folder), "sd-custom", "diffusers", 64)


@pytest.fixture
def sdxl(sdxl_folder: Path) -> ModelRef:
    return ModelRef("sd/tiny", str(sdxl_folder), "sdxl", "diffusers", 64)

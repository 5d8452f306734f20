"""The mock draws at the pace it is given and fails where the prompt says."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from generation.engine.backends.mock import FAULTS, MockBackend
from generation.engine.contract import JobSpec, ModelRef, Setup
from generation.engine.errors import DeviceLost, ModelUnloadable, NumericalError, OutOfMemory
from tests.generation.engine.conftest import Watched, draw

ROOT = Path(__file__).parents[3]
CHILD = """
from generation.engine.backends.mock import MockBackend
from generation.engine.contract import JobSpec, ModelRef, Setup
mock = MockBackend(Setup())
mock.load(ModelRef("m", "", "sd1", "diffusers", 64))
spec = {spec!r}
list(mock.generate([JobSpec.from_json(spec)], lambda step: print(step.step, flush=True)))
"""


@pytest.fixture
def ready(mock: MockBackend, model: ModelRef) -> MockBackend:
    mock.load(model)
    return mock


@pytest.mark.parametrize(
    ("tag", "error", "steps"),
    [
        ("oom", OutOfMemory, 2),
        ("oom=1", OutOfMemory, 1),
        ("nan", NumericalError, 4),
        ("unload", ModelUnloadable, 0),
        ("lost", DeviceLost, 2),
        ("bug", RuntimeError, 2),
    ],
)
def test_tags_fail_at_their_step(
    ready: MockBackend, spec: JobSpec, tag: str, error: type[Exception], steps: int
) -> None:
    watch = Watched()
    tagged = replace(spec, prompt=f"a boat [mock:{tag}]", num_inference_steps=4)
    with pytest.raises(error):
        draw(ready, tagged, watch)
    assert len(watch.steps) == steps


@pytest.mark.parametrize(("tag", "status"), [("crash", -9), ("exit", 3)])
def test_tags_end_the_process(spec: JobSpec, tag: str, status: int) -> None:
    doomed = replace(spec, model="m", prompt=f"[mock:{tag}=1]").to_json()
    code = CHILD.format(spec={**doomed, "task": "txt2img"})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "1\n")


def test_every_fault_is_tested_here() -> None:
    assert set(FAULTS) == {"oom", "nan", "unload", "lost", "bug", "crash", "exit"}


@pytest.mark.parametrize("name", [*FAULTS, "slow"])
def test_every_tag_is_documented(name: str) -> None:
    assert f"| `[mock:{name}" in (ROOT / "docs/adding-a-backend.md").read_text()


def test_unknown_tags_are_words_of_the_prompt(ready: MockBackend, spec: JobSpec) -> None:
    assert draw(ready, replace(spec, prompt="[mock:melt]")).pictures


def test_slow_tag_paces_the_steps(ready: MockBackend, spec: JobSpec) -> None:
    started = time.monotonic()
    result = draw(ready, replace(spec, prompt="[mock:slow=0.02]", num_inference_steps=3))
    assert time.monotonic() - started >= 0.06
    assert result.timings.denoise_ms >= 60


def test_setup_paces_the_steps(model: ModelRef, spec: JobSpec) -> None:
    paced = MockBackend(Setup(mock_step_seconds=0.02))
    paced.load(model)
    assert draw(paced, replace(spec, num_inference_steps=3)).timings.denoise_ms >= 60


def test_previews_become_the_picture(ready: MockBackend, spec: JobSpec) -> None:
    watch = Watched()
    draw(ready, spec, watch)
    first, last = (step.preview() for step in (watch.steps[0], watch.steps[-1]) if step.preview)
    assert (first.width, first.height, len(first.rgb)) == (64, 48, 64 * 48 * 3)
    assert first != last

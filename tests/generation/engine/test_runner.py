"""The runner keeps models warm, evicts the oldest and starts clean after a failure."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from generation.engine.backends.mock import MockBackend
from generation.engine.contract import JobSpec, ModelRef, Setup, Step
from generation.engine.errors import Cancelled, DeviceLost, EngineError, NotSupported, OutOfMemory
from generation.engine.runner import Runner

Tagged = Callable[[str], None]


def unwatched(step: Step) -> None:
    """Nobody looks."""


@pytest.fixture
def runner(mock: MockBackend) -> Runner:
    return Runner(mock, cache_size=2, idle_seconds=0.001)


@pytest.fixture
def draw(runner: Runner, spec: JobSpec, model: ModelRef) -> Callable[..., None]:
    """Draws one picture with the model called `name`."""

    def run(name: str, prompt: str = "a boat") -> None:
        job = replace(spec, model=name, prompt=prompt)
        list(runner.run(replace(model, id=name), [job], unwatched))

    return run


def test_models_stay_warm(runner: Runner, draw: Tagged) -> None:
    draw("a")
    assert runner.warm() == ["a"]


def test_least_recently_used_leaves(runner: Runner, draw: Tagged) -> None:
    for name in ("a", "b", "a", "c"):
        draw(name)
    assert runner.warm() == ["a", "c"]


def test_load_time_is_counted_once(runner: Runner, spec: JobSpec, model: ModelRef) -> None:
    cold = list(runner.run(model, [spec, spec], unwatched))
    assert cold[0].timings.load_ms > 0
    assert cold[1].timings.load_ms == 0


@pytest.mark.parametrize("tag", ["nan", "unload", "bug"])
def test_failed_model_leaves(runner: Runner, draw: Callable[..., None], tag: str) -> None:
    draw("a")
    with pytest.raises((EngineError, RuntimeError)):
        draw("b", f"[mock:{tag}]")
    assert runner.warm() == ["a"]


def test_out_of_memory_frees_everything(runner: Runner, draw: Callable[..., None]) -> None:
    draw("a")
    with pytest.raises(OutOfMemory):
        draw("b", "[mock:oom]")
    assert runner.warm() == []


def test_next_job_works_after_a_failure(runner: Runner, draw: Callable[..., None]) -> None:
    with pytest.raises(OutOfMemory):
        draw("a", "[mock:oom]")
    draw("a")
    assert runner.warm() == ["a"]


def test_lost_device_is_not_touched(runner: Runner, draw: Callable[..., None]) -> None:
    with pytest.raises(DeviceLost) as caught:
        draw("a", "[mock:lost]")
    assert caught.value.fatal
    assert runner.warm() == ["a"]


def test_cancelled_model_stays_warm(runner: Runner, spec: JobSpec, model: ModelRef) -> None:
    def cancel(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        list(runner.run(model, [spec], cancel))
    assert runner.warm() == [model.id]


def test_unsupported_spec_loads_nothing(runner: Runner, spec: JobSpec, model: ModelRef) -> None:
    with pytest.raises(NotSupported, match="scheduler 'magic'"):
        list(runner.run(model, [replace(spec, scheduler="magic")], unwatched))
    assert runner.warm() == []


def test_idle_models_leave(runner: Runner, draw: Tagged) -> None:
    draw("a")
    while not runner.unload_idle():
        pass
    assert runner.warm() == []


def test_idle_time_zero_keeps_models(mock: MockBackend, model: ModelRef) -> None:
    mock.load(model)
    runner = Runner(mock, cache_size=2, idle_seconds=0)
    assert not runner.unload_idle()
    assert runner.warm() == [model.id]


def test_models_in_use_are_not_idle(runner: Runner, spec: JobSpec, model: ModelRef) -> None:
    results = runner.run(model, [spec, spec], unwatched)
    next(results)
    assert not runner.unload_idle()
    del results


class Cramped(MockBackend):
    """Holds `room` models at a time, as a small device does."""

    room = 1

    def load(self, model: ModelRef) -> None:
        if len({*self.loaded(), model.id}) > self.room:
            raise OutOfMemory("no room")
        super().load(model)


def test_load_makes_room_and_tries_again(spec: JobSpec, model: ModelRef) -> None:
    runner = Runner(Cramped(Setup()), cache_size=2, idle_seconds=0)
    for name in ("a", "b"):
        list(runner.run(replace(model, id=name), [replace(spec, model=name)], unwatched))
    assert runner.warm() == ["b"]


def test_load_that_never_fits_is_out_of_memory(spec: JobSpec, model: ModelRef) -> None:
    full = Cramped(Setup())
    full.room = 0
    runner = Runner(full, cache_size=2, idle_seconds=0)
    with pytest.raises(OutOfMemory):
        list(runner.run(model, [spec], unwatched))


def test_capabilities_are_the_back_ends(runner: Runner, mock: MockBackend) -> None:
    assert runner.capabilities() == mock.capabilities()

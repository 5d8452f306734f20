"""The contract every back end keeps: one suite over the table of back ends."""

from dataclasses import replace
from typing import Any

import pytest

from generation.engine.contract import Backend, JobSpec, ModelRef
from generation.engine.errors import Cancelled, ModelUnloadable
from generation.engine.registry import BACKENDS, open_backend
from generation.engine.samplers import SAMPLERS
from tests.generation.engine.conftest import Watched, draw, first_pixels, unwatched


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, sd: ModelRef) -> Backend:
    """Each back end in turn, the tiny model loaded."""
    opened = open_backend(request.param, "cpu")
    opened.load(sd)
    return opened


def test_one_result_a_spec_in_order(backend: Backend, spec: JobSpec) -> None:
    specs = [replace(spec, seed=1), replace(spec, seed=2, n=2)]
    results = list(backend.generate(specs, unwatched))
    assert [[p.seed for p in result.pictures] for result in results] == [[1], [2, 3]]


def test_pictures_have_the_size_asked_for(backend: Backend, spec: JobSpec) -> None:
    raster = draw(backend, spec).pictures[0].raster
    assert (raster.width, raster.height, len(raster.rgb)) == (64, 48, 64 * 48 * 3)


def test_same_spec_same_bytes(backend: Backend, spec: JobSpec) -> None:
    assert first_pixels(backend, spec) == first_pixels(backend, spec)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a blue boat"},
        {"negative_prompt": "rain"},
        {"seed": 8},
        {"num_inference_steps": 4},
        {"guidance_scale": 7.0},
        {"clip_skip": 1},
        {"scheduler": "euler_a"},
    ],
)
def test_everything_in_a_spec_counts(
    backend: Backend, spec: JobSpec, change: dict[str, Any]
) -> None:
    assert first_pixels(backend, replace(spec, **change)) != first_pixels(backend, spec)


def test_image_i_is_the_single_image_of_seed_plus_i(backend: Backend, spec: JobSpec) -> None:
    several = draw(backend, replace(spec, n=3)).pictures
    assert [p.index for p in several] == [0, 1, 2]
    for picture in several:
        alone = replace(spec, seed=picture.seed)
        assert picture.raster.rgb == first_pixels(backend, alone)


def test_seeds_wrap_at_the_last(backend: Backend, spec: JobSpec) -> None:
    pictures = draw(backend, replace(spec, seed=2**32 - 1, n=2)).pictures
    assert [p.seed for p in pictures] == [2**32 - 1, 0]


@pytest.mark.parametrize("scheduler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 4])
def test_every_scheduler_draws(backend: Backend, spec: JobSpec, scheduler: str, steps: int) -> None:
    watch = Watched()
    draw(backend, replace(spec, scheduler=scheduler, num_inference_steps=steps), watch)
    assert [s.step for s in watch.steps] == list(range(1, watch.steps[0].steps + 1))


def test_steps_count_over_the_whole_call(backend: Backend, spec: JobSpec) -> None:
    watch = Watched()
    list(backend.generate([spec, replace(spec, n=2)], watch))
    totals = {step.steps for step in watch.steps}
    assert totals == {len(watch.steps)}
    assert watch.steps[-1].step == len(watch.steps)


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_watcher_can_cancel_at_any_step(backend: Backend, spec: JobSpec, stop: int) -> None:
    watch = Watched(stop=stop, error=Cancelled())
    with pytest.raises(Cancelled):
        draw(backend, spec, watch)
    assert len(watch.steps) == stop


def test_cancelled_leaves_the_next_unharmed(backend: Backend, spec: JobSpec) -> None:
    before = first_pixels(backend, spec)
    with pytest.raises(Cancelled):
        draw(backend, spec, Watched(stop=2, error=Cancelled()))
    assert first_pixels(backend, spec) == before


def test_watcher_errors_pass_unchanged(backend: Backend, spec: JobSpec) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        draw(backend, spec, Watched(stop=1, error=RuntimeError("mine")))


def test_stages_are_timed(backend: Backend, spec: JobSpec) -> None:
    timings = draw(backend, spec).timings
    assert timings.load_ms == 0
    assert timings.denoise_ms > 0
    assert timings.decode_ms > 0


def test_unloaded_models_do_not_draw(backend: Backend, spec: JobSpec) -> None:
    backend.unload(spec.model)
    backend.unload("unknown")
    assert not backend.loaded()
    with pytest.raises(ModelUnloadable):
        draw(backend, spec)


def test_loading_again_makes_it_the_latest(backend: Backend, sd: ModelRef) -> None:
    backend.load(replace(sd, id="other"))
    backend.load(sd)
    assert backend.loaded() == ["other", sd.id]


def test_capabilities_name_the_offer(backend: Backend) -> None:
    able = backend.capabilities()
    assert able.schedulers == frozenset(SAMPLERS)
    assert able.device == "cpu"

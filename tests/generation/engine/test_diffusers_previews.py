"""Previews show where a picture is heading, for every scheduler and way of predicting."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from generation.engine.samplers import SAMPLERS

torch = pytest.importorskip("torch")
from generation.engine.backends.diffusers_local import previews, schedulers  # noqa: E402 torch first

GREY = previews.LatentMap(((0, 0, 0),) * 4, (0.2, 0.4, 0.6))


def predicted(kind: str, picture: Any, noise: Any, kept: float) -> Any:
    """What a perfect network answers to the picture under so much noise."""
    if kind == "epsilon":
        return noise
    if kind == "v_prediction":
        return kept**0.5 * noise - (1 - kept) ** 0.5 * picture
    return picture


# Not every scheduler knows the third way, to predict the picture itself.
WAYS = [*product(SAMPLERS, ("epsilon", "v_prediction")), ("ddim", "sample")]


@pytest.mark.parametrize(("name", "kind"), WAYS)
def test_a_perfect_network_is_seen_to_the_end_at_once(name: str, kind: str) -> None:
    scheduler = schedulers.build(name, {"prediction_type": kind, "timestep_spacing": "leading"})
    glimpse = previews.Glimpse(scheduler)
    scheduler.set_timesteps(10)
    picture, noise = torch.randn(2, 2, 4, 8, 8)
    time = scheduler.timesteps[0]
    sample = scheduler.add_noise(picture, noise, time[None])
    scheduler.scale_model_input(sample, time)
    kept = remaining(scheduler, time)
    scheduler.step(predicted(kind, picture, noise, kept), time, sample)
    assert torch.allclose(glimpse.latents(), picture[:1], atol=2e-2)


def remaining(scheduler: Any, time: Any) -> float:
    if hasattr(scheduler, "sigmas"):
        return 1 / (float(scheduler.sigmas[0]) ** 2 + 1)
    return float(scheduler.alphas_cumprod[int(time)])


def test_a_glimpse_before_the_first_step_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="before the first step"):
        previews.Glimpse(schedulers.build("ddim", {})).latents()


@pytest.mark.parametrize(("h", "w", "size"), [(8, 8, (256, 256)), (4, 8, (256, 128))])
def test_longer_side_is_fixed(h: int, w: int, size: tuple[int, int]) -> None:
    raster = previews.raster(torch.zeros(1, 4, h, w), GREY)
    assert (raster.width, raster.height) == size


def test_colours_are_the_maps() -> None:
    lit = replace(GREY, factors=((1, 0, 0), *GREY.factors[1:]))
    raster = previews.raster(torch.full((1, 4, 2, 2), 0.5), lit)
    assert raster.rgb[:3] == bytes([178, 102, 153])

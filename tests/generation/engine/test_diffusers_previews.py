"""Previews show where a picture is heading, for every scheduler and way of predicting."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from generation.engine.samplers import SAMPLERS
from modelhub.families import TRAITS, Family

torch = pytest.importorskip("torch")
from generation.engine.backends.diffusers_local import previews, schedulers  # noqa: E402 torch first
from generation.engine.backends.diffusers_local.colours import (  # noqa: E402 torch first
    KNOWN,
    LatentMap,
    map_for,
)

GREY = LatentMap(((0, 0, 0),) * 4, (0.2, 0.4, 0.6))


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


def test_every_family_that_draws_has_a_map_of_its_own_vae() -> None:
    """But the one of many architectures, whose checkpoints bring theirs."""
    assert KNOWN.keys() == {f for f, row in TRAITS.items() if row.runnable} - {Family.SD_CUSTOM}
    wide = {family: len(colours.factors) for family, colours in KNOWN.items()}
    assert wide == {"sd1": 4, "sd2": 4, "sdxl": 4, "sd3": 16, "flux": 16}


@pytest.mark.parametrize(
    ("family", "rgb"),
    [("sd1", (128, 128, 128)), ("sd3", (158, 155, 152)), ("flux", (123, 118, 117))],
)
def test_latents_of_nothing_are_the_grey_the_map_was_published_with(
    family: str, rgb: tuple[int, int, int]
) -> None:
    colours = KNOWN[Family(family)]
    raster = previews.raster(torch.zeros(1, len(colours.factors), 2, 2), colours)
    assert tuple(raster.rgb[:3]) == rgb


def test_a_vae_of_another_width_has_no_previews_but_its_own(tmp_path: Path) -> None:
    assert map_for(tmp_path, Family.FLUX, 16) is KNOWN[Family.FLUX]
    assert map_for(tmp_path, Family.FLUX, 4) is None

"""Schedulers take the noise schedule from the checkpoint and the rest from our table."""

import pytest

from generation.engine.samplers import SAMPLERS

pytest.importorskip("diffusers")
from generation.engine.backends.diffusers_local import schedulers

TRAINED = {
    "beta_start": 0.001,
    "beta_end": 0.015,
    "beta_schedule": "linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}
LIKED = {"_class_name": "X", "use_karras_sigmas": True, "use_beta_sigmas": True, "solver_order": 3}


@pytest.mark.parametrize("name", SAMPLERS)
def test_training_comes_from_the_checkpoint(name: str) -> None:
    config = schedulers.build(name, TRAINED | LIKED).config
    assert {key: config[key] for key in TRAINED} == TRAINED


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampling_comes_from_the_table(name: str) -> None:
    config = schedulers.build(name, TRAINED | LIKED).config
    assert config.get("use_karras_sigmas", False) == ("karras" in name)
    assert not config.get("use_beta_sigmas")


def test_latents_are_never_clipped() -> None:
    assert not schedulers.build("ddim", {"clip_sample": True}).config.clip_sample


@pytest.mark.parametrize(("name", "times"), [("ddim", 10), ("pndm", 11), ("lms", 10)])
def test_evaluations_are_counted_as_the_scheduler_asks(name: str, times: int) -> None:
    assert schedulers.evaluations(name, TRAINED, 10) == times

"""The bundled model shows what its prompts say: measured in colours, over seeds nobody chose."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

MODEL = Path(__file__).resolve().parents[2] / "modelhub" / "demo" / "model"
SEEDS = range(16)
STEPS = 8
SCHEDULERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "dpm++ sde karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpm++ karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "euler a": ("EulerAncestralDiscreteScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
}
Pictures = NDArray[np.float32]
Measure = Callable[[Pictures], Any]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def pipeline() -> Any:
    loaded = diffusers.StableDiffusionPipeline.from_pretrained(
        MODEL, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    loaded.set_progress_bar_config(disable=True)
    return loaded


def drawn(prompts: list[str], seeds: range, steps: int) -> Pictures:
    """Each prompt with each seed, as prompt x seed x height x width x RGB between 0 and 1."""
    generators = [torch.Generator().manual_seed(seed) for _ in prompts for seed in seeds]
    with torch.inference_mode():
        made = pipeline()(
            [prompt for prompt in prompts for _ in seeds],
            num_inference_steps=steps,
            guidance_scale=5.0,
            generator=generators,
            output_type="np",
        )
    images = np.asarray(made.images, np.float32)
    picture = images.shape[1:]
    by_prompt: Pictures = images.reshape(len(prompts), len(seeds), *picture)
    return by_prompt


@cache
def pictures(prompt: str) -> Pictures:
    of_the_only_prompt: Pictures = drawn([prompt], SEEDS, STEPS)[0]
    return of_the_only_prompt


def brightness(images: Pictures) -> Any:
    return images.mean((-3, -2, -1))


def redness(images: Pictures) -> Any:
    return images[..., 0].mean((-2, -1)) - images[..., 2].mean((-2, -1))


def yellowness(images: Pictures) -> Any:
    return images[..., :2].mean((-3, -2, -1)) - images[..., 2].mean((-2, -1))


def greenness(images: Pictures) -> Any:
    return images[..., 1].mean((-2, -1)) - images[..., [0, 2]].mean((-3, -2, -1))


def of_the_ground(measure: Measure) -> Measure:
    """The same, of the lower third only."""

    def measured(images: Pictures) -> Any:
        return measure(images[..., -42:, :, :])

    return measured


# What the first prompt has more of than the second, and by how much at least, whatever the two
# seeds: the least of the first less the most of the second. Behind each stands what was measured;
# about half of it is asked for.
CLAIMS: Mapping[str, tuple[str, str, Measure, float]] = {
    "noon is brighter than night": (
        "a mountain landscape at noon",
        "a mountain landscape at night",
        brightness,
        0.18,  # 0.36
    ),
    "sunset is redder than noon": (
        "a serene mountain landscape at sunset",
        "a mountain landscape at noon",
        redness,
        0.20,  # 0.43
    ),
    "a desert is yellower than the sea": (
        "a desert at noon",
        "the sea at noon",
        of_the_ground(yellowness),
        0.25,  # 0.50
    ),
    "snow is brighter than a forest": (
        "a snowy landscape at noon",
        "a forest at noon",
        of_the_ground(brightness),
        0.25,  # 0.52
    ),
    "a meadow is greener than snow": (
        "a green meadow at noon",
        "a snowy landscape at noon",
        of_the_ground(greenness),
        0.02,  # 0.05
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_prompt_shows_for_every_seed(claim: str) -> None:
    more, less, measure, margin = CLAIMS[claim]
    assert measure(pictures(more)).min() - measure(pictures(less)).max() > margin


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_draws_the_prompt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, options = SCHEDULERS[name]
    shipped = pipeline().scheduler
    made = getattr(diffusers, kind).from_config(shipped.config, **options)
    monkeypatch.setattr(pipeline(), "scheduler", made)
    noon, night = drawn(["the sea at noon", "the sea at night"], range(4), 12)
    assert np.isfinite([noon, night]).all()
    # Measured: 0.22 for the first, which adds noise as it goes, and 0.38 to 0.53 for the others.
    assert brightness(noon).min() - brightness(night).max() > 0.1


def test_same_seed_draws_the_same_picture() -> None:
    first, second = (drawn(["a lake at dawn"], range(1), 2) for _ in range(2))
    assert np.array_equal(first, second)


def test_default_size_is_the_trained_size() -> None:
    assert pictures("a forest at noon").shape[1:] == (128, 128, 3)


def test_model_is_small_and_holds_no_pickle() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 30_000_000
    assert not {path.suffix for path in files} & {".bin", ".pt", ".ckpt", ".pkl", ".pth"}


def test_preview_factors_fit_the_latents() -> None:
    factors = json.loads((MODEL / "latent_rgb.json").read_text())
    channels = json.loads((MODEL / "vae" / "config.json").read_text())["latent_channels"]
    assert np.shape(factors["factors"]) == (channels, 3)
    assert np.shape(factors["bias"]) == (3,)

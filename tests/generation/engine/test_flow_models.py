"""SD 3 and FLUX on tiny real checkpoints: exactness, previews, and what they refuse."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation.engine import capabilities
from generation.engine.contract import JobSpec, ModelRef, Raster, Setup, Step
from generation.engine.errors import ModelUnloadable, NotSupported
from tests import tiny_models
from tests.generation.engine.conftest import Watched, draw, first_pixels

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
from generation.engine.backends.diffusers_local.backend import DiffusersBackend  # noqa: E402

LEFT_OUT = ("text_encoder_3", "tokenizer_3")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("flow")
    return {
        "sd3": tiny_models.build_sd3(root / "sd3"),
        "sd3 without t5": tiny_models.build_sd3(root / "sd3-small", t5=False),
        "flux": tiny_models.build_flux(root / "flux"),
        "flux schnell": tiny_models.build_flux(root / "schnell", guided=False),
    }


def ref(folder: Path, family: str) -> ModelRef:
    return ModelRef("sd/tiny", str(folder), family, "diffusers", 64)


def loaded(folder: Path, family: str) -> DiffusersBackend:
    backend = DiffusersBackend(Setup("cpu"))
    backend.load(ref(folder, family))
    return backend


@pytest.fixture
def order(spec: JobSpec) -> JobSpec:
    return replace(spec, scheduler="euler", height=64, negative_prompt="")


def bare(folder: Path, order: JobSpec, **options: Any) -> bytes:
    left_out = LEFT_OUT if folder.name == "sd3-small" else ()
    pipe = diffusers.DiffusionPipeline.from_pretrained(
        folder, local_files_only=True, **dict.fromkeys(left_out)
    )
    pipe.set_progress_bar_config(disable=True)
    image = pipe(
        order.prompt,
        width=order.width,
        height=order.height,
        num_inference_steps=order.num_inference_steps,
        guidance_scale=order.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(order.seed),
        **options,
    ).images[0]
    return bytes(image.tobytes())


@pytest.mark.parametrize("which", ["sd3", "sd3 without t5"])
@pytest.mark.parametrize("change", [{}, {"guidance_scale": 1.0}, {"clip_skip": 1}])
def test_sd3_equals_the_bare_pipeline(
    folders: dict[str, Path], order: JobSpec, which: str, change: dict[str, Any]
) -> None:
    asked = replace(order, negative_prompt="fog" if not change else "", **change)
    theirs = bare(
        folders[which],
        asked,
        negative_prompt=asked.negative_prompt,
        clip_skip=asked.clip_skip or None,
    )
    assert first_pixels(loaded(folders[which], "sd3"), asked) == theirs


@pytest.mark.parametrize(("which", "length"), [("flux", 512), ("flux schnell", 256)])
def test_flux_equals_the_bare_pipeline(
    folders: dict[str, Path], order: JobSpec, which: str, length: int
) -> None:
    wide = replace(order, width=96)
    theirs = bare(folders[which], wide, max_sequence_length=length)
    assert first_pixels(loaded(folders[which], "flux"), wide) == theirs


@pytest.mark.parametrize(("which", "family"), [("sd3", "sd3"), ("flux", "flux")])
def test_image_i_is_the_single_image_of_its_seed(
    folders: dict[str, Path], order: JobSpec, which: str, family: str
) -> None:
    backend = loaded(folders[which], family)
    several = draw(backend, replace(order, n=2)).pictures
    alone = first_pixels(backend, replace(order, seed=order.seed_of(1)))
    assert several[1].raster.rgb == alone


@pytest.mark.parametrize(("which", "family"), [("sd3", "sd3"), ("flux", "flux")])
def test_previews_show_where_the_picture_is_heading(
    folders: dict[str, Path], order: JobSpec, which: str, family: str
) -> None:
    """After the last step the preview is of the very latents that are decoded."""
    backend = loaded(folders[which], family)
    warm = backend._warm["sd/tiny"]
    from generation.engine.backends.diffusers_local import previews

    assert warm.colours
    watch = Watched()
    seen: list[Any] = []
    decode = warm.pipe.vae.decode

    def spy(latents: Any, **options: Any) -> Any:
        seen.append(latents)
        return decode(latents, **options)

    warm.pipe.vae.decode = spy
    draw(backend, replace(order, width=96), watch)
    last = watch.steps[-1].preview
    assert last
    config = warm.pipe.vae.config
    latents = (seen[0] - config.shift_factor) * config.scaling_factor
    theirs = previews.raster(latents, warm.colours)
    assert (last().width, last().height) == (theirs.width, theirs.height)
    pairs = zip(last().rgb, theirs.rgb, strict=True)
    assert max(abs(one - other) for one, other in pairs) <= 1


@pytest.mark.parametrize(("which", "family"), [("sd3", "sd3"), ("flux", "flux")])
def test_every_step_can_be_looked_at_in_the_shape_of_the_picture(
    folders: dict[str, Path], order: JobSpec, which: str, family: str
) -> None:
    looks: list[Raster] = []

    def look(step: Step) -> None:
        assert step.preview
        looks.append(step.preview())

    wide = replace(order, width=128, num_inference_steps=3)
    list(loaded(folders[which], family).generate([wide], look))
    assert [(each.width, each.height, len(each.rgb)) for each in looks] == [
        (256, 128, 256 * 128 * 3)
    ] * 3
    assert len({each.rgb for each in looks}) == 3


@pytest.mark.parametrize(
    ("which", "family", "change", "said"),
    [
        ("flux", "flux", {"negative_prompt": "fog"}, "no negative prompt"),
        ("flux", "flux", {"clip_skip": 1}, "clip skip"),
        ("flux schnell", "flux", {"prompt": "a" * 300}, "tokens; this model reads 256"),
        ("sd3", "sd3", {"prompt": "a" * 300}, "tokens; this model reads 256"),
        ("sd3 without t5", "sd3", {"prompt": "a" * 100}, "tokens; this model reads 77"),
        ("sd3", "sd3", {"clip_skip": 3}, "clip_skip is too high"),
        ("flux", "flux", {"scheduler": "ddim"}, "does not suit flow models"),
        ("flux", "flux", {"width": 72}, "multiple of 16"),
    ],
)
def test_what_would_be_dropped_is_refused(
    folders: dict[str, Path],
    order: JobSpec,
    which: str,
    family: str,
    change: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(NotSupported, match=said):
        draw(loaded(folders[which], family), replace(order, **change))


def test_the_runner_refuses_other_schedulers_before_loading(order: JobSpec) -> None:
    able = DiffusersBackend(Setup("cpu")).capabilities()
    with pytest.raises(NotSupported, match="ddim does not suit FLUX"):
        capabilities.check(replace(order, scheduler="ddim"), ref(Path("/nowhere"), "flux"), able)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("spiece.model", "has only spiece.model, which is not read, and no tokenizer.json"),
        ("notes.txt", "tokenizer_2 has no tokenizer.json"),
    ],
)
def test_t5_without_its_words_is_refused_and_told_how_to_get_them(
    folders: dict[str, Path], tmp_path: Path, held: str, said: str
) -> None:
    """The libraries make a tokenizer of four words, and the picture is of something else."""
    folder = shutil.copytree(folders["flux"], tmp_path / "flux")
    (folder / "tokenizer_2/tokenizer.json").rename(folder / "tokenizer_2" / held)
    with pytest.raises(ModelUnloadable, match=said) as caught:
        loaded(folder, "flux")
    assert "hf download REPOSITORY tokenizer_2/tokenizer.json" in str(caught.value)

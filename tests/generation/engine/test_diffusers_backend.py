"""The diffusers back end on tiny real checkpoints: exactness, refusals, broken memory and numbers."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation.engine.backends.diffusers_local.backend import DiffusersBackend
from generation.engine.contract import JobSpec, ModelRef, Setup
from generation.engine.errors import (
    DeviceLost,
    NotSupported,
    NumericalError,
    OutOfMemory,
)
from tests import tiny_models
from tests.generation.engine.conftest import Watched, draw, first_pixels

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")


@pytest.fixture
def backend(sd: ModelRef) -> DiffusersBackend:
    opened = DiffusersBackend(Setup("cpu"))
    opened.load(sd)
    return opened


@pytest.fixture
def batching(sd: ModelRef) -> DiffusersBackend:
    """Draws up to four images together, as on a large device."""
    opened = DiffusersBackend(Setup("cpu", images_at_once=4))
    opened.load(sd)
    return opened


@pytest.fixture
def copy(sd: ModelRef, tmp_path: Path) -> ModelRef:
    """The tiny checkpoint in a place of its own, to be damaged."""
    folder = shutil.copytree(sd.path, tmp_path / "copy")
    return replace(sd, path=str(folder))


def pipe_of(backend: DiffusersBackend) -> Any:
    return backend._warm["sd/tiny"].pipe


def bare(folder: str, spec: JobSpec, **options: Any) -> bytes:
    """The same order given to a plain diffusers pipeline."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    image = pipe(
        spec.prompt,
        negative_prompt=spec.negative_prompt or None,
        width=spec.width,
        height=spec.height,
        num_inference_steps=spec.num_inference_steps,
        guidance_scale=spec.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(spec.seed),
        **options,
    ).images[0]
    return bytes(image.tobytes())


class Full:
    """A forward hook that runs out of memory as a device would, while `full` says so."""

    def __init__(self, full: Callable[[Any], bool]) -> None:
        self.full = full
        self.batches: list[int] = []

    def __call__(self, module: Any, args: Any, output: Any) -> None:
        self.batches.append(args[0].shape[0])
        if self.full(self):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GB")


def test_pixels_equal_the_bare_pipeline(
    backend: DiffusersBackend, sd: ModelRef, spec: JobSpec
) -> None:
    assert first_pixels(backend, spec) == bare(sd.path, spec)


@pytest.mark.parametrize("negative", ["", "fog"])
@pytest.mark.parametrize("guidance", [1.0, 6.0])
def test_sdxl_pixels_equal_the_bare_pipeline(
    sdxl: ModelRef, spec: JobSpec, negative: str, guidance: float
) -> None:
    backend = DiffusersBackend(Setup("cpu"))
    backend.load(sdxl)
    order = replace(spec, negative_prompt=negative, guidance_scale=guidance)
    assert first_pixels(backend, order) == bare(sdxl.path, order)


def test_vae_with_its_own_scale_equals_the_bare_pipeline(
    sdxl: ModelRef, spec: JobSpec, tmp_path: Path
) -> None:
    folder = shutil.copytree(sdxl.path, tmp_path / "scaled")
    config = folder / "vae/config.json"
    scale = {"latents_mean": [0.1, -0.2, 0.3, 0.4], "latents_std": [1.5, 0.5, 2.0, 1.0]}
    config.write_text(json.dumps(json.loads(config.read_text()) | scale))
    backend = loaded(replace(sdxl, path=str(folder)))
    theirs = bare(str(folder), spec)
    assert theirs != bare(sdxl.path, spec)
    assert greatest_difference(first_pixels(backend, spec), theirs) <= 1


def test_images_drawn_together_equal_those_drawn_alone(
    backend: DiffusersBackend, batching: DiffusersBackend, spec: JobSpec
) -> None:
    together = draw(batching, replace(spec, n=3)).pictures
    alone = draw(backend, replace(spec, n=3)).pictures
    pairs = zip(together, alone, strict=True)
    assert max(greatest_difference(a.raster.rgb, b.raster.rgb) for a, b in pairs) <= 1


def test_images_drawn_together_share_their_steps(batching: DiffusersBackend, spec: JobSpec) -> None:
    watch = Watched()
    draw(batching, replace(spec, n=6), watch)
    assert [step.step for step in watch.steps] == [1, 2, 3, 4, 5, 6]


def test_long_prompts_count_to_their_last_word(backend: DiffusersBackend, spec: JobSpec) -> None:
    long = replace(spec, prompt="a boat " * 40 + "on a lake")
    assert first_pixels(backend, long) != first_pixels(
        backend, replace(long, prompt="a boat " * 40 + "on a road")
    )


def test_sides_need_not_suit_the_unet(backend: DiffusersBackend, spec: JobSpec) -> None:
    """9x5 latents: the UNet halves and doubles them all the same."""
    raster = draw(backend, replace(spec, width=72, height=40)).pictures[0].raster
    assert (raster.width, raster.height) == (72, 40)


def test_moved_models_are_read_again(
    backend: DiffusersBackend, tmp_path: Path, spec: JobSpec, sd: ModelRef
) -> None:
    before = first_pixels(backend, spec)
    other = tiny_models.build_sd(tmp_path / "other", seed=1)
    backend.load(replace(sd, path=str(other)))
    assert first_pixels(backend, spec) != before


def test_prompts_are_not_cut_unevenly(backend: DiffusersBackend, spec: JobSpec) -> None:
    """Guidance needs both prompts in as many windows."""
    assert draw(backend, replace(spec, prompt="a boat", negative_prompt="fog " * 90)).pictures


def test_no_guidance_needs_no_negative_prompt(
    backend: DiffusersBackend, sd: ModelRef, spec: JobSpec
) -> None:
    order = replace(spec, guidance_scale=1.0)
    assert first_pixels(backend, order) == bare(sd.path, order)


def test_clip_skip_beyond_the_layers_is_refused(backend: DiffusersBackend, spec: JobSpec) -> None:
    with pytest.raises(NotSupported, match="has 3 layers"):
        draw(backend, replace(spec, clip_skip=3))


def test_size_the_vae_cannot_make_is_refused(backend: DiffusersBackend, spec: JobSpec) -> None:
    with pytest.raises(NotSupported, match="68x64 is not a multiple of 8"):
        draw(backend, replace(spec, width=68, height=64))


def test_previews_use_the_checkpoints_own_map(copy: ModelRef, spec: JobSpec) -> None:
    write_map(copy, {"factors": [[0, 0, 0]] * 4, "bias": [1, 0.4, 0]})
    watch = Watched()
    draw(loaded(copy), spec, watch)
    preview = watch.steps[-1].preview
    assert preview
    assert preview().rgb[:3] == bytes([255, 102, 0])


def test_preview_keeps_the_shape_of_the_picture(copy: ModelRef, spec: JobSpec) -> None:
    previews: list[Any] = []
    backend = loaded(replace(copy, family="sd1"))

    def look(step: Any) -> None:
        previews.append(step.preview())

    list(backend.generate([replace(spec, scheduler="euler")], look))
    assert {(p.width, p.height, len(p.rgb)) for p in previews} == {(256, 192, 256 * 192 * 3)}


def test_models_without_a_map_have_no_previews(backend: DiffusersBackend, spec: JobSpec) -> None:
    watch = Watched()
    draw(backend, spec, watch)
    assert watch.steps[0].preview is None


def test_out_of_memory_draws_one_by_one(
    backend: DiffusersBackend, batching: DiffusersBackend, spec: JobSpec
) -> None:
    hook = Full(lambda hook: hook.batches[-1] > 2)
    pipe_of(batching).unet.register_forward_hook(hook)
    watch = Watched()
    result = draw(batching, replace(spec, n=3), watch)
    assert hook.batches == [6, *[2] * 9]
    assert result.pictures == draw(backend, replace(spec, n=3)).pictures
    assert (watch.steps[-1].step, watch.steps[-1].steps) == (9, 9)


def test_out_of_memory_for_good_says_how_much(backend: DiffusersBackend, spec: JobSpec) -> None:
    pipe_of(backend).unet.register_forward_hook(Full(lambda _: True))
    with pytest.raises(OutOfMemory, match=r"64x48 does not fit: .* GB on cpu"):
        draw(backend, spec)


def test_decoder_out_of_memory_goes_on_in_tiles(backend: DiffusersBackend, spec: JobSpec) -> None:
    hook = Full(lambda hook: len(hook.batches) == 1)
    pipe_of(backend).vae.decoder.register_forward_hook(hook)
    large = replace(spec, width=128, height=64)
    assert len(draw(backend, large).pictures[0].raster.rgb) == 128 * 64 * 3
    assert len(hook.batches) > 2
    assert not pipe_of(backend).vae.use_tiling


def test_decoder_out_of_memory_for_good_says_so(backend: DiffusersBackend, spec: JobSpec) -> None:
    pipe_of(backend).vae.decoder.register_forward_hook(Full(lambda _: True))
    with pytest.raises(OutOfMemory, match="even in tiles"):
        draw(backend, spec)


def test_other_decoder_errors_pass(backend: DiffusersBackend, spec: JobSpec) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a defect")

    pipe_of(backend).vae.decoder.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="a defect"):
        draw(backend, spec)


def test_encoder_out_of_memory_is_named(backend: DiffusersBackend, spec: JobSpec) -> None:
    pipe_of(backend).text_encoder.register_forward_hook(Full(lambda _: True))
    with pytest.raises(OutOfMemory, match=r"Not enough memory: .* GB on cpu are in use"):
        draw(backend, spec)


def test_machine_out_of_memory_is_named(backend: DiffusersBackend, spec: JobSpec) -> None:
    def ask(*_: Any) -> None:
        torch.empty(2**60, dtype=torch.uint8)

    pipe_of(backend).unet.register_forward_hook(ask)
    with pytest.raises(OutOfMemory):
        draw(backend, spec)


def test_next_picture_after_out_of_memory_is_whole(
    backend: DiffusersBackend, spec: JobSpec
) -> None:
    before = first_pixels(backend, spec)
    handle = pipe_of(backend).unet.register_forward_hook(Full(lambda _: True))
    with pytest.raises(OutOfMemory):
        draw(backend, spec)
    handle.remove()
    assert first_pixels(backend, spec) == before


def test_lost_device_is_fatal(backend: DiffusersBackend, spec: JobSpec) -> None:
    def fail(*_: Any) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    pipe_of(backend).unet.register_forward_hook(fail)
    with pytest.raises(DeviceLost) as caught:
        draw(backend, spec)
    assert caught.value.fatal


def test_poisoned_denoiser_is_an_error(backend: DiffusersBackend, spec: JobSpec) -> None:
    torch.nn.init.constant_(pipe_of(backend).unet.conv_in.weight, float("nan"))
    with pytest.raises(NumericalError, match="Denoising"):
        draw(backend, spec)


@pytest.mark.parametrize("poison", [float("nan"), 0.0])
def test_broken_decoder_is_an_error(
    backend: DiffusersBackend, spec: JobSpec, poison: float
) -> None:
    """Not a number, and all one colour."""
    torch.nn.init.constant_(pipe_of(backend).vae.decoder.conv_out.weight, poison)
    with pytest.raises(NumericalError, match="decoder"):
        draw(backend, spec)


def test_decoder_that_overflows_in_half_precision_gets_full(
    backend: DiffusersBackend, spec: JobSpec
) -> None:
    vae = pipe_of(backend).vae.half()
    with torch.no_grad():
        vae.decoder.conv_in.weight.mul_(1e5)
    draw(backend, spec)
    assert vae.dtype == torch.float16
    assert not vae.decoder.conv_in.weight.is_inference()


def loaded(model: ModelRef) -> DiffusersBackend:
    backend = DiffusersBackend(Setup("cpu"))
    backend.load(model)
    return backend


def write_map(model: ModelRef, data: object) -> None:
    (Path(model.path) / "latent_rgb.json").write_text(json.dumps(data))


def greatest_difference(one: bytes, other: bytes) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))

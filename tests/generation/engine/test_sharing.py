"""Warm models with the same VAE or text encoders have one between them, and can part."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation.engine.contract import JobSpec, ModelRef, Setup
from tests import tiny_models
from tests.generation.engine.conftest import first_pixels

torch = pytest.importorskip("torch")
from generation.engine.backends.diffusers_local.backend import DiffusersBackend  # noqa: E402

SHARED = {"vae", "text_encoder"}


@pytest.fixture
def cousin(sd: ModelRef, tmp_path: Path) -> ModelRef:
    """Another UNet around the very same VAE and text encoder, as fine-tunes have it."""
    folder = shutil.copytree(sd.path, tmp_path / "cousin")
    other = tiny_models.build_sd(tmp_path / "other", seed=1)
    shutil.rmtree(folder / "unet")
    shutil.copytree(other / "unet", folder / "unet")
    return replace(sd, id="sd/cousin", path=str(folder))


@pytest.fixture
def stranger(sd: ModelRef, tmp_path: Path) -> ModelRef:
    other = tiny_models.build_sd(tmp_path / "stranger", seed=2)
    return replace(sd, id="sd/stranger", path=str(other))


def loaded(*models: ModelRef) -> DiffusersBackend:
    backend = DiffusersBackend(Setup("cpu"))
    for model in models:
        backend.load(model)
    return backend


def shared(backend: DiffusersBackend) -> set[str]:
    one, other = (warm.pipe for warm in backend._warm.values())
    return {name for name in ("unet", *SHARED) if getattr(one, name) is getattr(other, name)}


def bytes_of(module: Any) -> int:
    return sum(p.nbytes for p in (*module.parameters(), *module.buffers()))


def test_the_same_parts_are_one(sd: ModelRef, cousin: ModelRef) -> None:
    assert shared(loaded(sd, cousin)) == SHARED


def test_other_parts_stay_apart(sd: ModelRef, stranger: ModelRef) -> None:
    assert shared(loaded(sd, stranger)) == set()


def test_one_weight_makes_another_part(sd: ModelRef, cousin: ModelRef) -> None:
    from safetensors.torch import load_file, save_file

    [file] = (Path(cousin.path) / "vae").glob("*.safetensors")
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    tensors["decoder.conv_out.bias"][0] += 1e-3
    save_file(tensors, file, metadata={"format": "pt"})
    assert shared(loaded(sd, cousin)) == {"text_encoder"}


def test_pictures_are_those_of_models_alone(sd: ModelRef, cousin: ModelRef, spec: JobSpec) -> None:
    together = loaded(sd, cousin)
    for model in (sd, cousin):
        order = replace(spec, model=model.id)
        assert first_pixels(together, order) == first_pixels(loaded(model), order)


def test_unloading_one_leaves_the_other_whole(
    sd: ModelRef, cousin: ModelRef, spec: JobSpec
) -> None:
    backend = loaded(sd, cousin)
    before = first_pixels(backend, replace(spec, model=cousin.id))
    backend.unload(sd.id)
    assert first_pixels(backend, replace(spec, model=cousin.id)) == before
    backend.load(sd)
    assert shared(backend) == SHARED


def test_memory_counts_shared_parts_once(sd: ModelRef, cousin: ModelRef) -> None:
    backend = loaded(sd, cousin)
    pipe = backend._warm[sd.id].pipe
    both = bytes_of(pipe.vae) + bytes_of(pipe.text_encoder)
    able = backend.capabilities()
    assert able.memory_of == dict.fromkeys((sd.id, cousin.id), both + bytes_of(pipe.unet))
    assert able.memory_shared == both
    backend.unload(sd.id)
    assert backend.capabilities().memory_shared == 0
    backend.unload(cousin.id)
    assert backend.capabilities().memory_of == {}

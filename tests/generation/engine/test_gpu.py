"""On a real accelerator: the contract's promises that a CPU cannot show."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from generation.engine.backends.diffusers_local.backend import DiffusersBackend
from generation.engine.contract import JobSpec, ModelRef, Setup
from tests.generation.engine.conftest import draw, first_pixels

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def backend(sd: ModelRef) -> Iterator[DiffusersBackend]:
    opened = DiffusersBackend(Setup("cuda"))
    opened.load(sd)
    yield opened
    opened.unload(sd.id)


def mean_difference(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def test_same_spec_same_bytes(backend: DiffusersBackend, spec: JobSpec) -> None:
    assert first_pixels(backend, spec) == first_pixels(backend, spec)


def test_seed_means_the_same_picture_as_on_a_cpu(
    backend: DiffusersBackend, sd: ModelRef, spec: JobSpec
) -> None:
    cpu = DiffusersBackend(Setup("cpu"))
    cpu.load(sd)
    assert mean_difference(first_pixels(backend, spec), first_pixels(cpu, spec)) < 4


def test_images_together_equal_images_alone(backend: DiffusersBackend, spec: JobSpec) -> None:
    for picture in draw(backend, replace(spec, n=4)).pictures:
        alone = first_pixels(backend, replace(spec, seed=picture.seed))
        assert mean_difference(picture.raster.rgb, alone) < 1


def test_unloading_gives_the_memory_back(backend: DiffusersBackend, spec: JobSpec) -> None:
    draw(backend, spec)
    before = torch.cuda.memory_allocated()
    backend.unload(spec.model)
    assert torch.cuda.memory_allocated() < before / 2

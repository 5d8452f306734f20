"""The device and its number format are chosen for what the hardware does well."""

from dataclasses import replace
from pathlib import Path

import pytest

from generation.engine.contract import JobSpec
from generation.engine.errors import NotSupported

torch = pytest.importorskip("torch")
from generation.engine.backends.diffusers_local import device, memory  # noqa: E402 - needs torch

CPU = torch.device("cpu")
BIG = 860_000_000


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cpu!", ""])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(NotSupported, match="choose auto, cpu, cuda"):
        device.choose(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_absent_devices_are_refused() -> None:
    with pytest.raises(NotSupported, match="no cuda device"):
        device.choose("cuda:0")


def test_cpu_can_always_be_chosen() -> None:
    assert device.choose("cpu") == CPU


def test_small_models_stay_in_float32_on_a_cpu() -> None:
    assert device.dtype_for(CPU, 60_000) == torch.float32


@pytest.mark.parametrize(("flag", "dtype"), [("avx512_bf16", "bfloat16"), ("avx2", "float32")])
def test_large_models_use_bfloat16_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, flag: str, dtype: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {flag: True})
    assert device.name_of(device.dtype_for(CPU, BIG)) == dtype


@pytest.mark.parametrize(("native", "dtype"), [(True, "bfloat16"), (False, "float16")])
def test_cuda_before_ampere_uses_float16(
    monkeypatch: pytest.MonkeyPatch, native: bool, dtype: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: native)
    assert device.name_of(device.dtype_for(torch.device("cuda"), BIG)) == dtype


@pytest.mark.parametrize(("quota", "share"), [("100000 100000", 1), ("50000 100000", 1)])
def test_container_quota_limits_the_threads(tmp_path: Path, quota: str, share: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert device.cpu_share(tmp_path / "cpu.max") == share


@pytest.mark.parametrize("quota", ["max 100000", ""])
def test_no_quota_means_every_processor(tmp_path: Path, quota: str) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert device.cpu_share(tmp_path / "cpu.max") == device.cpu_share(tmp_path / "missing")


def test_cpu_draws_one_at_a_time(spec: JobSpec) -> None:
    assert memory.images_at_once(CPU, spec) == 1


def test_memory_is_counted_in_bytes() -> None:
    total, used = memory.figures(CPU)
    assert 10**7 < used < total


@pytest.mark.parametrize(("side", "n", "together"), [(512, 10, 5), (512, 3, 3), (1024, 4, 1)])
def test_a_device_draws_what_half_its_memory_holds(
    monkeypatch: pytest.MonkeyPatch, spec: JobSpec, side: int, n: int, together: int
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 24 * 10**9))
    order = replace(spec, width=side, height=side, n=n)
    assert memory.images_at_once(torch.device("cuda"), order) == together


def test_large_devices_still_have_a_bound(monkeypatch: pytest.MonkeyPatch, spec: JobSpec) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**9, 10**12))
    assert memory.images_at_once(torch.device("cuda"), replace(spec, n=10)) == 8

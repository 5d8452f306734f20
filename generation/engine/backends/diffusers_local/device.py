"""Where to compute and in which number format: what this machine's hardware does well."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from generation.engine.backends.diffusers_local import memory
from generation.engine.errors import DeviceLost, NotSupported, OutOfMemory

# Measured on one AVX512-BF16 core, an image: a fifth less time at 9 million UNet parameters (50 dB
# from float32), 40 percent less at 88 million. Below this, too little to lose digits for.
BF16_WORTH = 5_000_000
_LOST = ("illegal memory access", "device-side assert", "unspecified launch failure", "Xid")
_CPU_FULL = "can't allocate memory"


def choose(name: str) -> torch.device:
    """The device called `name`; auto takes CUDA (ROCm too), then MPS, then the CPU."""
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind, _, index = name.partition(":")
    if kind not in available or (index and not index.isdecimal()):
        raise NotSupported(f"Unknown device {name!r}; choose auto, cpu, cuda, cuda:N or mps.")
    if not available[kind]:
        raise NotSupported(f"This machine (or its torch) has no {kind} device.")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise NotSupported(f"There is no {name}: {torch.cuda.device_count()} devices were found.")
    return torch.device(name)


def dtype_for(device: torch.device, parameters: int = BF16_WORTH) -> torch.dtype:
    """The format for a UNet of so many parameters. Never float16 on a CPU: a hundred times slower."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "mps":
        return torch.float16
    able = torch.cpu.get_capabilities()
    fast = able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if fast and parameters >= BF16_WORTH else torch.float32


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def prepare(device: torch.device) -> None:
    """Process-wide choices: convolutions that repeat to the bit, and no more threads than help."""
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
    if "OMP_NUM_THREADS" not in os.environ and cpu_share() < torch.get_num_threads():
        torch.set_num_threads(cpu_share())


def cpu_share(quota_file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors this process may use, at least one: by affinity and by the container's quota."""
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    try:
        quota, period = quota_file.read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        # No such file, or "max": no quota.
        pass
    return count


def synchronize(device: torch.device) -> None:
    """Wait for the device, so that a stage's time is its own; between stages only, never in a step."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _CPU_FULL in str(error)


@contextmanager
def faults_named(device: torch.device) -> Iterator[None]:
    """Turns torch's errors into the engine's; others, our own included, pass as they are."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(f"Not enough memory: {memory.described(device)}.") from error
        if isinstance(error, torch.AcceleratorError) or any(s in str(error) for s in _LOST):
            # Its further lines are advice for kernel authors.
            what = str(error).partition("\n")[0]
            raise DeviceLost(f"{device} failed and needs a new process: {what}") from error
        raise

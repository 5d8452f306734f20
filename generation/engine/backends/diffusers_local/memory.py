"""How much memory there is, how much a picture takes, and giving it back."""

import ctypes
import gc
import os
import sys
from pathlib import Path

import torch

from generation.engine.contract import JobSpec

# Decoding is the peak: about 8 KB of activations a pixel and image in half precision.
_BYTES_PER_PIXEL = 8192
_MOST_AT_ONCE = 8
_GB = 1e9


def figures(device: torch.device) -> tuple[int, int]:
    """(total, used) bytes: of the device on CUDA, of this machine and process on the CPU."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total, total - free
    if device.type == "mps":
        return torch.mps.recommended_max_memory(), torch.mps.driver_allocated_memory()
    return _machine_total(), _resident()


def described(device: torch.device) -> str:
    total, used = figures(device)
    return f"{used / _GB:.1f} of {total / _GB:.1f} GB on {device} are in use"


def free(device: torch.device) -> None:
    """Return what torch keeps for later; collects first, since cycles hold tensors too."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        # glibc keeps freed memory for itself; another program may need it.
        libc.malloc_trim(0)


def images_at_once(device: torch.device, spec: JobSpec, limit: int = 0) -> int:
    """How many images of a spec to denoise together, 1..n.

    `limit` decides where it is not 0. Otherwise one on a CPU, which gains nothing from more, and on
    a device what half of its memory holds. The device's total counts and not what is free now:
    else the same spec would be cut differently from run to run, and differ in its last bits.
    """
    if limit:
        return min(limit, spec.n)
    if device.type == "cpu":
        return 1
    total, _ = figures(device)
    fitting = int(total / 2 / (_BYTES_PER_PIXEL * spec.width * spec.height))
    return max(1, min(spec.n, _MOST_AT_ONCE, fitting))


def _machine_total(limit_file: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(limit_file.read_text()))
    except (OSError, ValueError):
        # No such file, or "max": no limit.
        return total


def _resident(statm: Path = Path("/proc/self/statm")) -> int:
    """This process's resident bytes; 0 where /proc does not tell."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0

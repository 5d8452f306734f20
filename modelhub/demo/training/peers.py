"""Processes that train copies of one network and average them now and then.

On a busy machine this wastes far less than threads, which wait for each other hundreds
of times within a single step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

EVERY = 10


def run(count: int, meeting_point: Path, work: Callable[..., None], *args: Any) -> None:
    """Call work(*args) in `count` processes that know of each other."""
    if count == 1:
        work(*args)
        return
    meeting_point.unlink(missing_ok=True)
    torch.multiprocessing.spawn(_join, (count, meeting_point, work, args), nprocs=count)


def _join(
    rank: int, count: int, meeting_point: Path, work: Callable[..., None], args: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting_point.resolve()}", rank=rank, world_size=count
    )
    work(*args)
    distributed.destroy_process_group()


def number() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


@torch.no_grad()
def average(network: nn.Module) -> None:
    if count() == 1:
        return
    weights = list(network.parameters())
    flat = torch.cat([weight.reshape(-1) for weight in weights])
    distributed.all_reduce(flat)
    flat /= count()
    pieces = flat.split([weight.numel() for weight in weights])
    for weight, piece in zip(weights, pieces, strict=True):
        weight.copy_(piece.view_as(weight))

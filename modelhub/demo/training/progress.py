"""Checkpoints, learning rate and log line: what both trainings share."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from modelhub.demo.training import peers

log = logging.getLogger(__name__)


def under(name: str, saved: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of one part of a saved file."""
    return {key.removeprefix(f"{name}/"): saved[key] for key in saved if key.startswith(f"{name}/")}


@dataclass
class Progress:
    """Where a training stands; it goes on from its checkpoint when the process was stopped."""

    path: Path
    steps: int
    parts: dict[str, Any]  # everything with state_dict: networks and optimiser
    top: float = 1.0  # share of the optimiser's own peak rate
    warm_up: int = 100
    every: int = 250
    step: int = 0
    losses: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.path.exists():
            saved = load_file(self.path)
            self.step = int(saved["step"])
            for name, part in self.parts.items():
                part.load_state_dict(under(name, saved))

    def share_of_peak(self) -> float:
        warm = min(1.0, (self.step + 1) / self.warm_up)
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.steps)))
        return self.top * warm * max(falling, 0.01)

    def generator(self) -> torch.Generator:
        # Seeded by the step, so a resumed run sees what an uninterrupted one would have seen.
        return torch.Generator().manual_seed(1_000_003 * (1 + peers.number()) + self.step)

    def advance(
        self,
        optimiser: torch.optim.Optimizer,
        loss: torch.Tensor,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * self.share_of_peak()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(
            [weight for group in optimiser.param_groups for weight in group["params"]], 1.0
        )
        optimiser.step()
        after()
        self.step += 1
        self.losses.append(float(loss.detach()))
        if peers.number() > 0:
            return
        if self.step % 50 == 0:
            self._report()
        if self.step % self.every == 0 or self.step >= self.steps:
            self.save()

    def save(self) -> None:
        state = {"step": torch.tensor(self.step)}
        for name, part in self.parts.items():
            state |= {f"{name}/{key}": value for key, value in part.state_dict().items()}
        partial = self.path.with_suffix(".partial")
        save_file(state, partial)
        partial.replace(self.path)

    def _report(self) -> None:
        recent = sum(self.losses) / len(self.losses)
        pace = (time.monotonic() - self.began) / len(self.losses)
        log.info("%s %d/%d loss %.4f %.3f s", self.path.stem, self.step, self.steps, recent, pace)
        self.losses.clear()
        self.began = time.monotonic()

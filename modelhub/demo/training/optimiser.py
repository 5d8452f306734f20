"""Muon for the matrices, Adam for the rest: two to three times fewer steps than Adam alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MATRIX_RATE = 5e-3
OTHER_RATE = 2e-3
MOMENTUM = 0.95
BETAS = (0.9, 0.99)


class Muon(torch.optim.Optimizer):
    """Steps of a matrix are made orthogonal, so that no direction of it is learned last."""

    def __init__(self, network: nn.Module) -> None:
        matrices, others = [], []
        for name, weight in network.named_parameters():
            # An embedding is a table of rows, not a map: orthogonal steps mean nothing there.
            (matrices if weight.ndim > 1 and "embedding" not in name else others).append(weight)
        super().__init__(
            [
                {"params": matrices, "peak": MATRIX_RATE, "update": "orthogonal"},
                {"params": others, "peak": OTHER_RATE, "update": "adam"},
            ],
            {"lr": 0.0},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            move = _orthogonal if group["update"] == "orthogonal" else _adam
            for weight in group["params"]:
                if weight.grad is not None:
                    move(weight, weight.grad, self.state[weight], group["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Tensors only, by place and name, so that a checkpoint needs no pickle."""
        return {
            f"{place}.{name}": value
            for place, weight in enumerate(self._weights())
            for name, value in self.state[weight].items()
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        weights = self._weights()
        for key, value in state_dict.items():
            place, name = key.split(".")
            self.state[weights[int(place)]][name] = value

    def _weights(self) -> list[Tensor]:
        return [weight for group in self.param_groups for weight in group["params"]]


def _orthogonal(weight: Tensor, gradient: Tensor, state: dict[str, Any], rate: float) -> None:
    moving = state.setdefault("moving", torch.zeros_like(weight))
    moving.mul_(MOMENTUM).add_(gradient)
    ahead = gradient.add(moving, alpha=MOMENTUM).reshape(len(weight), -1)
    # The factor gives every entry the size of a typical Adam step, whatever the shape.
    step = _nearest_orthogonal(ahead) * (0.2 * math.sqrt(max(ahead.shape)))
    weight.mul_(1 - rate * 0.01).add_(step.view_as(weight), alpha=-rate)


def _nearest_orthogonal(matrix: Tensor) -> Tensor:
    """Newton-Schulz iteration with the quintic coefficients of the Muon paper."""
    near = (matrix / (matrix.norm() + 1e-7)).bfloat16()
    tall = near.shape[0] > near.shape[1]
    near = near.T if tall else near
    for _ in range(5):
        square = near @ near.T
        near = 3.4445 * near + (-4.7750 * square + 2.0315 * square @ square) @ near
    return (near.T if tall else near).float()


def _adam(weight: Tensor, gradient: Tensor, state: dict[str, Any], rate: float) -> None:
    first = state.setdefault("first", torch.zeros_like(weight))
    second = state.setdefault("second", torch.zeros_like(weight))
    count = state.setdefault("count", torch.zeros(()))
    count += 1
    first.lerp_(gradient, 1 - BETAS[0])
    second.lerp_(gradient.square(), 1 - BETAS[1])
    size = (second / (1 - BETAS[1] ** float(count))).sqrt_().add_(1e-8)
    weight.addcdiv_(first, size, value=-rate / (1 - BETAS[0] ** float(count)))

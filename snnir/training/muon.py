"""Muon: momentum made orthogonal, for matrices and the kernels of convolutions."""

from __future__ import annotations

import torch
from torch import nn

from snnir.training.fit import Recipe

ROUNDS = 4
"""Newton-Schulz iterations; singular values end between about 0.7 and 1.2."""

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that grows small singular values fastest."""


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """U V^T, nearly, of a matrix U S V^T."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / wide.norm().clamp_min(1e-12)
    a, b, c = _COEFFICIENTS
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


class Muon(torch.optim.Optimizer):
    """Steps along the momentum with all its singular values brought to about 1.

    Each kernel is a matrix of a row for each output channel. A step of rate 1 is as long as the
    weights are wide: the root of the rows over the columns, where that is over 1.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024).
    """

    def __init__(self, parameters, lr: float, momentum: float, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                state["mean"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(state["mean"], group["momentum"])
                rows = ahead.flatten(1)
                longer = max(1.0, rows.shape[0] / rows.shape[1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(orthogonal(rows).view_as(parameter), alpha=-group["lr"] * longer)


class Both:
    """Several optimisers that step as one, each with parameters of its own."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        self.param_groups = [group for part in parts for group in part.param_groups]

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, content: dict) -> None:
        for part, held in zip(self.parts, content["parts"], strict=True):
            part.load_state_dict(held)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def muon(net: nn.Module, recipe: Recipe, share: float = 0.1) -> Both:
    """Muon for the kernels and matrices between the first and the last, SGD for all others.

    Args:
        share: of the recipe's rate that a step of Muon takes; its steps are of another kind.
    """
    wide = [p for p in net.parameters() if p.ndim > 1]
    narrow = [p for p in net.parameters() if p.ndim <= 1]
    decay = recipe.decay / share
    ends = {"params": [wide[0], wide[-1]], "weight_decay": recipe.decay}
    return Both(
        Muon([{"params": wide[1:-1], "share": share}], share * recipe.rate, 0.95, decay),
        torch.optim.SGD([ends, {"params": narrow}], lr=recipe.rate, momentum=recipe.momentum,
                        nesterov=True),
    )  # fmt: skip

"""Adam for spiking networks: steps are measured on the grids that parameters are rounded to."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from snnir.training.fit import Recipe
from snnir.training.spiking import Layer, SpikingNetwork

SHARED = 0.1
"""How far scales, thresholds and leaks may go in a step, as a share of themselves, where a weight
goes one unit: each of them moves many weights or neurons at once."""


class GridAdam(torch.optim.Optimizer):
    """Adam whose step for a parameter is a multiple of a unit of that parameter.

    The weights of a network whose batch norms were folded differ from layer to layer by much, and
    so do their gradients, the other way round: with one learning rate for all, some layers diverge
    before others move. A learning rate of 0.02 here means that no weight moves by more than about
    0.02 of its rounding step at a time, in any layer.

    Args:
        parameters: pairs of a parameter and its unit, which broadcasts to it and stays as it is.
        lr: the learning rate, in units.

    Source: Kingma and Ba, Adam, ICLR 2015; Esser et al., Learned step size quantization, ICLR 2020
    (that steps of weights and of scales should be alike in proportion to their sizes).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[torch.nn.Parameter, torch.Tensor]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        pairs = list(parameters)
        super().__init__([p for p, _ in pairs], {"lr": lr, "betas": betas})
        for parameter, unit in pairs:
            self.state[parameter] = {
                "unit": unit.detach().clone(),
                "step": torch.tensor(0),
                "mean": torch.zeros_like(parameter),
                "square": torch.zeros_like(parameter),
            }

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            first, second = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                state["step"] += 1
                state["mean"].lerp_(parameter.grad, 1 - first)
                state["square"].lerp_(parameter.grad.square(), 1 - second)
                mean = state["mean"] / (1 - first ** int(state["step"]))
                size = (state["square"] / (1 - second ** int(state["step"]))).sqrt_()
                # Gradients that were always 0 move nothing.
                parameter -= group["lr"] * state["unit"] * (mean / size.clamp_min_(1e-30))


def on_grid(network: SpikingNetwork, recipe: Recipe) -> GridAdam:
    """The optimiser of a spiking network; units are those of the network as it is now."""
    return GridAdam([pair for layer in network.layers() for pair in _units(layer)], recipe.rate)


def _units(layer: Layer) -> Iterable[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Each parameter of a layer and what its steps are measured in."""
    main = max((b for b in layer.branches if b.weight is not None), key=lambda b: b.weight.numel())
    for branch in layer.branches:
        if branch.weight is not None:
            # Of other branches the real value of a unit is taken from how large their weights are.
            size = branch.weight.detach().abs().mean() / main.weight.detach().abs().mean()
            unit = layer.scale.detach().abs() * size
            yield branch.weight, unit.view(-1, *[1] * (branch.weight.ndim - 1))
    least = layer.bias.detach().abs().mean() / 16
    yield layer.bias, layer.spike_value() if layer.fires else least
    yield layer.scale, SHARED * layer.scale.abs()
    for parameter in (layer.full, layer.leak):
        if parameter is not None:
            yield parameter, SHARED * parameter.abs()

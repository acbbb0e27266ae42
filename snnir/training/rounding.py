"""Roundings and spikes that gradients pass through, exact in the forward direction."""

from __future__ import annotations

from collections.abc import Callable

import torch


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]):
        return function(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient, None


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, excess: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(excess)
        return (excess >= 0).to(excess.dtype)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        (excess,) = ctx.saved_tensors
        return gradient * (1 - excess.abs()).clamp_min_(0)


class _Slowed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient * ctx.factor, None


def rounded(x: torch.Tensor) -> torch.Tensor:
    """The nearest integer, the even one of two; its gradient is that of x (straight-through)."""
    return _StraightThrough.apply(x, torch.round)


def floored(x: torch.Tensor) -> torch.Tensor:
    """The integer below; its gradient is that of x."""
    return _StraightThrough.apply(x, torch.floor)


def spike(excess: torch.Tensor) -> torch.Tensor:
    """1 where the excess over the threshold, in thresholds, is not negative; else 0.

    Its gradient is a triangle of height 1 from -1 to 1.

    Source: Rathi and Roy, DIET-SNN, IEEE TNNLS 34 (2023), equation 9.
    """
    return _Spike.apply(excess)


def slowed(x: torch.Tensor, factor: float) -> torch.Tensor:
    """x, with a gradient `factor` times as large: for parameters that many values share.

    Source: Esser et al., Learned step size quantization, ICLR 2020, section 2.2.
    """
    return _Slowed.apply(x, factor)

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


class _Counts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, total: torch.Tensor, offset: torch.Tensor, theta: torch.Tensor, levels: int):
        quotient = (total + offset).div_(theta)
        ctx.save_for_backward(quotient, theta)
        ctx.levels = levels
        return quotient.floor().clamp_(0, levels)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        quotient, theta = ctx.saved_tensors
        inside = (quotient >= 0).logical_and_(quotient < ctx.levels + 1)
        passed = (gradient * inside).div_(theta)
        of_offset = passed.sum_to_size(theta.shape)
        return passed, of_offset, -(passed * quotient).sum_to_size(theta.shape), None


def rounded(x: torch.Tensor) -> torch.Tensor:
    """The nearest integer, the even one of two; its gradient is that of x (straight-through)."""
    return _StraightThrough.apply(x, torch.round)


def floored(x: torch.Tensor) -> torch.Tensor:
    """The integer below; its gradient is that of x."""
    return _StraightThrough.apply(x, torch.floor)


def counts(
    total: torch.Tensor, offset: torch.Tensor, theta: torch.Tensor, levels: int
) -> torch.Tensor:
    """clip(floor((total + offset) / theta), 0, levels).

    The gradient is that of the quotient where nothing is clipped, and 0 elsewhere. In one function,
    because what is computed on the way takes longer to read and write than a narrow convolution.

    Args:
        total: (N, C, ...); offset, theta: (C, ...) with ones behind.
    """
    return _Counts.apply(total, offset, theta, levels)


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

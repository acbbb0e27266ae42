"""Neurons of rate coding over all their steps, in one function of torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from snnir.dialects.neurons import LEAK_BITS
from snnir.training.trains import Code

PIECE = 1 << 16
"""Neurons that a processor computes through all steps at a time: their membranes fit its cache."""


def fired(
    moving: torch.Tensor | None,
    still: torch.Tensor,
    theta: torch.Tensor,
    leak: torch.Tensor | None,
    code: Code,
    scale: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Integrate, fire and subtract theta, T times, from theta / 2.

    With `code.ahead`, the first spike is decided when so many more steps have been integrated, and
    with `code.margin` on a membrane so many quarters of theta above it, until all are integrated.
    The gradient of a spike is a triangle of height 1 over the membrane's excess, from -1 to 1
    thresholds; rounding is passed straight through. Membranes have the type of theta, which has to
    hold their integers. In one function and piece by piece, because membranes and gradients of all
    steps at once take longer to read and write than the convolutions before them.

    Args:
        moving: (T, N, C, ...) currents, each of `scale` in membranes; None if there are none.
        still: (N, C, ...) what every step brings, in membranes, or (C, ...) for all images.
        theta: (C, ...) thresholds with ones behind.
        leak: 32ths of a membrane that are lost before each step, rounded down; None if none are.

    Returns:
        Spikes (T, N, C, ...) in float32, and of neurons that leak the sum of the membranes before
        each leak, through which no gradient goes.

    Source: Rathi and Roy, DIET-SNN, IEEE TNNLS 34 (2023), equation 9 (gradient of a spike; leak and
    threshold trained with the weights); Datta et al., ACE-SNN (the image at each step).
    """
    if still.ndim == theta.ndim:
        still = still.unsqueeze(0)
    spikes, held = _Fired.apply(moving, still, theta, leak, _Steps(code, scale))
    return spikes, None if leak is None else held


@dataclass(frozen=True)
class _Steps:
    code: Code
    scale: float

    @property
    def all(self) -> range:
        """Until the last spike is decided; in the first T currents come."""
        return range(self.code.steps + self.code.ahead)

    def least(self, t: int) -> float:
        """What a membrane needs in step t to fire, in thresholds, before it is rounded down."""
        return 1.0 if t + 1 >= self.code.steps else (4 + self.code.margin) / 4


class _Fired(torch.autograd.Function):
    @staticmethod
    def forward(ctx, moving, still, theta, leak, steps: _Steps):
        code, shape = steps.code, still.shape if moving is None else moving.shape[1:]
        spikes = theta.new_empty((code.steps, *shape), dtype=torch.float32)
        held = theta.new_zeros(() if leak is None else shape)
        excess = before = None
        if any(ctx.needs_input_grad):
            narrow = theta.dtype if moving is None else moving.dtype
            excess = torch.empty_like(spikes, dtype=narrow)
            before = None if leak is None else torch.empty_like(spikes, dtype=theta.dtype)
        for piece in _pieces(shape, theta):
            size = (piece.stop - piece.start, *shape[1:])
            v = (theta / 2).floor().expand(size).clone()
            constant = _of(still, piece)
            for t in steps.all:
                if t < code.steps:
                    if leak is not None:
                        held[piece] += v
                        if before is not None:
                            before[t, piece] = v
                        v -= (v * leak / (1 << LEAK_BITS)).floor()
                    if moving is not None:
                        v.add_(moving[t, piece], alpha=steps.scale)
                    v += constant
                if t < code.ahead:
                    continue
                above = v - (theta * steps.least(t)).floor()
                fires = above >= 0
                spikes[t - code.ahead, piece] = fires
                if excess is not None:
                    excess[t - code.ahead, piece] = above.div_(theta)
                v -= fires * theta
        ctx.steps, ctx.moving, ctx.still = steps, moving is not None, still.shape
        ctx.save_for_backward(spikes, excess, before, theta, leak)
        ctx.mark_non_differentiable(held)
        return spikes, held

    @staticmethod
    def backward(ctx, gradient, _):
        spikes, excess, before, theta, leak = ctx.saved_tensors
        steps, code, shape = ctx.steps, ctx.steps.code, spikes.shape[1:]
        of_moving = torch.empty_like(excess) if ctx.moving else None
        of_still = theta.new_zeros(ctx.still)
        of_theta, of_leak = torch.zeros_like(theta), None if leak is None else leak * 0
        for piece in _pieces(shape, theta):
            of_v = theta.new_zeros((piece.stop - piece.start, *shape[1:]))
            brought, of_least = torch.zeros_like(of_v), torch.zeros_like(of_v)
            for t in reversed(steps.all):
                if t >= code.ahead:
                    now = t - code.ahead
                    above = excess[now, piece].to(theta.dtype)
                    of_least.addcmul_(spikes[now, piece], of_v)
                    of_above = (gradient[now, piece] - of_v * theta).div_(theta)
                    of_above.mul_((1 - above.abs()).clamp_min_(0))
                    of_v += of_above
                    of_least.addcmul_(of_above, above.add_(steps.least(t)))
                if t < code.steps:
                    if of_moving is not None:
                        of_moving[t, piece] = of_v * steps.scale
                    brought += of_v
                    if leak is not None:
                        of_leak -= (of_v * before[t, piece]).sum() / (1 << LEAK_BITS)
                        of_v *= 1 - leak / (1 << LEAK_BITS)
            _of(of_still, piece).add_(brought.sum_to_size(_of(of_still, piece).shape))
            of_theta -= of_least.sum_to_size(theta.shape)
        return of_moving, of_still, of_theta, of_leak, None


def _pieces(shape: torch.Size, on: torch.Tensor) -> Iterator[slice]:
    """Images (N, ...) that are computed at a time: all of them where there is no such cache."""
    count = shape[0]
    size = max(1, PIECE // max(1, shape[1:].numel())) if on.device.type == "cpu" else count
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _of(still: torch.Tensor, piece: slice) -> torch.Tensor:
    """Of the images of a piece; the same if it is that of all images."""
    return still[piece] if len(still) > 1 else still

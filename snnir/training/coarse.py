"""Float networks that hardly mind that their activations will be rounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from snnir.training.rounding import rounded

SAMPLE = 4096
"""Activations by which a full-scale is chosen."""

LOOKED_AT = 8
"""Images of which they are."""

CANDIDATES = 17
"""Full-scales that are tried, from a fifth of the largest activation to all of it."""


def full_scale(activations: torch.Tensor, levels: int) -> torch.Tensor:
    """The largest value at which rounding to `levels` even steps above 0 and clipping lose least.

    What `Histogram.least_error` finds for a conversion, here of a sample and where the tensors are,
    since it is asked for each ReLU in each step.

    Args:
        activations: of any shape; some of them are looked at.
    """
    some = activations.detach().flatten()
    some = some[:: max(1, len(some) // SAMPLE)].float()
    largest = some.max()
    tried = largest * torch.linspace(0.2, 1, CANDIDATES, device=some.device)
    step = (tried / levels).clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    lost = ((some / step).round().clamp(0, levels) * step - some).square().sum(1)
    return tried[lost.argmin()]


@contextmanager
def coarse_relus(net: nn.Module, levels: int) -> Iterator[None]:
    """While it lasts, the ReLUs of a network in training answer half of the images roughly.

    The first half of each batch meets activations that are rounded to `levels` even steps above 0
    and clipped at the full-scale of least error, as trains of radix coding hold them (2^T - 1
    levels). Gradients pass as if nothing were rounded, and not where it is clipped. The other half
    meets activations as they are, so that the network stays a float one.

    Source: Hubara et al., JMLR 18 (2018): straight-through rounding of activations. Halves that
    share weights and batch norms are this project's.
    """

    def answered(relu: nn.Module, _: object, answer: torch.Tensor) -> torch.Tensor:
        half = len(answer) // 2
        if not (relu.training and half):
            return answer
        step = full_scale(answer[: min(half, LOOKED_AT)], levels).to(answer.dtype) / levels
        if not step > 0:
            return answer
        rough = rounded((answer[:half] / step).clamp_max(levels)) * step
        return torch.cat([rough, answer[half:]])

    relus = [module for module in net.modules() if isinstance(module, nn.ReLU)]
    hooks = [relu.register_forward_hook(answered) for relu in relus]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()

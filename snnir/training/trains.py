"""Trains as tensors of integers, what makes them of images, and what pools them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Train:
    """What goes from layer to layer.

    Args:
        values: integers; `kind` says which: `still` (N, ...), the same at all steps (pixels less
            their zero point) or a radix value; `count` (N, ...), spikes over all steps; `steps`
            (T, N, ...), spikes step by step.
        step: real value of a 1: of a pixel, of the least radix value, of a spike at one step.
        counts: (N, ...), the sum over all steps, where gradients go through it alone.
    """

    values: torch.Tensor
    step: torch.Tensor
    kind: str = "still"
    counts: torch.Tensor | None = None


@dataclass(frozen=True)
class Code:
    """How neurons fire: `radix`, or `rate` (each step integrates and fires, soft reset)."""

    coding: str
    steps: int

    @property
    def levels(self) -> int:
        """The largest value of a train."""
        return self.steps if self.coding == "rate" else (1 << self.steps) - 1


@dataclass(frozen=True)
class Window:
    """A pool: (kernel, stride, padding), each square; `terms` positions."""

    kernel: int
    stride: int
    padding: int

    @property
    def terms(self) -> int:
        return self.kernel**2


class Pixels(nn.Module):
    """What an image means: a pixel u of 0..255 stands for scale * (u - zero[c]).

    Args:
        mean, std: the network to be made spiking takes (u / 255 - mean) / std. The zero points
            are the pixels nearest to the means; one scale serves all channels, and `gains` are
            what the weights behind it have to take up.
    """

    def __init__(self, mean: tuple[float, ...] = (0.0,), std: tuple[float, ...] = (1.0,)) -> None:
        super().__init__()
        spread = torch.tensor(std)
        self.scale = float((1 / (255 * spread)).max())
        self.register_buffer("zero", (255 * torch.tensor(mean)).round())
        self.register_buffer("gains", spread.min() / spread)
        # What `plain` adds, less than half a pixel.
        self.rest = (self.zero / 255 - torch.tensor(mean)) / spread

    def real(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the network takes of uint8 images (N, C, H, W)."""
        return (pixels.float() - self.zero.view(-1, 1, 1)) * self.scale

    def plain(self, real: torch.Tensor) -> torch.Tensor:
        """What the float network takes, (u / 255 - mean) / std, of what `real` made."""
        return real * self.gains.view(-1, 1, 1) + self.rest.to(real.device).view(-1, 1, 1)

    def forward(self, x: torch.Tensor) -> Train:
        low = -self.zero.view(-1, 1, 1)
        values = torch.minimum(torch.maximum((x / self.scale).round(), low), low + 255)
        return Train(values, torch.tensor(self.scale))


class MaxPool(nn.Module):
    """The train of largest value in each window, the first of equals."""

    def __init__(self, source: int, window: Window) -> None:
        super().__init__()
        self.source, self.window = source, window

    def forward(self, trains: list[Train]) -> Train:
        (train,) = trains
        w = self.window
        if train.kind != "steps":
            values = nn.functional.max_pool2d(train.values, w.kernel, w.stride, w.padding)
            return Train(values, train.step, train.kind)
        counts, index = nn.functional.max_pool2d(
            train.values.detach().sum(0), w.kernel, w.stride, w.padding, return_indices=True
        )
        index = index.flatten(2)
        picked = train.values.flatten(3).gather(3, index.expand(len(train.values), -1, -1, -1))
        picked = picked.view(len(picked), *counts.shape)
        if train.counts is not None:
            counts = train.counts.flatten(2).gather(2, index).view(counts.shape)
            return Train(picked, train.step, "steps", counts)
        return Train(picked, train.step, "steps")


def words(train: Train) -> torch.Tensor:
    """A fired train as the compiler writes it: step t of T is bit T - 1 - t."""
    if train.kind != "steps":
        return train.values.long()
    steps = len(train.values)
    return sum(train.values[t].long() << (steps - 1 - t) for t in range(steps))

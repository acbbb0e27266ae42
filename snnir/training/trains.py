"""Trains as tensors of integers, what makes them of images, and what pools them."""

from __future__ import annotations

import math
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
    """How neurons fire: `radix`, or `rate` (each step integrates and fires, soft reset).

    Args:
        ahead: by how many steps each layer of rate coding lags behind the one before it.
        margin: by how many quarters of theta a membrane must exceed it to fire before all currents
            are there.
    """

    coding: str
    steps: int
    ahead: int = 0
    margin: int = 0

    @property
    def levels(self) -> int:
        """The largest value of a train."""
        return self.steps if self.coding == "rate" else (1 << self.steps) - 1


@dataclass(frozen=True)
class Window:
    """A pool: (kernel, stride, padding), each square, or of three axes; `terms` positions."""

    kernel: int | tuple[int, int, int]
    stride: int | tuple[int, int, int]
    padding: int | tuple[int, int, int]

    @property
    def terms(self) -> int:
        return self.kernel**2 if isinstance(self.kernel, int) else math.prod(self.kernel)


def merged(values: torch.Tensor) -> torch.Tensor:
    """Values (N, C, D, H, W) with their slices as channels, (N, C * D, H, W); maps as they are."""
    return values.flatten(1, 2) if values.ndim == 5 else values


def along(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One value for each channel, dimension 1 of `like`."""
    return values.view(-1, *[1] * (like.ndim - 2))


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
        """What the network takes of uint8 images (N, C, H, W), or volumes (N, C, D, H, W)."""
        return (pixels.float() - along(self.zero, pixels)) * self.scale

    def plain(self, real: torch.Tensor) -> torch.Tensor:
        """What the float network takes, (u / 255 - mean) / std, of what `real` made."""
        return real * along(self.gains, real) + along(self.rest.to(real.device), real)

    def forward(self, x: torch.Tensor) -> Train:
        low = -along(self.zero, x)
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
        flat = isinstance(w.kernel, int)
        pool = nn.functional.max_pool2d if flat else nn.functional.max_pool3d
        if train.kind != "steps":
            values = merged(train.values) if flat else train.values
            return Train(pool(values, w.kernel, w.stride, w.padding), train.step, train.kind)
        values = train.values
        if flat and values.ndim == 6:
            values = values.flatten(2, 3)
        counts, index = pool(
            values.detach().sum(0), w.kernel, w.stride, w.padding, return_indices=True
        )
        index = index.flatten(2)
        picked = values.flatten(3).gather(3, index.expand(len(values), -1, -1, -1))
        picked = picked.view(len(picked), *counts.shape)
        if train.counts is not None:
            summed = merged(train.counts) if flat else train.counts
            counts = summed.flatten(2).gather(2, index).view(counts.shape)
            return Train(picked, train.step, "steps", counts)
        return Train(picked, train.step, "steps")


def words(train: Train) -> torch.Tensor:
    """A fired train as the compiler writes it: step t of T is bit T - 1 - t."""
    if train.kind != "steps":
        return train.values.long()
    steps = len(train.values)
    return sum(train.values[t].long() << (steps - 1 - t) for t in range(steps))

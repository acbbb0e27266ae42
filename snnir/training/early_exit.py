"""What first-to-spike networks of several windows are trained for: to be decided in few of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from snnir.training.first_spike import FirstToSpike


def early_loss(potentials: torch.Tensor, labels: torch.Tensor, windows: int) -> torch.Tensor:
    """The mean over the ends of the windows of -log P(the right neuron has spiked first by then).

    A decision in the first window counts in all terms, one in the last in one alone, and to stay
    silent in none.

    Args:
        potentials: (T, N, classes), T steps in so many windows.
    """
    all_silent = nn.functional.logsigmoid(-potentials).sum(2)
    index = labels.expand(len(potentials), -1).unsqueeze(2)
    first = all_silent.cumsum(0) + potentials.gather(2, index).squeeze(2)
    steps = len(potentials) // windows
    return -first.logcumsumexp(0)[steps - 1 :: steps].mean()


def one_window(net: FirstToSpike, windows: int) -> FirstToSpike:
    """The network as it is exported for samples of so many windows: the steps of one of them.

    Raises:
        ValueError: windows differ, or a filter is longer than one.
    """
    steps = len(net.levels) // windows
    if net.levels != net.levels[:steps] * windows:
        raise ValueError(f"{len(net.levels)} levels are not the same ones in {windows} windows")
    longest = max(len(layer.weights) for layer in net.layers)
    if longest > steps:
        raise ValueError(f"a filter over {longest} steps is longer than a window of {steps}")
    return FirstToSpike(net.levels[:steps], net.layers, net.ties, net.silent)


def decided_in(steps: np.ndarray, most: int, windows: int) -> np.ndarray:
    """The share of samples that is over with each window.

    Args:
        steps: of each sample until its decision, `most` where there was none.
    """
    last = -(-np.asarray(steps) // (most // windows))
    return np.bincount(last, minlength=windows + 1)[1:] / len(last)

"""Trains as words: step t of T is bit T-1-t."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def packed(spikes: Sequence[np.ndarray]) -> np.ndarray:
    """uint16 words of the spikes (0 or 1) of each step, the first step first."""
    words = np.zeros(spikes[0].shape, np.uint16)
    for spike in spikes:
        words = (words << 1) | spike
    return words


def planes_of(words: np.ndarray, steps: int) -> list[np.ndarray]:
    """The spikes of each step, as floats."""
    return [((words >> (steps - 1 - t)) & 1).astype(np.float32) for t in range(steps)]


def spike_count(words: np.ndarray, steps: int) -> np.ndarray:
    """int32: how many steps of each train hold a spike."""
    return sum((words >> t) & 1 for t in range(steps)).astype(np.int32)

"""Samples of several windows in the engines: (N, W, ...) in, one row for each window out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from snnir.analysis.windows import ENDLESS
from snnir.runtime.engine import EngineResult, Stop, WindowResult

if TYPE_CHECKING:
    from snnir.runtime.build import BuildFolder


def frames_of(build: BuildFolder, x: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Samples as what the engines take, and how many windows each has, None without any."""
    if build.windows == 1:
        return x, None
    return x.reshape(-1, *x.shape[2:]), x.shape[1]


def by_window(values: np.ndarray, windows: int) -> np.ndarray:
    """(N * W, ...) as (N, W, ...)."""
    return values.reshape(-1, windows, *values.shape[1:])


def windows_spent(stop: Stop, potentials: np.ndarray, windows: int) -> np.ndarray:
    """How many windows of each sample are run until `stop` says that it is decided.

    Args:
        potentials: (N * W, outputs), of all windows.
    """
    spent = np.full(len(potentials) // windows, windows)
    for sample, behind in enumerate(by_window(potentials, windows)):
        for window, values in enumerate(behind):
            if stop(WindowResult(sample, window, values)):
                spent[sample] = window + 1
                break
    return spent


def leave_decided(result: EngineResult, stop: Stop) -> None:
    """Say how many windows of each sample `stop` lets run, and forget what the others gave."""
    result.spent = windows_spent(stop, result.potentials, result.windows)
    missing = ~ran(result)
    for values in (result.potentials, *result.trains.values()):
        values[missing] = 0


def ran(result: EngineResult) -> np.ndarray:
    """Boolean (N * W,): the windows that were run."""
    count = np.arange(result.windows)
    whole = np.full(len(result.potentials) // result.windows, result.windows)
    return (count < (whole if result.spent is None else result.spent)[:, None]).ravel()


def decided(result: EngineResult, declared: int, goes_on: bool = False) -> np.ndarray:
    """(N, outputs): the potentials that decide about each sample.

    They are those behind its last window, or, where each window has its own because a sample may
    go on for ever (`declared` 0), their sum.

    Args:
        goes_on: whether the readout keeps its potentials all the same.
    """
    values = by_window(result.potentials, result.windows)
    if declared == ENDLESS and not goes_on:
        return values.sum(axis=1)
    last = ran(result).reshape(-1, result.windows).sum(axis=1) - 1
    return values[np.arange(len(values)), last]


def spikes_of(result: EngineResult) -> np.ndarray:
    """(N, W): spikes of all neurons that fire, in each window."""
    total = np.zeros(len(result.potentials), np.int64)
    for label, words in result.trains.items():
        if label != "input" and not label.endswith(".pool"):
            total += np.bitwise_count(words).reshape(len(words), -1).sum(axis=1, dtype=np.int64)
    return by_window(total, result.windows)

"""Real weights to small integers: one scale for each output channel."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snnir.calibration.threads import for_parts

Rounding = Literal["minmax", "mse"]

CANDIDATES = np.linspace(1.0, 0.3, 36)
"""Shares of the largest weight at which the `mse` search tries to clip."""


MULTIPLE = 1e-3
"""How far a quotient may be from a whole number: what float32 loses, and more."""

SEARCHED = 1 << 16
"""Weights that are searched at once: few enough to stay in a cache."""


def top_level(bits: int) -> int:
    """The largest integer of symmetric `bits`-bit weights: 127 for 8, 1 for 2."""
    return (1 << (bits - 1)) - 1


def weight_units(weights: np.ndarray, bits: int, rounding: Rounding) -> np.ndarray:
    """The real value of one integer step for each row of a matrix (M, K); 0 for a row of zeros.

    `minmax` fits the largest weight of the row; `mse` searches the clipping at which the squared
    rounding error of the row is least. Rows that are multiples of one step already, as quantised
    networks have them, keep it.
    """
    top = top_level(bits)
    largest = np.abs(weights).max(axis=1, initial=0.0)
    if rounding == "minmax":
        return largest / top
    kept = common_steps(weights, top)
    units = np.empty(len(weights))
    rows = max(1, SEARCHED // max(1, weights.shape[1]))

    def search(part: slice) -> None:
        units[part] = _least_error(weights[part].astype(np.float32), largest[part], top)

    for_parts(search, len(weights), rows)
    return np.where(kept > 0, kept, units)


def common_steps(weights: np.ndarray, top: int) -> np.ndarray:
    """A u for each row (M, K) of which all its weights are multiples, -top to top; 0 without one.

    Rounding to such a step loses nothing. It is a fraction of the largest such step, as fine as
    `top` allows, since biases are rounded to it too.
    """
    found = np.zeros(len(weights))
    size = np.abs(weights)
    largest = size.max(axis=1, initial=0.0)
    least = np.where(size > 0, size, np.inf).min(axis=1, initial=np.inf)
    for divisor in range(1, top + 1):
        # No step is larger than the least weight, nor fits the largest one in more than `top`.
        (rows,) = np.nonzero(
            (largest > 0) & (found == 0) & (largest * divisor < (top + 0.5) * least)
        )
        if not len(rows):
            break
        steps = size[rows] / (least[rows] / divisor)[:, None]
        near = (np.abs(steps - np.rint(steps)) < MULTIPLE).all(axis=1)
        found[rows[near]] = least[rows[near]] / divisor
    some = found > 0
    finer = np.floor(top * found[some] / largest[some] + MULTIPLE)
    found[some] /= np.maximum(finer, 1)
    return found


def _least_error(weights: np.ndarray, largest: np.ndarray, top: int) -> np.ndarray:
    best, best_error = largest / top, np.full(len(weights), np.inf, np.float32)
    for share in CANDIDATES:
        unit = largest * share / top
        error = weights - _rounded(weights, unit, top) * unit[:, None].astype(np.float32)
        total = np.einsum("mk,mk->m", error, error)
        better = total < best_error
        best, best_error = np.where(better, unit, best), np.where(better, total, best_error)
    return best


def round_weights(weights: np.ndarray, unit: np.ndarray, bits: int) -> np.ndarray:
    """Rows of weights as integers of `bits` bits; ties go to the even integer."""
    return _rounded(weights, unit, top_level(bits)).astype(np.int64)


def _rounded(weights: np.ndarray, unit: np.ndarray, top: int) -> np.ndarray:
    inverse = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    scaled = weights * inverse[:, None].astype(weights.dtype)
    np.rint(scaled, out=scaled)
    return np.minimum(np.maximum(scaled, -top, out=scaled), top, out=scaled)

"""Which candidates are worth a look: those that no other beats in everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snnir.explore.model import Estimate

OBJECTIVES = {
    "speed": lambda e: -e.images_per_second,
    "luts": lambda e: e.luts,
    "bram": lambda e: e.bram36,
    "moved": lambda e: e.moved,
    "accuracy": lambda e: -e.accuracy if e.accuracy is not None else 0,
}
"""Name -> what is to be small."""

SLACK = 1.15
"""A design may be this much slower than the fastest if it is smaller."""

ACCURACY = 0.01
"""It may be this much less accurate than the most accurate."""


def pareto(costs: Sequence[Sequence[float]]) -> list[int]:
    """Indices of the rows that no other row dominates; of equal rows the first.

    A row dominates another if it is nowhere larger and somewhere smaller.
    """
    rows = np.asarray(costs, np.float64)
    if not len(rows):
        return []
    # Sorted by the first column, then the next: only rows that come before can dominate.
    order = np.lexsort(rows.T[::-1])
    front = np.empty((0, rows.shape[1]))
    kept = []
    for index in order:
        if not (front <= rows[index]).all(axis=1).any():
            front = np.vstack([front, rows[index]])
            kept.append(int(index))
    return sorted(kept)


def front(estimates: Sequence[Estimate], objectives: Sequence[str]) -> list[Estimate]:
    """The Pareto front, the fastest first."""
    costs = [[OBJECTIVES[name](e) for name in objectives] for e in estimates]
    best = [estimates[index] for index in pareto(costs)]
    return sorted(best, key=lambda e: (-e.images_per_second, e.luts, e.bram36, e.setting))


def choose(estimates: Sequence[Estimate]) -> int:
    """Index of the design to take: nearly as accurate as the best, nearly as fast, the smallest."""
    best = max((e.accuracy or 0.0) for e in estimates)
    good = [e for e in estimates if (e.accuracy or 0.0) >= best - ACCURACY]
    fastest = max(e.images_per_second for e in good)
    quick = [e for e in good if SLACK * e.images_per_second >= fastest]
    return estimates.index(min(quick, key=lambda e: (e.luts, e.bram36, -e.images_per_second)))

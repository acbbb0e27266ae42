"""Where the clocks of each layer go, as means over samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.losses import PARTS, layer_losses, peak, receive_losses
from snnir.analysis.program import ProgramTables
from snnir.hardware.timing import Timing, timing
from snnir.interpreters.pe import neurons_of
from snnir.interpreters.pe_schedule import LayerSchedule, images_at_once, schedules


def count_losses(
    tables: ProgramTables, module: ModuleOp, trains: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """The parts of `snnir.analysis.losses` for each row of the layer table and for all of them.

    Args:
        module: the scheduled program, of which `tables` are the tables.
        trains: label -> uint16 (N, C, H, W), see `schedules`.
    """
    clocks = timing(tables, neurons_of(module))
    samples, chunk = len(trains["input"]), images_at_once(tables)
    sums: dict[str, dict[str, int]] = {}
    for first in range(0, samples, chunk):
        part = {label: words[first : first + chunk] for label, words in trains.items()}
        for row in schedules(tables, clocks, part):
            mine = sums.setdefault(row.layer.label, dict.fromkeys(("cycles", *PARTS), 0))
            mine["cycles"] += int(row.clocks.sum())
            for name, values in _losses(tables, clocks, row).items():
                mine[name] += int(values.sum())
    layers = {label: _means(found, samples, peak(tables.array)) for label, found in sums.items()}
    every = {key: sum(found[key] for found in sums.values()) for key in ("cycles", *PARTS)}
    return {
        "samples": samples,
        "layers": [{"name": label, **found} for label, found in layers.items()],
        "total": _means(every, samples, peak(tables.array)),
    }


def _losses(tables: ProgramTables, clocks: Timing, row: LayerSchedule) -> dict[str, np.ndarray]:
    if row.runs is None:
        return receive_losses(tables.array, row.clocks)
    return layer_losses(
        tables.array,
        clocks.resolve,
        clocks.flush,
        row.runs,
        row.phases,
        row.tile_ends,
        np.array([tile.channels for tile in row.tiles]),
        row.spikes,
    )


def _means(sums: dict[str, int], samples: int, operations: int) -> dict[str, float]:
    """Clocks a sample; `sustained` is the share of the array's peak."""
    parts = {name: sums[name] / (samples * operations) for name in PARTS}
    cycles = sums["cycles"] / samples
    return {"cycles": cycles, "sustained": parts["work"] / cycles, **parts}

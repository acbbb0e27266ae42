"""Where the clocks of each layer go, as means over samples: by the cycle model, or as counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.hardware.timing import Timing, timing
from snnir.interpreters.pe import neurons_of
from snnir.interpreters.pe_schedule import LayerSchedule, images_at_once, schedules
from snnir.runtime.counted import Counted
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.losses import PARTS, counted_losses, layer_losses, peak, receive_losses
from snnir.schedule.program import LOAD, ProgramTables

Found = Iterable[tuple[str, np.ndarray, dict[str, np.ndarray]]]
"""For some images: label, clocks (N,) and parts (N,) of each row of the layer table."""


def count_losses(
    tables: ProgramTables,
    module: ModuleOp,
    trains: Mapping[str, np.ndarray],
    ddr: Ddr = DDR,
    windows: int = 1,
) -> dict[str, Any]:
    """The parts of `snnir.schedule.losses` for each row of the layer table and for all of them.

    Args:
        module: the scheduled program, of which `tables` are the tables.
        trains: label -> uint16 (N, C, H, W), see `schedules`.
        ddr: where weights come from, in a program that streams them.
        windows: so many of the N, one behind the other, are one sample.
    """
    clocks = timing(tables, neurons_of(module))
    samples = len(trains["input"])
    chunk = max(1, images_at_once(tables) // windows) * windows
    # The last batch is filled up.
    counted = -(-samples // tables.batch) * tables.batch
    found: list[tuple[str, np.ndarray, dict[str, np.ndarray]]] = []
    for first in range(0, samples, chunk):
        part = {label: words[first : first + chunk] for label, words in trains.items()}
        found += [
            (row.layer.of, row.clocks, model_losses(tables, clocks, row))
            for row in schedules(tables, clocks, part, ddr, windows)
        ]
    return _summed(tables, counted, found)


def losses_of_counters(tables: ProgramTables, counted: Counted) -> dict[str, Any]:
    """The same from the counters of the simulated hardware."""
    return _summed(tables, len(counted.images) * tables.batch, rtl_losses(tables, counted))


def model_losses(
    tables: ProgramTables, clocks: Timing, row: LayerSchedule
) -> dict[str, np.ndarray]:
    """The parts of a row of the layer table by the cycle model."""
    waits = {"loads": 0, "stores": 0}
    for move, clocks_of in row.waits:
        waits["loads" if move.kind == LOAD else "stores"] += clocks_of * peak(tables.array)
    found = _layer_losses(tables, clocks, row, sum(clocks_of for _, clocks_of in row.waits))
    return {part: values + waits.get(part, 0) for part, values in found.items()}


def _layer_losses(
    tables: ProgramTables, clocks: Timing, row: LayerSchedule, waited: np.ndarray | int
) -> dict[str, np.ndarray]:
    if row.runs is None:
        return receive_losses(tables.array, row.clocks - waited)
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


def rtl_losses(tables: ProgramTables, counted: Counted) -> Found:
    """The parts of each row of the layer table by the counters."""
    tables = tables.unrolled
    for layer, parts in zip(tables.layers, counted.layers(tables), strict=True):
        tiles = tables.tiles[layer.tile_first :][: layer.tile_count]
        channels = np.array([tile.channels for tile in tiles][: len(parts)])
        counts = {key: np.stack([part[key] for part in parts], axis=1) for key in parts[0]}
        yield (
            layer.of,
            counts["clocks"].sum(axis=1),
            counted_losses(tables.array, counts, channels),
        )


def _summed(tables: ProgramTables, samples: int, found: Found) -> dict[str, Any]:
    sums: dict[str, dict[str, int]] = {}
    for label, clocks, parts in found:
        mine = sums.setdefault(label, dict.fromkeys(("cycles", *PARTS), 0))
        mine["cycles"] += int(clocks.sum())
        for name, values in parts.items():
            mine[name] += int(values.sum())
    operations = peak(tables.array)
    every = {key: sum(mine[key] for mine in sums.values()) for key in ("cycles", *PARTS)}
    return {
        "samples": samples,
        "layers": [
            {"name": label, **_means(mine, samples, operations)} for label, mine in sums.items()
        ],
        "total": _means(every, samples, operations),
    }


def _means(sums: dict[str, int], samples: int, operations: int) -> dict[str, float]:
    """Clocks a sample; `sustained` is the share of the array's peak."""
    parts = {name: sums[name] / (samples * operations) for name in PARTS}
    cycles = sums["cycles"] / samples
    return {"cycles": cycles, "sustained": parts["work"] / cycles, **parts}

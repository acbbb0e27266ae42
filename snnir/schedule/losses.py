"""Where the clocks of a layer go: what its array does of what it could, and why it does no more.

A clock of the array is worth K * C * P synaptic operations. Every clock of a layer, and within it
every bank, channel and plane, is counted to exactly one part; docs/snnc.md defines them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.schedule.cycles import PhaseClocks, WalkedRuns

PARTS = (
    "work",
    "planes",
    "channels",
    "imbalance",
    "ends",
    "resolver",
    "weights",
    "drain",
    "pipeline",
    "receive",
    "loads",
    "stores",
)
"""What clocks are counted to: the first is used, the others are lost."""


def peak(array: ArrayParameters) -> int:
    """Synaptic operations that the array can do in a clock."""
    return array.banks * array.channels * array.planes


def layer_losses(
    array: ArrayParameters,
    resolve: int,
    flush: int,
    runs: WalkedRuns,
    phases: PhaseClocks,
    tile_ends: np.ndarray,
    tile_channels: np.ndarray,
    spikes: np.ndarray,
) -> dict[str, np.ndarray]:
    """Part -> int64 (N,), in clocks times the array's peak, so that sums are exact.

    Args:
        resolve, flush: constants of the generated pipeline.
        phases: each stacked to (phases, N).
        tile_ends: (tiles,) number of phases up to the end of each tile.
        tile_channels: (tiles,) channels that each tile computes.
        spikes: (N, tiles) spikes of the events that each tile consumes.
    """
    ends = np.flatnonzero(runs.phase_end)
    events = np.add.reduceat(runs.events, np.append(0, ends[:-1] + 1), axis=1, dtype=np.int64)
    empty = runs.events[:, ends] == 0
    entries = events + empty
    longest = entries.max(axis=2)
    spans = (phases.emitted - phases.start + 1).T
    # Events of each tile, over all banks.
    firsts = np.append(0, tile_ends[:-1])
    consumed = np.add.reduceat(events.sum(axis=2), firsts, axis=1)

    bank = array.channels * array.planes
    clock = bank * array.banks
    work = (spikes * tile_channels).sum(axis=1)
    in_tile = (consumed * tile_channels).sum(axis=1) * array.planes
    # A phase that starts later than behind the one before has waited for its tile's weights; in the
    # first clocks of a layer the pipeline would not have been full anyway.
    filling = np.minimum(phases.start[0], resolve + 1)
    loading = phases.start[0] - filling + (phases.start[1:] - phases.end[:-1] - 1).sum(axis=0)
    waits = (phases.end - phases.emitted).sum(axis=0) + runs.drain[-1]
    found = {
        "work": work,
        "planes": in_tile - work,
        "channels": consumed.sum(axis=1) * bank - in_tile,
        "imbalance": (longest[:, :, None] - entries).sum(axis=(1, 2)) * bank,
        "ends": empty.sum(axis=(1, 2)) * bank,
        # Before clock RESOLVE + 1 no entry can be there: that is the pipeline, not the resolver.
        "resolver": ((spans - longest).sum(axis=1) - (resolve + 1) + filling) * clock,
        "weights": loading * clock,
        "drain": waits * clock,
        "pipeline": np.full(len(spikes), (resolve + flush) * clock),
    }
    return {part: found.get(part, np.zeros(len(spikes), np.int64)) for part in PARTS}


def receive_losses(array: ArrayParameters, clocks: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of a row of the layer table that receives the image: the array rests."""
    found = {part: np.zeros(len(clocks), np.int64) for part in PARTS}
    return found | {"receive": clocks.astype(np.int64) * peak(array)}


def counted_losses(
    array: ArrayParameters, counts: Mapping[str, np.ndarray], tile_channels: np.ndarray
) -> dict[str, np.ndarray]:
    """The same parts from what the hardware has counted in the tiles of a row of the layer table.

    Args:
        counts: counter -> (N, tiles); `spikes` of the events that each tile consumes with them.
        tile_channels: (tiles,) channels that each tile computes.
    """
    bank = array.channels * array.planes
    total = {key: values.sum(axis=1) for key, values in counts.items()}
    work = (counts["spikes"] * tile_channels).sum(axis=1)
    in_tile = (counts["events"] * tile_channels).sum(axis=1) * array.planes
    found = {
        "work": work,
        "planes": in_tile - work,
        "channels": total["events"] * bank - in_tile,
        "imbalance": total["imbalance"] * bank,
        "ends": total["ends"] * bank,
    }
    rest = ("resolver", "weights", "drain", "pipeline", "receive", "loads", "stores")
    return found | {part: total[part] * bank * array.banks for part in rest}

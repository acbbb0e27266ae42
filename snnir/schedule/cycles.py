"""Clock counts of a layer by the recurrences of docs/machine.md, for a batch of images at once.

One step of a Python loop per run, so this is an oracle for small networks; the C program counts
the same clocks for large ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from snnir.schedule.loading import SWITCH, Ddr, Loader, row_layout
from snnir.schedule.moving import Move, move_clocks
from snnir.schedule.program import Layer, ProgramTables

NEVER = -(1 << 40)
"""A clock before every other."""


def visits(layer: Layer) -> np.ndarray:
    """(V, 2): output pixels (y, x) in the order in which the machine computes them for a tile.

    Pooled y, pooled x, window y, window x; what a window has outside the map is not visited.
    """
    (y, y_in), (x, x_in) = _windows(layer)
    shape = (*y.shape, *x.shape)
    pairs = np.stack(
        [
            np.broadcast_to(y[:, :, None, None], shape),
            np.broadcast_to(x[None, None], shape),
        ],
        axis=-1,
    )
    seen = y_in[:, :, None, None] & x_in[None, None]
    return pairs.transpose(0, 2, 1, 3, 4)[seen.transpose(0, 2, 1, 3)]


def row_visits(layer: Layer) -> np.ndarray:
    """(pooled height,) how many of the visits belong to each row of the layer's output."""
    (_, y_in), (_, x_in) = _windows(layer)
    return y_in.sum(axis=1) * x_in.sum()


def _windows(layer: Layer) -> list[tuple[np.ndarray, np.ndarray]]:
    """For y and x: (pooled, kernel) what each window covers, and whether that is in the map."""
    axes = []
    sizes = ((layer.height, layer.pool_height), (layer.width, layer.pool_width))
    for axis, (extent, pooled) in enumerate(sizes):
        first = np.arange(pooled) * layer.strides[axis] - layer.pads[axis]
        inside = first[:, None] + np.arange(layer.kernel[axis])
        axes.append((inside, (inside >= 0) & (inside < extent)))
    return axes


@dataclass(frozen=True)
class WalkedRuns:
    """All runs of a layer in the order in which they are resolved.

    Args:
        events: (N, R, K) events of each run in each bank, for N images.
        phase_end, pixel_end: (R,) whether the run is the last of its phase, of its pixel.
        drain: (R,) clocks in which the run's tile leaves the shadow.
        tile: (R,) number of the run's tile among those of the program, where weights are loaded.
    """

    events: np.ndarray
    phase_end: np.ndarray
    pixel_end: np.ndarray
    drain: np.ndarray
    tile: np.ndarray | None = None


class PhaseClocks(NamedTuple):
    """When a phase happened, each (N,) clocks from the start of its layer.

    `start` is the first clock in which an event may be emitted, `resolved` that in which the last
    run reached the queues, `emitted` that of the last entry of any bank, `end` the phase's last:
    later than `emitted` where the pixel waits for its shadow.
    """

    start: np.ndarray
    resolved: np.ndarray
    emitted: np.ndarray
    end: np.ndarray


@dataclass
class Loading:
    """The loaders of N images, and in which clock of each image the layer begins."""

    loaders: list[Loader]
    begin: np.ndarray

    def ready(self, tile: int, start: np.ndarray) -> np.ndarray:
        """(N,) when the first phase of a tile may start, by clocks of the layer."""
        there = np.array([loader.ready(tile) for loader in self.loaders])
        return np.maximum(start, there - self.begin)

    def ended(self, tile: int, end: np.ndarray) -> None:
        for loader, clock in zip(self.loaders, end + self.begin, strict=True):
            loader.ended(tile, int(clock))

    def advance(self, clocks: np.ndarray) -> None:
        """The layer has taken so many clocks."""
        self.begin = self.begin + clocks


def loading_of(tables: ProgramTables, images: int, ddr: Ddr) -> Loading | None:
    """The loaders of an unrolled program whose weights come from DDR."""
    if not tables.ring:
        return None
    rows, beats = [tile.rows for tile in tables.tiles], row_layout(tables.array).beats
    loaders = [Loader(rows, beats, tables.ring, ddr) for _ in range(images)]
    return Loading(loaders, np.zeros(images, np.int64))


def layer_clocks(
    runs: WalkedRuns,
    fifo: int,
    resolve: int,
    flush: int,
    phases: list[PhaseClocks] | None = None,
    loading: Loading | None = None,
    keeps: bool = False,
) -> np.ndarray:
    """(N,) clocks from the start of a layer to its end.

    Args:
        fifo: depth of each bank's run queue.
        resolve, flush: constants of the generated pipeline.
        phases: takes the clocks of each phase, where they are wanted.
        loading: where weights come from DDR; it is told when each tile ends.
        keeps: whether the weights of the layer's tile stay for the next image.
    """
    images, total, banks = runs.events.shape
    # ring[.., e % fifo] is the last clock of entry e, as long as it can still hold a run back.
    ring = np.full((fifo, images * banks), NEVER, np.int64)
    pushed = np.zeros(images * banks, np.int64)
    lane = np.arange(images * banks)
    last = np.full((images, banks), NEVER, np.int64)
    reach = np.full(images, resolve - 1, np.int64)
    start = np.zeros(images, np.int64)
    end = np.full(images, NEVER, np.int64)
    busy_until = end
    first_of_tile, last_of_tile = _tile_ends(runs.tile) if loading else ((), ())
    for i in range(total):
        if i in first_of_tile:
            start = loading.ready(int(runs.tile[i]), start)
        oldest = ring[pushed % fifo, lane].reshape(images, banks).max(axis=1)
        reach = np.maximum(reach + 1, oldest + 1)
        events = runs.events[:, i]
        enters = np.ones_like(events, bool) if runs.phase_end[i] else events > 0
        first = np.maximum(last + 1, np.maximum(reach + 1, start)[:, None])
        last = np.where(enters, first + np.maximum(events, 1) - 1, last)
        where = lane[enters.ravel()]
        ring[pushed[where] % fifo, where] = last.ravel()[where]
        pushed[where] += 1
        if runs.phase_end[i]:
            end = emitted = last.max(axis=1)
            if runs.pixel_end[i]:
                end = np.maximum(end, busy_until)
                busy_until = end + runs.drain[i]
            if phases is not None:
                phases.append(PhaseClocks(start, reach, emitted, end))
            start = end + 1
        if i in last_of_tile and not keeps:
            loading.ended(int(runs.tile[i]), end)
            start = start + SWITCH
    return busy_until + flush


def _tile_ends(tile: np.ndarray) -> tuple[set[int], set[int]]:
    """The first and the last runs of tiles."""
    changes = np.flatnonzero(np.diff(tile)).tolist()
    return {0, *(i + 1 for i in changes)}, {*changes, len(tile) - 1}


def receive_clocks(layer: Layer, receive: int) -> int:
    """Clocks in which one word of the image is written."""
    return layer.channels * layer.height * layer.width + receive


class Mover:
    """When moves run, in N images side by side: one after another, beside the rows of the table.

    Clocks are those of the image; `starts` and `ends` have (N,) of each move so far.
    """

    def __init__(self, images: int, ddr: Ddr):
        self.ddr = ddr
        self.starts: list[np.ndarray] = []
        self.ends: list[np.ndarray] = []
        self.free = np.zeros(images, np.int64)

    def move(self, move: Move, stores: bool, clock: np.ndarray) -> None:
        """A move may start from a clock on, the end of the row in front of it."""
        start = np.maximum(clock, self.free)
        self.free = start + move_clocks(move.bursts, stores, self.ddr)
        self.starts.append(start)
        self.ends.append(self.free)

    def waits(self, clock: np.ndarray, count: int) -> list[np.ndarray]:
        """(N,) clocks that a row waits, from a clock on, for each of the first moves."""
        return [
            np.maximum(end - np.maximum(start, clock), 0)
            for start, end in zip(self.starts[:count], self.ends, strict=False)
        ]

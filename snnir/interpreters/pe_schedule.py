"""When everything happens in a run of a program, from the trains that the run made.

The trains say which events each run meets, and those say every clock (`snnir.schedule.cycles`); so
nothing is computed again, whoever made the trains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from snnir.analysis.windows import fired_earlier
from snnir.hardware.timing import Timing
from snnir.interpreters.pe_memory import MapMemory, counted, word_of
from snnir.interpreters.pe_runs import run_of, walked_runs, window_of
from snnir.schedule.bands import join_trains, stored_trains
from snnir.schedule.batch import frames_of_batches
from snnir.schedule.cycles import (
    Mover,
    PhaseClocks,
    WalkedRuns,
    layer_clocks,
    loading_of,
    receive_clocks,
    visits,
)
from snnir.schedule.loading import DDR, Ddr
from snnir.schedule.program import READOUT, RECEIVE, STORE, Layer, ProgramTables, Tile


@dataclass(frozen=True)
class LayerSchedule:
    """One row of the layer table, as N images pass it.

    Args:
        begin: (N,) the clock of the image in which the layer starts.
        clocks: (N,) clocks that it takes, and has waited for moves before it began.
        waits: for each of the moves that it waits for, (N,) clocks that it has waited for it.
        moves: those that may start when it may, and (N,) the clocks in which they start and end.
        tiles: its tiles, in the order in which they are computed.
        runs: all its runs, and `phases`, the clocks of all its phases, each stacked to (phases, N);
            None for rows that receive the image.
        spikes: (N, tiles) spikes of the events that each tile consumes.
        pixel_phases: phases of a pixel of each tile.
        visits: pixels that each tile computes.
        loads: of the first image, for each tile the clocks in which its first and last beat of
            weights were taken, and how many there are; nothing where weights are on the chip.
    """

    layer: Layer
    begin: np.ndarray
    clocks: np.ndarray
    tiles: tuple[Tile, ...]
    waits: tuple[tuple[Layer, np.ndarray], ...] = ()
    moves: tuple[tuple[Layer, np.ndarray, np.ndarray], ...] = ()
    runs: WalkedRuns | None = None
    phases: PhaseClocks | None = None
    spikes: np.ndarray | None = None
    pixel_phases: tuple[int, ...] = ()
    visits: int = 0
    loads: tuple[tuple[int, int, int], ...] = ()

    @property
    def tile_ends(self) -> np.ndarray:
        """(tiles,) number of phases up to the end of each tile."""
        return np.cumsum(self.pixel_phases) * self.visits


def schedules(
    tables: ProgramTables,
    timing: Timing,
    trains: Mapping[str, np.ndarray],
    ddr: Ddr = DDR,
    windows: int = 1,
) -> Iterator[LayerSchedule]:
    """The rows of the layer table in turn; N is the number of batches where there are any.

    Args:
        timing: constants of the program's machine.
        trains: label -> uint16 (N, C, H, W), as engines give them: `input`, each layer's trains and
            `<layer>.pool`. One Python step for each run of an image, however large N is.
        ddr: where weights come from, in a program that streams them.
        windows: so many of the N, one behind the other, are one sample.
    """
    tables = tables.unrolled
    trains = join_trains(tables, trains)
    trains = {label: frames_of_batches(words, tables.batch) for label, words in trains.items()}
    images = len(trains["input"])
    maps = _CountedMaps(tables, images)
    for layer in tables.layers if tables.recurs else ():
        if layer.by_image:
            # Each image is taken as one of parity 0: the window before lies at the second place.
            words = fired_earlier(_written(layer, trains), windows)
            block = tables.tiles[layer.tile_first].channels
            maps.write(layer.at_second_place(tables.window_stride), words, block)
    begin = np.zeros(images, np.int64)
    loading = loading_of(tables, images, ddr)
    mover = Mover(images, ddr)
    for moves, layer in tables.steps:
        tiles = tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
        for move in moves:
            maps.move(move)
            mover.move(move.move, move.kind == STORE, begin)
        waits = mover.waits(begin, layer.waits)
        waited = sum(waits, np.zeros(images, np.int64))
        begin = begin + waited
        if loading is not None:
            loading.advance(waited)
        number = len(mover.starts)
        new = slice(number - len(moves), number)
        moving = {
            "waits": tuple(zip(tables.moved, waits, strict=False)),
            "moves": tuple(zip(moves, mover.starts[new], mover.ends[new], strict=True)),
        }
        if layer.kind == RECEIVE:
            clocks = np.full(images, receive_clocks(layer, timing.receive))
            yield LayerSchedule(layer, begin, clocks + waited, tiles, **moving)
            maps.write(layer, _written(layer, trains), layer.channels)
        else:
            seen, spikes = maps.walk(layer, tiles)
            runs = walked_runs(tables, layer.tile_first, tiles, seen)
            found: list[PhaseClocks] = []
            clocks = layer_clocks(
                runs, tables.array.fifo, timing.resolve, timing.flush, found, loading,
                layer.keeps,
            )  # fmt: skip
            phases = PhaseClocks(*map(np.stack, zip(*found, strict=True)))
            ends = tables.runs[:, tables.run_column["phase_end"]]
            pixel_phases = [int(ends[t.run_first :][: t.run_count].sum()) for t in tiles]
            yield LayerSchedule(
                layer, begin, clocks + waited, tiles, **moving,
                runs=runs, phases=phases, spikes=spikes,
                pixel_phases=tuple(pixel_phases), visits=seen[0].shape[1],
                loads=tuple(loading.loaders[0].taken[-len(tiles) :]) if loading else (),
            )  # fmt: skip
            if layer.kind != READOUT:
                maps.write(layer, _written(layer, trains), tiles[0].channels)
        begin = begin + clocks
        if loading is not None:
            loading.advance(clocks)


def _written(layer: Layer, trains: Mapping[str, np.ndarray]) -> np.ndarray:
    """The map that a row of the layer table writes."""
    if layer.kind == RECEIVE:
        return word_of(layer, trains["input"][:, layer.image])
    return stored_trains(layer, trains)


def images_at_once(tables: ProgramTables, limit: int = 64 << 20) -> int:
    """Images, in whole batches, for which each array of `schedules` is below `limit` bytes."""
    largest = 1
    for layer in tables.layers:
        tiles = tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
        runs = sum(tile.run_count for tile in tiles)
        largest = max(largest, len(visits(layer)) * runs * tables.array.banks * 4)
    return max(1, limit // largest) * tables.batch


class _CountedMaps(MapMemory):
    """Maps of which the spikes are counted along each row as the events are."""

    def __init__(self, tables: ProgramTables, images: int):
        super().__init__(tables, images)
        self.tables = tables
        self.images = images
        self.delays = sorted(set(tables.runs[:, tables.run_column["delay"]].tolist()))
        self.spikes = np.zeros((images, tables.pointer_depth, len(self.delays)), np.int64)
        """Along the row, as far as they are gated in the planes: by each of the delays."""

    def write(self, layer: Layer, trains: np.ndarray, block: int) -> None:
        super().write(layer, trains, block)
        _, channels, height, width = trains.shape
        for number, delay in enumerate(self.delays):
            gated = trains.astype(np.uint32) << max(0, -delay) >> max(0, delay)
            bits = np.bitwise_count(gated & ((1 << self.tables.array.planes) - 1))
            for b, first in enumerate(range(0, channels, block)):
                spikes = bits[:, first : first + block].sum(axis=1, dtype=np.int64)
                at = layer.place.pointers + b * height * width
                upto = spikes.cumsum(axis=2).reshape(self.images, -1)
                self.spikes[:, at : at + height * width, number] = upto

    def row_parts(
        self, events: slice, slots: int, pointers: slice, width: int
    ) -> tuple[np.ndarray, ...]:
        parts = super().row_parts(events, slots, pointers, width)
        return (*parts, self.spikes[:, pointers][:, :width])

    def walk(self, layer: Layer, tiles: tuple[Tile, ...]) -> tuple[list[np.ndarray], np.ndarray]:
        """For each tile the events (N, visits, runs, K) that its runs meet; the spikes of all."""
        order = visits(layer)
        seen: list[np.ndarray] = []
        spikes: list[np.ndarray] = []
        # Tiles that walk the same runs meet the same events.
        for (first, count), alike in groupby(tiles, key=lambda t: (t.run_first, t.run_count)):
            times = len(list(alike))
            shape = (self.images, layer.height, layer.width)
            events = np.zeros((*shape, count, self.banks), np.int32)
            worth = np.zeros(shape, np.int64)
            for index, row in enumerate(self.tables.runs[first : first + count]):
                run = run_of(self.tables, layer, row)
                window = window_of(layer, run)
                if window is None:
                    continue
                pixels = np.ix_(np.arange(self.images), window.oy, window.ox)
                where = (run, window.oy, window.low, window.high)
                events[(*pixels, index)] = self.events_of(*where)
                late = self.spikes[..., self.delays.index(run["delay"]), None]
                worth[pixels] += counted(late, *where)[..., 0]
            seen += [events[:, order[:, 0], order[:, 1]]] * times
            spikes += [worth[:, order[:, 0], order[:, 1]].sum(axis=1)] * times
        return seen, np.stack(spikes, axis=1)

"""When everything happens in one image: by the cycle model, or as simulated hardware told it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.hardware.timing import timing
from snnir.interpreters.pe import neurons_of
from snnir.interpreters.pe_schedule import schedules
from snnir.runtime.counted import PHASE, Counted
from snnir.schedule.cycles import visits
from snnir.schedule.loading import DDR, Ddr, row_layout
from snnir.schedule.program import FIRE, READOUT, Layer, ProgramTables, Tile


@dataclass(frozen=True)
class TracedLayer:
    """One row of the layer table; clocks count from the start of the image.

    Args:
        begin, clocks: its first clock, and how many it takes; before, it has `waited` for moves.
        moves: those of maps that may start when it may, each with its first clock and the one
            behind its last.
        phases: (phases,) of `PHASE`; None for rows that receive the image.
        loads: for each tile the clocks in which its first and its last beat of weights were
            taken, and how many there are; nothing where weights are on the chip.
        pixel_phases: phases of a pixel of each tile.
        visits: pixels that each tile computes.
    """

    layer: Layer
    begin: int
    clocks: int
    waited: int = 0
    moves: tuple[tuple[Layer, int, int], ...] = ()
    phases: np.ndarray | None = None
    loads: tuple[tuple[int, int, int], ...] = ()
    pixel_phases: tuple[int, ...] = ()
    visits: int = 0


def model_timeline(
    tables: ProgramTables, module: ModuleOp, trains: Mapping[str, np.ndarray], ddr: Ddr = DDR
) -> Iterator[TracedLayer]:
    """The first image by the cycle model, from the trains that any engine made.

    Args:
        module: the scheduled program, of which `tables` are the tables.
        trains: label -> uint16 (N, C, H, W), see `schedules`.
        ddr: where weights come from, in a program that streams them.
    """
    constants = timing(tables, neurons_of(module))
    first = {label: words[: tables.batch] for label, words in trains.items()}
    for row in schedules(tables, constants, first, ddr):
        waited = sum(int(clocks[0]) for _, clocks in row.waits)
        moves = tuple((move, int(start[0]), int(end[0])) for move, start, end in row.moves)
        begin, clocks = int(row.begin[0]), int(row.clocks[0]) - waited
        if row.runs is None:
            yield TracedLayer(row.layer, begin, clocks, waited, moves)
            continue
        ends = np.flatnonzero(row.runs.phase_end)
        firsts = np.append(0, ends[:-1] + 1)
        events = np.add.reduceat(row.runs.events[0], firsts, axis=0, dtype=np.int64)
        told = row.runs.events[0, ends] == 0
        phases = np.zeros(len(ends), PHASE)
        for name, clock in zip(("start", "resolved", "emitted", "end"), row.phases, strict=True):
            phases[name] = clock[:, 0] + begin
        # Before, no entry can be there: the pipeline fills.
        filled = begin + constants.resolve
        phases["start"][0] = max(phases["start"][0], filled + 1)
        phases["first_run"] = np.append(filled, phases["resolved"][:-1] + 1)
        phases["runs"] = ends - firsts + 1
        phases["events"] = events.sum(axis=1)
        phases["longest"] = (events + told).max(axis=1)
        drained = phases["end"] + row.runs.drain[ends]
        phases["drained"] = np.where(row.runs.pixel_end[ends], drained, -1)
        yield TracedLayer(
            row.layer, begin, clocks, waited, moves, phases, row.loads, row.pixel_phases, row.visits
        )


def rtl_timeline(tables: ProgramTables, counted: Counted) -> Iterator[TracedLayer]:
    """The first image as the simulated hardware recorded it."""
    tables = tables.unrolled
    begin, at, beat, tile_last = 0, 0, 0, -1
    beats = row_layout(tables.array).beats if tables.ring else 0
    ends = tables.runs[:, tables.run_column["phase_end"]]
    spans = zip(tables.moved, counted.moves.tolist(), strict=True)
    moves = [(move, start, end) for move, (start, end) in spans]
    for index, (layer, row) in enumerate(zip(tables.layers, counted.layers(tables), strict=True)):
        clocks = sum(int(tile["clocks"][0]) for tile in row)
        waited = sum(int(tile[key][0]) for tile in row for key in ("loads", "stores"))
        begin, clocks = begin + waited, clocks - waited
        mine = tuple(move for move in moves if move[0].before == index)
        if layer.kind not in (FIRE, READOUT):
            yield TracedLayer(layer, begin, clocks, waited, mine)
        else:
            tiles = tables.tiles[layer.tile_first :][: layer.tile_count]
            count = int(np.searchsorted(counted.phases["end"], begin + clocks)) - at
            loads = []
            # An image of a batch finds the weights that the one before has used.
            for tile in tiles if beats and tile_last != layer.tile_first else ():
                taken = counted.beats[beat : beat + tile.rows * beats]
                loads.append((int(taken[0]), int(taken[-1]), len(taken)))
                beat += len(taken)
            tile_last = layer.tile_first
            yield TracedLayer(
                layer,
                begin,
                clocks,
                waited,
                mine,
                counted.phases[at : at + count],
                tuple(loads),
                tuple(_pixel_phases(ends, tile) for tile in tiles),
                len(visits(layer)),
            )
            at += count
        begin += clocks


def _pixel_phases(phase_end: np.ndarray, tile: Tile) -> int:
    return int(phase_end[tile.run_first :][: tile.run_count].sum())

"""The memories of a scheduled program: what each holds, how wide and deep it is, what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from snnir.schedule.kept import KeptStates
from snnir.schedule.program import RUN_FIELDS, ProgramTables
from snnir.schedule.ram_parts import ram_bram36
from snnir.schedule.resources import bram36

LAYER_BITS = 256
"""About so many bits has a row of the layer table."""

MOVE_BITS = 100
"""And a row of the table of moves."""


@dataclass(frozen=True)
class Memory:
    """`count` equal memories of `depth` words of `width` bits, read-only if `is_rom`."""

    name: str
    count: int
    width: int
    depth: int
    is_rom: bool = False

    @property
    def bits(self) -> int:
        return self.count * self.width * self.depth

    @property
    def bram36(self) -> float:
        """What Yosys takes for them; see `ram_parts`."""
        each = bram36 if self.is_rom else ram_bram36
        return self.count * each(self.width, self.depth)


def memories(tables: ProgramTables) -> list[Memory]:
    """All memories whose size depends on the network; widths are those of the values they hold."""
    array = tables.array
    position = tables.position_bits or _bits(tables.position_max)
    run_fields = [key for key in RUN_FIELDS if key != "offset" or tables.position_bits]
    run_width = sum(_column_bits(tables.runs[:, tables.run_column[key]]) for key in run_fields)
    params = sum(_column_bits(values) for values in tables.params.values())
    lanes, computed = array.drain, [tile for tile in tables.tiles if tile.run_count]
    kept = {tile.params: tile.channels for tile in computed}
    rows = sum(map(array.drain_clocks, kept.values())) if params else 0
    # Each lane keeps the potentials of its channels.
    last, outputs = tables.layers[-1], 0
    for tile in tables.tiles[last.tile_first :][: last.tile_count]:
        outputs += array.drain_clocks(tile.channels) * last.height * last.width
    found = [
        Memory(
            "weights",
            array.banks,
            array.channels * array.weight_bits,
            tables.weight_depth,
            is_rom=not tables.ring,
        ),
        *_maps(tables, "events", array.banks, position + array.planes),
        # Two entries are read in each clock.
        *_maps(tables, "pointers", 2, array.banks * _bits(tables.position_max + 1)),
        Memory("runs", 1, run_width, len(tables.runs), is_rom=True),
        Memory("parameters", 1, lanes * params, rows, is_rom=True),
        Memory("potentials", lanes, 32, outputs * tables.batch),
    ]
    if (states := KeptStates(tables)).depth:
        found.append(Memory("states", lanes, states.width, states.depth))
    if tables.batch > 1 or tables.moves:
        # Of one small image these are small, and counted to the logic.
        image = math.prod(tables.image) * tables.batch
        shared = tables.layers[tables.shared :]
        rows = tables.batch * (tables.shared + sum(layer.tile_count for layer in shared))
        if tables.moves:
            rows = len(tables.layers)
        found += [
            Memory("images", 1, tables.image_bits, image),
            Memory("layers", 1, LAYER_BITS, rows, is_rom=True),
        ]
    if tables.moves:
        found.append(Memory("moves", 1, MOVE_BITS, len(tables.moved), is_rom=True))
    return found


def _maps(tables: ProgramTables, name: str, count: int, width: int) -> list[Memory]:
    """The memories of events or of pointers, in halves where maps move beside layers."""
    which = ("events", "pointers").index(name)
    depth = (tables.event_depth, tables.pointer_depth)[which]
    if not (half := tables.halves[which]):
        return [Memory(name, count, width, depth)]
    return [
        Memory(f"{name} read", count, width, tables.first_half[which]),
        Memory(f"{name} made", count, width, depth - half),
    ]


def _bits(largest: int) -> int:
    return max(1, int(largest).bit_length())


def _column_bits(column) -> int:
    """Bits of a column of integers, none if it is always 0."""
    low, high = int(column.min(initial=0)), int(column.max(initial=0))
    if low == high == 0:
        return 0
    return _bits(max(high, ~low)) + (low < 0)

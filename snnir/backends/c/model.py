"""What the C program's tables hold: a scheduled program, rearranged for one list of events.

The machine keeps one event list and one weight memory for each bank. In C all banks of a map share
one list, in order of position, and a stream's weight rows lie in the order of the positions, so
that a run is one loop whatever the number of banks; the pointer memory keeps the counts by bank
that the clocks depend on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.ranges import integrations
from snnir.backends.c.gather import gather_mode
from snnir.backends.c.neurons import Datapath
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_layers import LayerOp, StreamOp, TileOp
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.hardware.timing import Timing, timing
from snnir.schedule.program import FIRE, READOUT, RECEIVE, STORE, Layer, ProgramTables
from snnir.schedule.reading import read_program

LANES = 8
"""Channels that C computes at once: sums of 32 bits in a register of 256."""


@dataclass(frozen=True)
class Recorded:
    """A recorded map: its label and where it lies in the buffer of trains."""

    label: str
    offset: int
    dims: tuple[int, int, int]


def program_of(module: ModuleOp) -> ProgramOp:
    """The one program of a module.

    Raises:
        UserError: there is none, or more than one.
    """
    programs = [op for op in module.body.block.ops if isinstance(op, ProgramOp)]
    if len(programs) != 1:
        raise UserError(
            f"C is printed from one pe.program, the module has {len(programs)}",
            hint="run tile-to-pe and event-schedule first",
        )
    return programs[0]


class CModel:
    """A program as the C printer needs it."""

    def __init__(self, module: ModuleOp):
        self.program = program_of(module)
        self.network: ProgramTables = read_program(self.program)
        self.tables: ProgramTables = self.network.unrolled
        self.neurons = {
            op.sym_name.data: op for op in module.body.block.ops if isinstance(op, NeuronOp)
        }
        self.timing: Timing = timing(self.tables, self.neurons)
        if self.tables.image_bits > 8:
            raise UserError(f"the image has {self.tables.image_bits} bits a pixel, at most 8 fit")
        self.runs, self.streams, self.tiles, self.weights = _Streams(self).read()
        self._read_datapaths()

    @property
    def name(self) -> str:
        """The program's name as the prefix of C identifiers."""
        text = re.sub(r"\W", "_", self.tables.name)
        return f"n{text}" if text[:1].isdigit() or not text else text

    @property
    def outputs(self) -> int:
        """Potentials of an image."""
        return self.network.potentials

    @property
    def row(self) -> int:
        """Weights of a row, padded to whole groups of LANES."""
        return -(-self.tables.array.channels // LANES) * LANES

    def _read_datapaths(self) -> None:
        """One datapath for each way in which some layer's currents are taken."""
        self.datapaths: list[Datapath] = []
        self.layer_paths: list[int] = []
        for layer in self.tables.layers:
            if layer.kind == RECEIVE:
                self.layer_paths.append(0)
                continue
            path = self._datapath(layer, layer.kind == READOUT)
            if path not in self.datapaths:
                self.datapaths.append(path)
            self.layer_paths.append(self.datapaths.index(path))

    def _datapath(self, layer: Layer, is_readout: bool) -> Datapath:
        mode = self.tables.modes[layer.mode]
        neuron = self._neuron(mode.neuron, layer)
        calls, _ = integrations(mode.coding, mode.rate, mode.planes, mode.steps)
        return Datapath(
            neuron=neuron,
            planes=mode.planes,
            calls=calls,
            steps=mode.steps,
            fraction=mode.fraction,
            gather=gather_mode(
                neuron,
                calls_take_sum=mode.replays,
                total_bits=self.tables.array.acc_bits + mode.planes,
            ),
            is_readout=is_readout,
            takes_sum=mode.replays,
            keeps=mode.kept,
        )

    def _neuron(self, name: str, layer: Layer) -> NeuronOp:
        neuron = self.neurons.get(name)
        where = f"layer '{layer.label}'"
        if neuron is None:
            raise UserError(f"there is no snn.neuron @{name}", where=where)
        if (neuron.emission.data == "none") != (layer.kind == READOUT):
            what = "a readout never fires" if layer.kind == READOUT else "a layer must fire"
            raise UserError(f"{what}, @{name} has emission {neuron.emission.data}", where=where)
        missing = set(neuron.param_names) - set(self.tables.params)
        if missing:
            raise UserError(f"no value for parameter {', '.join(sorted(missing))}", where=where)
        return neuron

    @cached_property
    def params(self) -> dict[str, np.ndarray]:
        """Parameters by tile, (tiles, row), 0 where a tile has fewer channels."""
        shape = (len(self.tables.tiles), self.row)
        used = {name for path in self.datapaths for name in path.neuron.param_names}
        padded = {name: np.zeros(shape, np.int64) for name in sorted(used)}
        for index, tile in enumerate(self.tables.tiles):
            if tile.run_count == 0:
                continue
            for name, array in padded.items():
                rows = self.tables.params[name][tile.params : tile.params + tile.channels]
                array[index, : tile.channels] = rows
        return padded

    @cached_property
    def recorded(self) -> list[Recorded]:
        """The maps that are recorded, in the order of the layers; bands each by themselves."""
        maps: list[Recorded] = []
        offset = 0

        def add(label: str, *dims: int) -> None:
            nonlocal offset
            maps.append(Recorded(label, offset, dims))
            offset += dims[0] * dims[1] * dims[2]

        add("input", *self.tables.image)
        for layer in self.network.layers:
            if layer.kind == FIRE:
                add(layer.label, layer.channels, layer.height, layer.width)
                if layer.is_pooled:
                    add(f"{layer.label}.pool", layer.channels, layer.pool_height, layer.pool_width)
        return maps

    @cached_property
    def kept_at(self) -> list[int]:
        """Where the states begin that the neurons of each row of the layer table keep."""
        found, end = [], 0
        for layer in self.tables.layers:
            found.append(end)
            end += layer.tile_count * layer.height * layer.width * len(layer.kept) * self.row
        self.kept_size = end
        return found

    def layer_rows(self) -> list[tuple[int, ...]]:
        """The rows of the layer table; the columns are those of `struct layer` in machine.c."""
        banks = self.tables.array.banks
        offsets = {item.label: item.offset for item in self.recorded}
        rows = []
        for index, layer in enumerate(self.tables.layers):
            if layer.kind == RECEIVE:
                is_first = layer.label == self.tables.layers[0].label
                record = offsets["input"] if is_first else -1
            else:
                record = offsets.get(layer.label, -1)
            rows.append(
                (
                    layer.kind, self.layer_paths[index], int(self._is_rate(layer)),
                    layer.tile_first, layer.tile_count, layer.channels,
                    layer.height, layer.width, layer.pool_height, layer.pool_width,
                    *layer.kernel, *layer.strides, *layer.pads, layer.pitch,
                    layer.place.events * banks, layer.place.capacity * banks,
                    layer.place.pointers, layer.word_shift, layer.word_bits,
                    *((layer.image_row,) if self.tables.parts else ()),
                    *((self.kept_at[index],) if self.tables.windows != 1 else ()),
                    *((int(layer.by_image),) if self.tables.recurs else ()),
                    record, offsets.get(f"{layer.label}.pool", -1) if layer.is_pooled else -1,
                    layer.image, layer.first_channel, int(layer.keeps),
                    *((layer.waits,) if self.tables.moves else ()),
                )
            )  # fmt: skip
        return rows

    @cached_property
    def maps_rows(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Where C keeps each row of a map in DDR: its first event and its first pointer entry."""
        banks, events, pointers = self.tables.array.banks, 0, 0
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for layer in self.tables.moved:
            for row in range(layer.move.blocks * layer.move.rows):
                block, y = divmod(row, layer.move.rows)
                at = layer.move.first + (block * layer.move.height + y) * layer.move.record.bursts
                found[at] = (layer.place.capacity * banks, layer.width)
        for at in sorted(found):
            size, width = found[at]
            found[at] = (events, pointers)
            events, pointers = events + size, pointers + width
        self.maps_size = events, pointers
        return found

    def move_rows(self) -> list[tuple[int, ...]]:
        """The moves; the columns are those of `struct move` in maps.c."""
        banks = self.tables.array.banks
        return [
            (
                int(moved.kind == STORE), moved.before, moved.move.bursts, moved.move.blocks,
                moved.height, moved.width, moved.place.events * banks,
                moved.place.capacity * banks, moved.place.pointers, moved.move.height,
                *self.maps_rows[moved.move.first],
            )
            for moved in self.tables.moved
        ]  # fmt: skip

    def _is_rate(self, layer: Layer) -> bool:
        return layer.kind == FIRE and self.tables.modes[layer.mode].rate

    @cached_property
    def clock_limit(self) -> int:
        """A bound on the clocks of any layer."""
        most = self.tables.position_max + 2
        limit = 1
        for layer in self.tables.layers:
            tiles = self.tables.tiles[layer.tile_first : layer.tile_first + layer.tile_count]
            windows = layer.pool_height * layer.pool_width * layer.kernel[0] * layer.kernel[1]
            pixels = max(windows, layer.height * layer.width)
            work = sum(tile.run_count * most + tile.channels + 2 for tile in tiles)
            limit = max(limit, pixels * work + self.timing.resolve + self.timing.flush)
        return limit


class _Streams:
    """Collects runs, streams, tiles and weights; equal run lists are kept once."""

    def __init__(self, model: CModel):
        self.tables = model.network
        self.unrolled = model.tables
        self.program = model.program
        self.banks, self.row = self.tables.array.banks, model.row
        self.run_blocks: list[np.ndarray] = []
        self.run_index: dict[bytes, int] = {}
        self.run_total = self.row_total = 0
        self.streams: list[tuple[int, ...]] = []
        self.weights: list[np.ndarray] = []
        self.weight_index: dict[tuple[object, bool], int] = {}

    def read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        tiles: list[tuple[int, int, int]] = []
        ops = iter([(layer, tile) for layer in self.program.layers for tile in layer.tiles])
        for table in self.tables.tiles:
            if not table.run_count:
                # One of the image.
                tiles.append((0, 0, table.channels))
                continue
            layer, tile = next(ops)
            first = len(self.streams)
            self._tile(layer, tile, self.tables.runs[table.run_first :][: table.run_count])
            tiles.append((first, len(self.streams) - first, table.channels))
        tiles = [tiles[tile.number] for tile in self.unrolled.tiles]
        return (
            np.concatenate(self.run_blocks),
            np.array(self.streams, np.int64),
            np.array(tiles, np.int64),
            np.concatenate(self.weights),
        )

    def _tile(self, layer: LayerOp, tile: TileOp, table: np.ndarray) -> None:
        first, starts_phase = 0, True
        for stream, offset in zip(tile.streams, tile.row_offsets, strict=True):
            count = len(from_dense(stream.runs))
            rows = table[first : first + count]
            self._stream(layer, stream, rows, offset, starts_phase)
            starts_phase = bool(rows[-1, self.tables.run_column["phase_end"]])
            first += count

    def _stream(
        self, layer: LayerOp, stream: StreamOp, table: np.ndarray, offset: int, starts_phase: bool
    ) -> None:
        """One stream; `offset` is its first weight row in the tile, which `table` counts in."""
        column = {name: table[:, index] for name, index in self.tables.run_column.items()}
        by_bank = bool(column["by_bank"][0])
        scale = 1 if by_bank else self.banks
        runs = np.stack(
            [
                column["dy"],
                column["dx"],
                column["length"],
                column["pointer_base"],
                column["event_base"] * self.banks,
                (column["row_base"] - offset) * scale,
            ],
            axis=1,
        )
        key = runs.tobytes()
        if key not in self.run_index:
            self.run_index[key] = self.run_total
            self.run_blocks.append(runs)
            self.run_total += len(runs)
        height, width = int_list(stream.bounds)
        stride_y, stride_x = int_list(stream.strides)
        self.streams.append(
            (
                self.run_index[key], len(runs),
                int(column["shift"][0]) if starts_phase else 0, int(column["phase_end"][-1]),
                height, width, stride_y, stride_x,
                int(column["pointer_stride"][0]), int(column["event_stride"][0]) * self.banks,
                self._weights(layer, stream, by_bank), int(column["row_stride"][0]) * scale,
                int(column["by_image"][0]), int(column["delay"][0]),
            )
        )  # fmt: skip

    def _weights(self, layer: LayerOp, stream: StreamOp, by_bank: bool) -> int:
        """The first row of a stream's weights, which are laid out in the order of positions."""
        key = (stream.weights, by_bank)
        if key not in self.weight_index:
            weights = from_dense(stream.weights)
            if by_bank and np.any(weights != weights[:1]):
                raise UserError(
                    "a by_bank stream needs all rows in every bank, but its banks differ",
                    where=f"layer '{layer.label.data}'",
                )
            # n = q * K + k; where each bank has all rows, the row is n itself.
            rows = weights[0] if by_bank else weights.transpose(1, 0, 2)
            rows = rows.reshape(-1, weights.shape[2])
            self.weights.append(np.pad(rows, ((0, 0), (0, self.row - rows.shape[1]))))
            self.weight_index[key] = self.row_total
            self.row_total += len(self.weights[-1])
        return self.weight_index[key]

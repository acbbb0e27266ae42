"""The program's tables as ROM columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from snnir.errors import UserError
from snnir.hardware.columns import Columns, bits_of
from snnir.hardware.memories import address_width, pack_rows, rom
from snnir.hardware.neuron import mode_groups, mode_key
from snnir.hardware.widths import TableWidths
from snnir.schedule.kept import KeptStates
from snnir.schedule.loading import BURST, row_layout
from snnir.schedule.program import READOUT, RECEIVE, RUN_FIELDS, STORE, Layer, ProgramTables

if TYPE_CHECKING:
    from snnir.hardware.reconfigurable.machine import Machine


TABLES = ("layers", "tiles", "runs", "params", "tile_rows")
"""The tables of a program, in the order in which a program image has them."""


def axis_columns(layer: Layer, axis: int) -> dict[str, int]:
    """What the walker of one axis starts with, so that it never multiplies.

    Window i covers the pixels from `i * stride - pad`; `low0` to `high0` is window 0 inside the
    map (`low0` is 0), `low1`, `high1` window 1, `base2` where window 2 begins.
    """
    extent = (layer.height, layer.width)[axis]
    count = (layer.pool_height, layer.pool_width)[axis]
    kernel, stride, pad = layer.kernel[axis], layer.strides[axis], layer.pads[axis]
    name = "yx"[axis]

    def window(i: int) -> tuple[int, int]:
        first = i * stride - pad if i < count else 0
        return max(first, 0), max(0, min(first + kernel, extent) - 1)

    return {
        f"{name}_last": count - 1,
        f"{name}_one_window": int(count == 1),
        f"{name}_one_pixel": int(window(0)[1] == 0),
        f"{name}_end": extent - 1,
        f"{name}_reach": kernel - 1,
        f"{name}_stride": stride,
        f"{name}_high0": window(0)[1],
        f"{name}_low1": window(1)[0],
        f"{name}_high1": window(1)[1],
        f"{name}_base2": 2 * stride - pad if count > 2 else 0,
    }


@dataclass(frozen=True)
class HardwareTables(TableWidths):
    """A program's tables as the hardware holds them, and the widths that follow from them.

    Args:
        program: unrolled, if it is not yet.
        machine: a machine that the program is to run on; addresses and the numbers of modes, words
            and shifts are then those of the machine.
    """

    program: ProgramTables
    machine: Machine | None = None

    @property
    def home(self) -> ProgramTables | Machine:
        """What decides about widths."""
        return self.machine or self.program

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", self.program.unrolled)
        self._check()

    def _check(self) -> None:
        """What the generated machine assumes beyond what the tables can say."""
        program = self.program
        where = f"pe.program @{program.name}"
        readouts = [layer for layer in program.layers if layer.kind == READOUT]
        if len({row.label for row in readouts}) != 1 or program.layers[-1].kind != READOUT:
            raise UserError("the hardware needs one readout, as the last layer", where=where)
        if readouts[0].is_pooled:
            raise UserError("a readout cannot be pooled", where=where)
        if program.image_bits > 8:
            raise UserError(
                f"the image has {program.image_bits} bits per pixel, the hardware takes bytes",
                where=where,
            )

    # Sizes

    @property
    def potential_rows(self) -> int:
        """Potentials that each lane keeps."""
        return sum(self._potential_rows(row) for row in self._readouts)

    def _potential_rows(self, layer: Layer) -> int:
        tiles = self.program.tiles[layer.tile_first :][: layer.tile_count]
        groups = sum(self.program.array.drain_clocks(tile.channels) for tile in tiles)
        return groups * layer.height * layer.width

    @property
    def _readouts(self) -> list[Layer]:
        return [layer for layer in self.program.layers if layer.kind == READOUT]

    @property
    def image_bytes(self) -> int:
        """Bytes of the images that are computed together."""
        return math.prod(self.program.image) * self.program.batch

    @property
    def pools(self) -> bool:
        """Whether any layer is pooled."""
        return any(layer.is_pooled for layer in self.program.layers)

    @cached_property
    def settings(self) -> Columns:
        """What the units have to know of the whole program: one row."""
        readout = self.program.layers[-1]
        beats = sum(tile.rows for tile in self.program.tiles) * row_layout(self.program.array).beats
        batch = self.program.batch
        potentials, several = self.program.potentials // batch, int(batch > 1)
        return Columns(
            f"{self.program.name}_settings",
            {
                "layer_last": [len(self.program.layers) - 1],
                "image_last": [self.image_bytes - 1],
                "potential_last": [self.program.potentials - 1],
                "pixel_last": [readout.height * readout.width - 1],
                "beat_last": [beats - 1],
                "bursts": [-(-beats // BURST)],
                # Of a batch: the images behind the first, and what each of them has of potentials.
                "images_behind": [batch - 1],
                "image_potential_last": [several * (potentials - 1)],
                "image_potential_rows": [several * (self.potential_rows // batch)],
            },
        )

    @cached_property
    def tile_rows(self) -> Columns:
        """The weight rows of each tile that has any."""
        rows = [tile.rows for tile in self.program.tiles if tile.rows]
        return Columns(f"{self.program.name}_tile_rows", {"rows": rows})

    # Tables

    @cached_property
    def layers(self) -> Columns:
        rows = [
            self._layer(layer) | self._in_batch(index) | self._states(index)
            for index, layer in enumerate(self.program.layers)
        ]
        return Columns(
            f"{self.program.name}_layers", {key: [row[key] for row in rows] for key in rows[0]}
        )

    def _layer(self, layer: Layer) -> dict[str, int]:
        receive = layer.kind == RECEIVE
        group, fraction = (0, 0) if receive else self._modes[layer.mode]
        channels = self.program.tiles[layer.tile_first].channels
        pixels = layer.pool_height * layer.pool_width
        row = {
            "receive": int(receive),
            "readout": int(layer.kind == READOUT),
            "tile_first": layer.tile_first,
            "tiles_last": layer.tile_count - 1,
            "tiles_one": int(layer.tile_count == 1),
            "events": layer.place.events,
            "capacity": layer.place.capacity,
            "pointers": layer.place.pointers,
            "pitch": layer.pitch,
            "group": group,
            "fraction": fraction,
            "rate": 0 if receive else int(self.program.modes[layer.mode].rate),
            "word": self.words.index((layer.word_shift, layer.word_bits)) if receive else 0,
            "received_last": pixels * channels - 1 if receive else 0,
            "channel_last": channels - 1 if receive else 0,
        }
        if self.program.moves:
            row["waits"] = layer.waits
        if self.keeps:
            row["keeps_none"] = int(not receive and not layer.kept)
        if self.recurs:
            row["copies"] = int(layer.by_image)
        for axis in (0, 1):
            row |= axis_columns(layer, axis)
        return row

    def _in_batch(self, index: int) -> dict[str, int]:
        """The columns that differ from 0 in a batch only."""
        program = self.program
        layer = program.layers[index]
        receive = layer.kind == RECEIVE
        follows = index > 0 and program.layers[index - 1].kind == RECEIVE and not receive
        events, pointers = program.image_stride
        return {
            "event_offset": 0 if receive else layer.image * events,
            "pointer_offset": 0 if receive else layer.image * pointers,
            "image_first": self._image_first(layer) if receive else 0,
            "potential_first": self._potential_first[index],
            "keeps": int(layer.keeps),
            # The images stay in their buffer until the last one has been taken.
            "holds": int(follows and any(r.kind == RECEIVE for r in program.layers[index:])),
        }

    def _states(self, index: int) -> dict[str, int]:
        """Where the layer's neurons keep their states, in a program in which any do."""
        return {"state_first": self.kept.first[index]} if self.keeps else {}

    @cached_property
    def kept(self) -> KeptStates:
        """The state memory."""
        return KeptStates(self.program)

    @property
    def recurs(self) -> bool:
        """Whether layers see what was fired in the window before."""
        return self.program.recurs

    @cached_property
    def early(self) -> int:
        """Steps by which some trains of the window before are taken earlier than a window later."""
        return -min(0, int(self.program.runs[:, RUN_FIELDS.index("delay")].min()))

    @property
    def keeps(self) -> bool:
        """Whether any neurons keep their states from window to window."""
        return self.program.windows != 1 and self.kept.depth > 0

    @property
    def begins_samples(self) -> bool:
        """Whether the first window of a sample differs from the others."""
        return self.keeps or self.recurs

    def _image_first(self, layer: Layer) -> int:
        """The first byte of the image's rows that are received, among the images of a batch."""
        channels, height, width = self.program.image
        return (layer.image * height + layer.image_row) * width * channels

    @cached_property
    def _potential_first(self) -> list[int]:
        """For each row of the layer table, the first row of potentials of a readout."""
        each = self.potential_rows // self.program.batch
        behind = dict.fromkeys(range(self.program.batch), 0)
        found = []
        for layer in self.program.layers:
            rows = self._potential_rows(layer) if layer.kind == READOUT else 0
            found.append(layer.image * each + behind[layer.image] if rows else 0)
            behind[layer.image] += rows
        return found

    @cached_property
    def moves(self) -> Columns:
        """The moves of maps, in order."""
        return Columns(
            f"{self.program.name}_moves",
            {
                key: [row[key] for row in map(self._move, self.program.moved)]
                for key in self._move(self.program.moved[0])
            },
        )

    def _move(self, moved: Layer) -> dict[str, int]:
        move = moved.move
        return {
            "before": moved.before,
            "store": int(moved.kind == STORE),
            "events": moved.place.events,
            "pointers": moved.place.pointers,
            "first": move.first,
            "step": move.height * move.record.bursts,
            "bursts": move.block_bursts - 1,
            "blocks": move.blocks - 1,
            "rows": move.blocks * move.rows - 1,
            "pixels": move.record.pixels - 1,
            "groups": move.record.groups - 1,
            "pad": move.record.bursts * BURST - move.record.beats,
        }

    @property
    def moved_bits(self) -> int:
        """Bits of a number of moves."""
        return bits_of(0, len(self.program.moved))

    @cached_property
    def _modes(self) -> list[tuple[int, int]]:
        """Group and fraction of each of the program's modes."""
        _, where = mode_groups(self.home.modes)
        if self.machine is None:
            return where
        known = {mode_key(mode): at for mode, at in zip(self.machine.modes, where, strict=True)}
        return [known[mode_key(mode)] for mode in self.program.modes]

    @property
    def levels(self) -> tuple[int, ...]:
        """What pixels are compared with, where they become trains like that."""
        return self.program.levels

    @cached_property
    def words(self) -> list[tuple[int, int]]:
        """(shift, bits) of the parts into which a pixel is cut."""
        if self.machine is not None:
            return list(self.machine.words)
        layers = [layer for layer in self.program.layers if layer.kind == RECEIVE]
        return list(dict.fromkeys((layer.word_shift, layer.word_bits) for layer in layers))

    @cached_property
    def tiles(self) -> Columns:
        tiles, array = self.program.tiles, self.program.array
        lanes, drain_clocks = array.drain, array.drain_clocks
        # What stands in the tiles of the image is not used; it should not tell columns apart.
        computed = next(tile for tile in tiles if tile.run_count)
        tiles = [
            tile if tile.run_count else replace(tile, channels=computed.channels) for tile in tiles
        ]
        return Columns(
            f"{self.program.name}_tiles",
            {
                "run_first": [tile.run_first for tile in tiles],
                "run_last": [max(tile.run_count - 1, 0) for tile in tiles],
                "run_one": [int(tile.run_count <= 1) for tile in tiles],
                "weights": [tile.weights % self.home.weight_depth for tile in tiles],
                "params": [rows.start for rows in self._param_rows],
                # Groups that leave the shadow, and lanes that the last of them leaves idle.
                "drain": [drain_clocks(tile.channels) for tile in tiles],
                "idle": [-tile.channels % lanes for tile in tiles],
            },
        )

    @cached_property
    def runs(self) -> Columns:
        table = dict(zip(RUN_FIELDS, self.program.runs.T, strict=True))
        columns: dict[str, np.ndarray] = {
            key: table[key]
            for key in (
                "dy", "dx", "length", "height", "width", "stride_y", "stride_x",
                "pointer_stride", "event_stride", "row_stride", "by_bank", "phase_end",
                "by_image", "delay",
            )
        }  # fmt: skip
        # Addresses are exact modulo the size of their memory, which is all that is used of them.
        # The entry behind the last pixel of a window is read at the pixel before.
        columns["pointer_base"] = (table["pointer_base"] - 1) % self._size("pointer_depth")
        columns["event_base"] = table["event_base"] % self._size("event_depth")
        columns["row_base"] = table["row_base"] % self._size("weight_depth")
        if self.home.position_bits:
            # The weight row of the run's first position, and what events know of that position.
            columns["row_base"] = (table["row_base"] + table["offset"]) % self._size("weight_depth")
            known = np.where(table["by_bank"] != 0, self.offset_bits, self.home.position_bits)
            columns["offset"] = table["offset"] & ((1 << known) - 1)
        columns["delay"] = table["delay"] + self.early
        columns["shift_behind"] = self._shift_behind(table["phase_end"], table["shift"])
        return Columns(f"{self.program.name}_runs", columns)

    def _size(self, memory: str) -> int:
        """How many different addresses a memory has."""
        return 1 << address_width(getattr(self.home, memory))

    def _shift_behind(self, phase_end: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """At the end of a phase, the shift of the next one: 1 + index in `shifts`, or 0."""
        behind = np.zeros(len(shift), np.int64)
        ends = {tile.run_first + tile.run_count for tile in self.program.tiles}
        for index in np.flatnonzero(phase_end):
            if index + 1 not in ends and shift[index + 1]:
                behind[index] = 1 + self.home.shifts.index(int(shift[index + 1]))
        return behind

    @cached_property
    def params(self) -> Columns:
        """Row by row the parameters of the channels that leave the shadow together.

        Column `theta0` is that of lane 0. A lane without a channel has its neighbour's parameter.
        """
        channels = self.parameter_channels
        return Columns(
            f"{self.program.name}_params",
            {
                f"{key}{lane}": self.program.params[key][channels[:, lane]]
                if key in self.program.params
                else np.zeros(len(channels), np.int64)
                for lane in range(self.program.array.drain)
                for key in self.home.params
            },
        )

    @cached_property
    def parameter_channels(self) -> np.ndarray:
        """Whose parameters stand in each row of the parameter memory: (rows, lanes)."""
        rows, end = [], 0
        for tile, range_ in zip(self.program.tiles, self._param_rows, strict=True):
            if range_.start < end:
                continue
            end = range_.stop
            channel = np.arange(len(range_) * self.program.array.drain)
            rows.append(tile.params + channel.clip(max=tile.channels - 1))
        return np.concatenate(rows).reshape(-1, self.program.array.drain)

    @cached_property
    def _param_rows(self) -> list[range]:
        """The rows of the parameter memory that each tile has; none for the image's.

        Bands of a layer share them.
        """
        first, rows = 0, []
        known: dict[tuple[int, int], range] = {}
        for tile in self.program.tiles:
            count = self.program.array.drain_clocks(tile.channels) if tile.run_count else 0
            key = (tile.params, tile.channels) if count else (-1, -1)
            if key not in known or not count:
                known[key] = range(first, first + count)
                first += count
            rows.append(known[key])
        return rows

    def weight_memory(self, bank: int):
        """The ROM of one bank: row by row the weights of all channels, channel 0 lowest."""
        weights = self.program.weights[bank]
        bits = self.program.array.weight_bits
        return rom(
            bits * weights.shape[1],
            weights.shape[0],
            pack_rows(weights, bits),
            f"{self.program.name}_weights{bank}",
        )

    # Ranges of what the resolver computes

    @cached_property
    def reach(self) -> Mapping[str, tuple[int, int]]:
        """Least and greatest y, and x0 to x0 + length, over all runs and pixels."""
        low = {"y": 0, "x": 0}
        high = {"y": 0, "x": 0}
        table = dict(zip(RUN_FIELDS, self.program.runs.T, strict=True))
        for layer in self.program.layers:
            for tile in self.program.tiles[layer.tile_first :][: layer.tile_count]:
                if not tile.run_count:
                    continue
                part = slice(tile.run_first, tile.run_first + tile.run_count)
                y = table["dy"][part]
                x = table["dx"][part]
                low["y"] = min(low["y"], int(y.min()))
                low["x"] = min(low["x"], int(x.min()))
                y = y + table["stride_y"][part] * (layer.height - 1)
                x = x + table["stride_x"][part] * (layer.width - 1) + table["length"][part]
                high["y"] = max(high["y"], int(y.max()), int(table["height"].max()))
                high["x"] = max(high["x"], int(x.max()), int(table["width"].max()))
        return {axis: (low[axis], high[axis]) for axis in "yx"}

"""Reads the tables off a scheduled `pe.program`: addresses, runs, weights, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from xdsl.ir import Operation, SSAValue

from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import IMAGE_LABEL, PreviousOp, ProgramOp, ReceiveOp
from snnir.dialects.pe_layers import LayerOp, StreamOp, TileOp
from snnir.dialects.pe_moves import BufferOp, LoadOp, MoveOp
from snnir.dialects.pe_types import ArrayParameters, MapType, Place
from snnir.dialects.snn import LEVEL_BITS
from snnir.errors import UserError
from snnir.schedule.moving import BURST_BYTES, Move, Record, record_of
from snnir.schedule.places import kept_maps
from snnir.schedule.planes import planes_taken
from snnir.schedule.positions import least_position_bits
from snnir.schedule.program import (
    FIRE,
    LOAD,
    PREVIOUS,
    READOUT,
    RECEIVE,
    RUN_FIELDS,
    STORE,
    Band,
    Layer,
    Mode,
    ProgramTables,
    Tile,
)

if TYPE_CHECKING:
    import numpy as np


def maps_by_image(program: ProgramOp) -> set[SSAValue]:
    """The maps that a batch keeps for each image: what shared layers write, and what they read."""
    if program.batch is None:
        return set()
    shared = [layer for layer in program.layers if layer.is_shared]
    read = {s.source for layer in shared for tile in layer.tiles for s in tile.streams}
    return read | {layer.out for layer in shared if isinstance(layer.out.type, MapType)}


def places_of(program: ProgramOp) -> dict[object, Place]:
    """Where each map of a program is kept on the chip, as far as it says so."""
    places: dict[object, Place] = {}
    for op in program.steps:
        if isinstance(op, ReceiveOp) and op.places is not None:
            places |= {w: place.data for w, place in zip(op.words, op.places, strict=True)}
        elif isinstance(op, LayerOp | LoadOp) and op.place is not None:
            places[op.out] = op.place.data
    return places


def row_bits(program: ProgramOp, places: Iterable[Place]) -> tuple[int, int]:
    """Bits of a count of events of a row and of an event, in a program with these places."""
    most = max((place.capacity for place in places), default=1)
    held = program.position_bits
    position = held.value.data if held else max(1, (most - 1).bit_length())
    return most.bit_length(), position + program.array.planes


def read_program(program: ProgramOp, weights: bool = True) -> ProgramTables:
    """The tables of a scheduled program.

    Args:
        weights: whether their values matter; without them it is faster.

    Raises:
        UserError: the program has no addresses yet (`event-schedule` has not run).
    """
    return _Reader(program, weights).read()


def _user(value: SSAValue) -> Operation | None:
    """The layer that reads a map first."""
    uses = [use.operation for use in value.uses if isinstance(use.operation, StreamOp)]
    return uses[0].parent_op().parent_op() if uses else None


def _name(op: Operation | None, other: str) -> str:
    """The layer that an op is, or is a band of."""
    if not isinstance(op, LayerOp):
        return other
    return (op.of or op.label).data


class _Reader:
    """Walks a program once and collects its tables."""

    def __init__(self, program: ProgramOp, weights: bool):
        self.program = program
        self.fills = weights
        self.array: ArrayParameters = program.array.data
        self.places = places_of(program)
        self.by_image = maps_by_image(program) | set(kept_maps(program))
        self.layers: list[Layer] = []
        self.moved: list[Layer] = []
        self.tiles: list[Tile] = []
        self.modes: list[Mode] = []
        self.run_blocks: list[np.ndarray] = []
        self.run_index: dict[bytes, int] = {}
        self.run_total = 0

    def read(self) -> ProgramTables:
        import numpy as np

        program = self.program
        self._row_sizes()
        for op in program.steps:
            match op:
                case ReceiveOp():
                    self._receive(op)
                case LayerOp():
                    self._layer(op)
                case MoveOp():
                    self._move(op)
        channels, height, width = program.receive.words[0].type.dims
        levels = int_list(program.receive.levels) if program.receive.levels else ()
        if program.receive.rows is not None:
            height = int_list(program.receive.rows)[1]
        return ProgramTables(
            name=program.sym_name.data,
            array=self.array,
            layers=tuple(self.layers),
            tiles=tuple(self.tiles),
            runs=np.concatenate(self.run_blocks),
            weights=self._weights(),
            params=self._params(),
            modes=tuple(self.modes),
            image=(channels, height, width),
            image_bits=LEVEL_BITS if levels else program.receive.bits.value.data,
            levels=levels,
            event_depth=self._depth(0),
            pointer_depth=self._depth(1),
            position_max=max(place.capacity for place in self.places.values()) - 1,
            potentials=sum(
                layer.channels * layer.height * layer.width
                for layer in self.layers
                if layer.kind == READOUT
            ),
            ring=program.ring.value.data if program.ring else 0,
            stages=program.stages.value.data if program.stages else 0,
            position_bits=program.position_bits.value.data if program.position_bits else 0,
            least_position_bits=least_position_bits(program),
            batch=program.images,
            shared=len(program.receive.words) + [op.is_shared for op in program.layers].index(True)
            if program.batch
            else 0,
            image_stride=self._image_stride(),
            moved=tuple(self.moved),
            window_stride=self._window_stride(),
            windows=1 if program.windows is None else program.windows.value.data,
            **self._halves(),
        )

    def _image_stride(self) -> tuple[int, int]:
        if self.program.batch is None:
            return 0, 0
        events, pointers = int_list(self._need(self.program.image_stride, "the batch"))
        return events, pointers

    def _window_stride(self) -> tuple[int, int]:
        if not self.program.previous:
            return 0, 0
        events, pointers = int_list(self._need(self.program.window_stride, "the next window"))
        return events, pointers

    def _halves(self) -> dict[str, tuple[int, int]]:
        if self.program.halves is None:
            return {}
        starts = int_list(self.program.halves)
        firsts = (max(e for e in self._ends(i) if e <= at) for i, at in enumerate(starts))
        return {"halves": starts, "first_half": tuple(firsts)}

    def _depth(self, memory: int) -> int:
        """Addresses of the event memory (0) or of the pointer memory (1)."""
        return max(self._ends(memory))

    def _ends(self, memory: int) -> list[int]:
        """Behind each map."""
        last, stride = self.program.images - 1, self._image_stride()[memory]
        if self.program.previous:
            last, stride = 1, self._window_stride()[memory]
        ends = []
        for value, place in self.places.items():
            kind: MapType = value.type
            rows = kind.blocks * kind.dims[1]
            begin, row = ((place.events, place.capacity), (place.pointers, kind.dims[2]))[memory]
            ends.append(begin + rows * row + (last * stride if value in self.by_image else 0))
        return ends

    def _need(self, value, what: str):
        if value is None:
            raise UserError(
                f"{what} has no address",
                where=f"pe.program @{self.program.sym_name.data}",
                hint="run event-schedule first",
            )
        return value

    def _row_sizes(self) -> None:
        """Bits of a count and of an event, that rows in DDR are made of."""
        if not self.program.buffers:
            return
        self.count_bits, self.event_bits = row_bits(self.program, self.places.values())

    def _move(self, op: MoveOp) -> None:
        """A move of rows of a map."""
        loads = isinstance(op, LoadOp)
        value = op.out if loads else op.source
        place = self._need(self.places.get(value), f"'{op.label.data}'")
        origin: BufferOp = op.origin
        at = self._need(origin.at, f"map '{origin.label.data}'").value.data
        bursts = self._need(origin.row_bytes, "its row").value.data // BURST_BYTES
        kind: MapType = op.part
        record = record_of(kind, self.array, self.count_bits, self.event_bits)
        channels, height, width = kind.dims
        self.moved.append(
            Layer(
                label=op.label.data,
                kind=LOAD if loads else STORE,
                tile_first=len(self.tiles),
                tile_count=0,
                before=len(self.layers),
                channels=channels,
                height=height,
                width=width,
                pool_height=height,
                pool_width=width,
                place=place,
                pitch=kind.pitch.data,
                steps=kind.steps.data,
                of=_name(_user(value) if loads else value.owner, op.label.data),
                move=Move(
                    Record(*(vars(record) | {"bursts": bursts}).values()),
                    at // BURST_BYTES + op.row.value.data * bursts,
                    kind.blocks,
                    height,
                    op.buffer.type.map.dims[1],
                ),
            )
        )

    def _receive(self, receive: ReceiveOp) -> None:
        places = self._need(receive.places, "the image")
        first = int_list(receive.rows)[0] if receive.rows else 0
        label = receive.label.data if receive.label else IMAGE_LABEL
        of = _name(_user(receive.words[0]), "") if receive.label else ""
        several = len(receive.words) > 1
        index = sum(layer.kind == RECEIVE for layer in self.layers) if not receive.label else 0
        shift = receive.bits.value.data
        for number, (word, place) in enumerate(zip(receive.words, places, strict=True), index):
            name = f"{label}.{number}" if several else label
            kind: MapType = word.type
            channels, height, width = kind.dims
            shift -= kind.steps.data
            self.tiles.append(Tile(0, 0, 0, 0, channels, number=len(self.tiles)))
            self.layers.append(
                Layer(
                    label=name,
                    kind=RECEIVE,
                    tile_first=len(self.tiles) - 1,
                    tile_count=1,
                    channels=channels,
                    height=height,
                    width=width,
                    pool_height=height,
                    pool_width=width,
                    place=place.data,
                    pitch=kind.pitch.data,
                    steps=kind.steps.data,
                    word_shift=shift,
                    word_bits=kind.steps.data,
                    by_image=word in self.by_image,
                    image_row=first,
                    waits=self._waits(receive),
                    of=of or name,
                )
            )

    def _layer(self, op: LayerOp) -> None:
        first = len(self.tiles)
        for tile in op.tiles:
            self._tile(tile)
        place, pitch = Place(0, 0, 0), 0
        if isinstance(op.out.type, MapType):
            place = self._need(op.place, f"layer '{op.label.data}'").data
            pitch = op.out.type.pitch.data
        band = Band(op.of.data, *int_list(op.band)) if op.band else None
        channels, pool_height, pool_width = op.out.type.dims
        height, width = int_list(op.pixels)
        self.layers.append(
            Layer(
                label=op.label.data,
                kind=READOUT if op.is_readout else FIRE,
                tile_first=first,
                tile_count=len(op.tiles),
                channels=channels,
                height=height,
                width=width,
                pool_height=pool_height,
                pool_width=pool_width,
                kernel=int_list(op.kernel),
                strides=int_list(op.strides),
                pads=int_list(op.pads)[:2],
                place=place,
                pitch=pitch,
                by_image=op.out in self.by_image,
                steps=op.steps.value.data,
                mode=self._mode(op),
                of=_name(op, ""),
                band=band,
                waits=self._waits(op),
                alone=op.alone.data if op.alone else "",
                kept=tuple(int_list(op.kept)) if op.kept else (),
            )
        )

    def _waits(self, op: LayerOp | ReceiveOp) -> int:
        """How many moves, in order, must have ended before a row starts."""
        return len(self.moved) - len(op.beside or ())

    def _mode(self, op: LayerOp) -> int:
        """The index of the layer's datapath configuration; equal ones share an index."""
        sources = [s.source.type for tile in op.tiles for s in tile.streams]
        mode = Mode(
            neuron=op.neuron.string_value(),
            coding=sources[0].coding.data,
            planes=planes_taken(op, self.program),
            steps=op.steps.value.data,
            fraction=op.fraction.value.data,
            rate=(sources[0] if op.is_readout else op.out.type).coding.data == "rate",
            kept=op.kept is not None,
        )
        if mode not in self.modes:
            self.modes.append(mode)
        return self.modes.index(mode)

    def _tile(self, tile: TileOp) -> None:
        import numpy as np

        runs = np.concatenate(list(self._runs(tile)))
        key = runs.tobytes()
        if key not in self.run_index:
            self.run_index[key] = self.run_total
            self.run_blocks.append(runs)
            self.run_total += len(runs)
        self.tiles.append(
            Tile(
                run_first=self.run_index[key],
                run_count=len(runs),
                weights=self._need(tile.weights_at, "a tile's weights").value.data,
                params=self._need(tile.params_at, "a tile's parameters").value.data,
                channels=int_list(tile.channels)[1],
                rows=tile.rows,
                number=len(self.tiles),
            )
        )

    def _runs(self, tile: TileOp) -> Iterator[np.ndarray]:
        """The rows of the run table of each stream of a tile, in order."""
        import numpy as np

        streams = tile.streams
        before = streams[0].shift.value.data
        for index, (stream, offset) in enumerate(zip(streams, tile.row_offsets, strict=True)):
            shift = stream.shift.value.data
            last = index + 1 == len(streams) or streams[index + 1].shift.value.data != shift
            block, dy, dx, length, row = from_dense(stream.runs).astype(np.int64).T
            table = np.zeros((len(block), len(RUN_FIELDS)), np.int64)
            fields = self._stream_fields(stream, block, dy, dx)
            fields |= {"dy": dy, "dx": dx, "length": length, "row_base": row + offset}
            fields["shift"] = before - shift
            for column, name in enumerate(RUN_FIELDS):
                table[:, column] = fields.get(name, 0)
            if last:
                table[-1, 0] = 1
                if index + 1 < len(streams):
                    before = shift
            yield table

    def _stream_fields(self, stream: StreamOp, block, dy, dx) -> dict[str, object]:
        source: MapType = stream.source.type
        past = isinstance(stream.source.owner, PreviousOp)
        source_map = stream.source.owner.written if past else stream.source
        place = self.places[source_map]
        map_width = source.dims[2]
        stride_y, stride_x = int_list(stream.strides)
        height, width = int_list(stream.bounds)
        by_bank = int(stream.by_bank.value.data != 0)
        first = dx * source.pitch.data
        row = stream.stored_row(block, dy)
        step = stream.stored_row(0, 1) - stream.stored_row(0, 0)
        return {
            "height": height,
            "width": width,
            "stride_y": stride_y,
            "stride_x": stride_x,
            "pointer_base": place.pointers + row * map_width,
            "pointer_stride": stride_y * step * map_width,
            "event_base": place.events + row * place.capacity,
            "event_stride": stride_y * step * place.capacity,
            "row_stride": stride_x * stream.advance.value.data,
            "by_bank": by_bank,
            "offset": first if by_bank else first // self.array.banks,
            "by_image": PREVIOUS if past else int(stream.source in self.by_image),
            "delay": stream.delay.value.data,
        }

    def _weights(self) -> np.ndarray:
        """The image of all banks' weight memories: (banks, rows, channels)."""
        import numpy as np

        tiles = [tile for layer in self.program.layers for tile in layer.tiles]
        depth = max(tile.weights_at.value.data + tile.rows for tile in tiles)
        shape = (self.array.banks, depth, self.array.channels)
        if not self.fills:
            return np.broadcast_to(np.int8(0), shape)
        memory = np.zeros(shape, np.int8)
        for tile in tiles:
            for stream, offset in zip(tile.streams, tile.row_offsets, strict=True):
                at = tile.weights_at.value.data + offset
                memory[:, at : at + stream.rows] = from_dense(stream.weights)
        return memory

    def _params(self) -> dict[str, np.ndarray]:
        """The parameter memory: one column per parameter name, sorted by name."""
        import numpy as np

        tiles = [tile for layer in self.program.layers for tile in layer.tiles]
        depth = max(t.params_at.value.data + int_list(t.channels)[1] for t in tiles)
        names = sorted({name for tile in tiles for name in tile.params.data})
        memory = {name: np.zeros(depth, np.int64) for name in names}
        for tile in tiles:
            at, count = tile.params_at.value.data, int_list(tile.channels)[1]
            for name, dense in tile.params.data.items():
                memory[name][at : at + count] = from_dense(dense)
        return memory

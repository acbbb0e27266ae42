"""The program as tables: what the machine's memories hold, read off a scheduled `pe.program`.

The C printer, the cycle model and the hardware generator all take their numbers from here, so that
a layer, a tile or a run means the same in each. Terms and formulas: docs/machine.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from xdsl.ir import Operation, SSAValue

from snnir.analysis.moving import BURST_BYTES, Move, Record, record_of
from snnir.analysis.positions import least_position_bits
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import LayerOp, ProgramOp, ReceiveOp, StreamOp, TileOp
from snnir.dialects.pe_moves import BufferOp, LoadOp, MoveOp
from snnir.dialects.pe_types import ArrayParameters, MapType, Place
from snnir.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from xdsl.ir import SSAValue

RECEIVE, FIRE, READOUT, LOAD, STORE = range(5)
"""Kinds of layers in the layer table."""

MOVES = (LOAD, STORE)
"""Those that move rows of a map between DDR and the chip."""

RUN_FIELDS = (
    "phase_end",  # 1 on the last run of a phase
    "shift",  # bits by which the accumulators are shifted when this run's phase starts
    "dy",
    "dx",
    "length",
    "height",  # bounds of the map as the synapse sees it
    "width",
    "stride_y",
    "stride_x",
    "pointer_base",  # pointer entry of (block, dy, x = 0); + oy * pointer_stride + x
    "pointer_stride",
    "event_base",  # event address of (block, dy)'s row; + oy * event_stride + count
    "event_stride",
    "row_base",  # weight row relative to the tile's first; - ox * row_stride + position
    "row_stride",
    "by_bank",
    "offset",  # position at which the run begins: n if by_bank, else q; + ox * row_stride
    "by_image",  # whether each image of a batch has its own copy of the map
)
"""Columns of the run table."""


@dataclass(frozen=True)
class Mode:
    """How a layer's accumulators become trains or potentials: one configuration of the datapath.

    `coding` and `planes` are those of the incoming currents (`planes` = bits of the train word that
    carry steps, right-aligned, at most P); `steps` those of the trains that fire. `rate`: whether
    the layer's own trains are rate-coded (a readout's are those of its currents).
    """

    neuron: str
    coding: str
    planes: int
    steps: int
    fraction: int
    rate: bool = False

    @property
    def replays(self) -> bool:
        """Whether the plane currents are summed up first and then given to every step."""
        return self.rate and self.coding == "direct"


@dataclass(frozen=True)
class Band:
    """Which rows of the layer `of` a row of the layer table computes.

    Args:
        first, pixels: first row of the pixels before pooling, and rows of all of them.
        row, rows: first row behind it, and rows of the whole result.
    """

    of: str
    first: int
    pixels: int
    row: int
    rows: int


@dataclass(frozen=True)
class Layer:
    """One row of the layer table; names as in docs/machine.md.

    `height`, `width` are the output pixels before pooling, `pool_height`, `pool_width` behind it.
    For RECEIVE rows `word_shift` and `word_bits` say which bits of a pixel the map holds, the
    channels are those of the one tile, and `image_row` is the image's first row that is taken.
    LOAD and STORE rows have a `move`, and no tile. `of` is the layer to which the row is counted.
    In a batch a row is for one `image`, and for one tile (of the channels from `first_channel`) if
    its weights are shared; with `keeps` these stay for the next image. `by_image`: each image has
    a copy of the map.
    """

    label: str
    kind: int
    tile_first: int
    tile_count: int
    channels: int
    height: int
    width: int
    pool_height: int
    pool_width: int
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    place: Place = Place(0, 0, 0)
    pitch: int = 0
    steps: int = 0
    mode: int = 0
    word_shift: int = 0
    word_bits: int = 0
    image: int = 0
    first_channel: int = 0
    keeps: bool = False
    by_image: bool = False
    image_row: int = 0
    of: str = ""
    band: Band | None = None
    move: Move | None = None

    @property
    def is_pooled(self) -> bool:
        """Whether a window of more than one pixel is pooled."""
        return (self.height, self.width) != (self.pool_height, self.pool_width) or self.kernel != (
            1,
            1,
        )

    def visited(self) -> np.ndarray:
        """Boolean (height, width): the pixels that some pooling window needs.

        The machine computes no other; windows may leave a rim or gaps out.
        """
        import numpy as np

        axes = []
        for axis, (extent, pooled) in enumerate(
            ((self.height, self.pool_height), (self.width, self.pool_width))
        ):
            first = np.arange(pooled) * self.strides[axis] - self.pads[axis]
            inside = first[:, None] + np.arange(self.kernel[axis])
            mark = np.zeros(extent, bool)
            mark[inside[(inside >= 0) & (inside < extent)]] = True
            axes.append(mark)
        return axes[0][:, None] & axes[1][None, :]


@dataclass(frozen=True)
class Tile:
    """One row of the tile table: runs, weights, parameters, number of channels, weight rows.

    `number` is its number among the tiles of the program, each counted once.
    """

    run_first: int
    run_count: int
    weights: int
    params: int
    channels: int
    rows: int = 0
    number: int = 0


@dataclass(frozen=True)
class ProgramTables:
    """All tables of a program.

    `runs` int64 (R, len(RUN_FIELDS)); `weights` int8 (banks, rows, channels); `params` one int64
    array of (rows,) per parameter name, 0 where a layer's neuron has no such parameter. `ring` is
    the depth of the weight memories where weights come from DDR, 0 where they hold all rows.
    `stages` are the registers of the neurons' pipelines, 0 where they are just as many as needed.
    `position_bits` are the bits of its position that an event holds, 0 if all; it may be as few as
    `least_position_bits`.

    `layers` and `tiles` name each layer and tile once. Where `batch` images are computed together,
    the layers from number `shared` on share weights, and `image_stride` is by how many event and
    pointer addresses the copies of a map lie apart; `unrolled` has the rows as they are executed.
    """

    name: str
    array: ArrayParameters
    layers: tuple[Layer, ...]
    tiles: tuple[Tile, ...]
    runs: np.ndarray
    weights: np.ndarray
    params: dict[str, np.ndarray]
    modes: tuple[Mode, ...]
    image: tuple[int, int, int]
    image_bits: int
    event_depth: int
    pointer_depth: int
    position_max: int
    potentials: int
    ring: int = 0
    stages: int = 0
    position_bits: int = 0
    least_position_bits: int = 0
    batch: int = 1
    shared: int = 0
    image_stride: tuple[int, int] = (0, 0)
    is_unrolled: bool = False

    @cached_property
    def unrolled(self) -> ProgramTables:
        """The tables as the machine has them: a row for whatever it does, one behind the other."""
        from snnir.analysis.batch import unroll

        return self if self.batch == 1 or self.is_unrolled else unroll(self)

    @property
    def moves(self) -> bool:
        """Whether feature maps are moved between DDR and the chip."""
        return any(layer.move for layer in self.layers)

    @property
    def uses_ddr(self) -> bool:
        """Whether weights or maps are in DDR."""
        return bool(self.ring) or self.moves

    @property
    def read_ports(self) -> int:
        """AXI ports that share the bandwidth of DDR: those of the weights, and that of the maps."""
        return (self.array.ports if self.ring else 0) + self.moves

    @property
    def parts(self) -> bool:
        """Whether the image is received in parts."""
        return any(layer.kind == RECEIVE and layer.height != self.image[1] for layer in self.layers)

    @property
    def maps_bytes(self) -> int:
        """Bytes of DDR that the feature maps there take."""
        return BURST_BYTES * max((layer.move.end for layer in self.layers if layer.move), default=0)

    @property
    def weight_depth(self) -> int:
        """Rows of a bank's weight memory."""
        return self.ring or self.weights.shape[1]

    @cached_property
    def run_column(self) -> dict[str, int]:
        """Column index of each run field."""
        return {name: index for index, name in enumerate(RUN_FIELDS)}

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """The distinct accumulator shifts that phases ask for, without 0."""
        return tuple(sorted({int(s) for s in self.runs[:, 1]} - {0}))


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
        self.by_image = maps_by_image(program)
        self.layers: list[Layer] = []
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
            image_bits=program.receive.bits.value.data,
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
        )

    def _image_stride(self) -> tuple[int, int]:
        if self.program.batch is None:
            return 0, 0
        events, pointers = int_list(self._need(self.program.image_stride, "the batch"))
        return events, pointers

    def _depth(self, memory: int) -> int:
        """Addresses of the event memory (0) or of the pointer memory (1)."""
        last, stride = self.program.images - 1, self._image_stride()[memory]
        ends = []
        for value, place in self.places.items():
            kind: MapType = value.type
            rows = kind.blocks * kind.dims[1]
            begin, row = ((place.events, place.capacity), (place.pointers, kind.dims[2]))[memory]
            ends.append(begin + rows * row + (last * stride if value in self.by_image else 0))
        return max(ends)

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
        """A row of the layer table that moves rows of a map."""
        loads = isinstance(op, LoadOp)
        value = op.out if loads else op.source
        place = self._need(self.places.get(value), f"'{op.label.data}'")
        origin: BufferOp = op.origin
        at = self._need(origin.at, f"map '{origin.label.data}'").value.data
        bursts = self._need(origin.row_bytes, "its row").value.data // BURST_BYTES
        kind: MapType = op.part
        record = record_of(kind, self.array, self.count_bits, self.event_bits)
        channels, height, width = kind.dims
        self.layers.append(
            Layer(
                label=op.label.data,
                kind=LOAD if loads else STORE,
                tile_first=len(self.tiles),
                tile_count=0,
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
        label = receive.label.data if receive.label else "input"
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
            )
        )

    def _mode(self, op: LayerOp) -> int:
        """The index of the layer's datapath configuration; equal ones share an index."""
        sources = [s.source.type for tile in op.tiles for s in tile.streams]
        mode = Mode(
            neuron=op.neuron.string_value(),
            coding=sources[0].coding.data,
            planes=max(source.steps.data for source in sources),
            steps=op.steps.value.data,
            fraction=op.fraction.value.data,
            rate=(sources[0] if op.is_readout else op.out.type).coding.data == "rate",
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
        place = self.places[stream.source]
        _, map_height, map_width = source.dims
        stride_y, stride_x = int_list(stream.strides)
        height, width = int_list(stream.bounds)
        by_bank = int(stream.by_bank.value.data != 0)
        first = dx * source.pitch.data
        row = block * map_height + dy
        return {
            "height": height,
            "width": width,
            "stride_y": stride_y,
            "stride_x": stride_x,
            "pointer_base": place.pointers + row * map_width,
            "pointer_stride": stride_y * map_width,
            "event_base": place.events + row * place.capacity,
            "event_stride": stride_y * place.capacity,
            "row_stride": stride_x * stream.advance.value.data,
            "by_bank": by_bank,
            "offset": first if by_bank else first // self.array.banks,
            "by_image": int(stream.source in self.by_image),
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

"""The `pe` dialect: the machine, its memories, and the program that runs on it.

One op per layer, tile or stream; never one per spike or weight. `docs/machine.md` states what each
op does clock by clock; `tile-to-pe` makes the ops, `event-schedule` gives them their addresses.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    BoolAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.ir import Attribute, Block, Dialect, Operation, Region
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, NoTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.assembly import (
    Clause,
    int_list,
    integer,
    ints,
    parse_clauses,
    print_clauses,
)
from snnir.dialects.dense import from_dense
from snnir.dialects.pe_moves import BufferOp, CheckedOp, LoadOp, StoreOp, check_rows
from snnir.dialects.pe_types import (
    ArrayParametersAttr,
    DdrType,
    MapType,
    PlaceAttr,
    PotentialsType,
)
from snnir.dialects.snn import window_size

RUN_COLUMNS = ("block", "dy", "dx", "length", "row")
"""The columns of a stream's run table; see "Runs" in docs/machine.md."""

MAX_BATCH = 8
"""Images that are computed together at most."""


class PeOp(CheckedOp):
    """An op that knows its program."""

    @property
    def program(self) -> ProgramOp:
        """The program that holds this op."""
        op: Operation | None = self
        while op is not None and not isinstance(op, ProgramOp):
            op = op.parent_op()
        if op is None:
            raise VerifyException(f"{self.name}: must be inside a pe.program")
        return op


@irdl_op_definition
class ProgramOp(PeOp):
    """A network on one array: `pe.program @mnist8 array #pe.array<...> { ... }`.

    `ring` is the depth of the banks' weight memories where weights come from DDR, a power of two;
    without it they hold all weights. `stages` are the registers of the neurons' pipelines where the
    program is for a machine that has more of them than its own neurons need. `position_bits` are
    the bits of its position that an event holds; without it all of them. `batch` images are
    computed together where weights come from DDR: layers that are `shared` take them tile by tile,
    and what is kept for them lies `image_stride` [event, pointer] addresses apart.
    """

    name = "pe.program"
    sym_name = prop_def(StringAttr)
    array = prop_def(ArrayParametersAttr)
    ring = opt_prop_def(IntegerAttr)
    stages = opt_prop_def(IntegerAttr)
    position_bits = opt_prop_def(IntegerAttr)
    batch = opt_prop_def(IntegerAttr)
    image_stride = opt_prop_def(DenseArrayBase)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    CLAUSES: ClassVar = (
        *(Clause(name, "int") for name in ("ring", "stages", "position_bits", "batch")),
        Clause("image_stride", "ints"),
    )

    @classmethod
    def parse(cls, parser: Parser):
        name = parser.parse_symbol_name()
        parser.parse_keyword("array")
        array = parser.parse_attribute()
        clauses = parse_clauses(parser, cls.CLAUSES)
        body = parser.parse_region()
        return cls.build(properties={"sym_name": name, "array": array, **clauses}, regions=[body])

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(" array ")
        printer.print_attribute(self.array)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" ")
        printer.print_region(self.body)

    @property
    def layers(self) -> list[LayerOp]:
        """The layers in the order in which they run."""
        return [op for op in self.body.block.ops if isinstance(op, LayerOp)]

    @property
    def images(self) -> int:
        """Images that are computed together."""
        return self.batch.value.data if self.batch else 1

    @property
    def receive(self) -> ReceiveOp:
        """The op that takes the image in, or its first rows."""
        return next(op for op in self.body.block.ops if isinstance(op, ReceiveOp))

    @property
    def steps(self) -> list[ReceiveOp | LayerOp | LoadOp | StoreOp]:
        """What the machine does one after another."""
        kinds = ReceiveOp | LayerOp | LoadOp | StoreOp
        return [op for op in self.body.block.ops if isinstance(op, kinds)]

    @property
    def buffers(self) -> list[BufferOp]:
        """The maps in DDR."""
        return [op for op in self.body.block.ops if isinstance(op, BufferOp)]

    def verify_(self) -> None:
        kinds = [type(op) for op in self.body.block.ops if not isinstance(op, BufferOp)]
        receives = [op for op in self.body.block.ops if isinstance(op, ReceiveOp)]
        several = len(receives) > 1
        self.expect(
            kinds[:1] == [ReceiveOp]
            and kinds[-1:] == [SendOp]
            and all(
                k in (LayerOp, LoadOp, StoreOp) or (k is ReceiveOp and several) for k in kinds[1:-1]
            ),
            "holds one pe.receive, then pe.layer ops, then one pe.send",
        )
        if several:
            images = {(op.rows and int_list(op.rows)[1], op.bits.value.data) for op in receives}
            self.expect(
                len(images) == 1 and None not in {rows for rows, _ in images},
                "several pe.receive need the rows of one image",
            )
        if self.ring is not None:
            rows = self.ring.value.data
            self.expect(rows > 1 and rows & (rows - 1) == 0, "ring must be a power of two")
        shared = [layer.is_shared for layer in self.layers]
        self.expect(shared == sorted(shared), "shared layers come last")
        if self.batch is None:
            self.expect(not any(shared), "shared layers need a batch")
            return
        self.expect(1 < self.batch.value.data <= MAX_BATCH, f"batch must be 2 to {MAX_BATCH}")
        self.expect(self.ring is not None, "a batch shares weights from DDR, which needs a ring")
        self.expect(shared[-1:] == [True], "a batch shares the readout at least")


@irdl_op_definition
class ReceiveOp(PeOp):
    """The image comes in, in the order (y, x, channel), and becomes one map per word of its bits.

    Words are in order of significance, the most significant first; each is at most `planes` bits.
    `rows` [first, height]: the maps hold a part of the rows of an image of so many, which stays
    in its buffer until the last such op.
    """

    name = "pe.receive"
    bits = prop_def(IntegerAttr)
    rows = opt_prop_def(DenseArrayBase)
    label = opt_prop_def(StringAttr)
    places = opt_prop_def(ArrayAttr)
    words = var_result_def(MapType)
    CLAUSES: ClassVar = (
        Clause("bits", "int"),
        Clause("rows", "ints"),
        Clause("label", "string"),
        Clause("places", "attr"),
    )

    @classmethod
    def parse(cls, parser: Parser):
        properties = parse_clauses(parser, cls.CLAUSES)
        parser.parse_punctuation(":")
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        return cls.build(properties=properties, result_types=[types])

    def print(self, printer: Printer) -> None:
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" : ")
        printer.print_list(self.result_types, printer.print_attribute)

    def verify_(self) -> None:
        planes = self.program.array.planes
        steps = [word.type.steps.data for word in self.words]
        self.expect(sum(steps) == self.bits.value.data, "the words must hold all bits of a pixel")
        self.expect(
            all(s == planes for s in steps[1:]) and 0 < steps[0] <= planes,
            f"all words but the first hold {planes} bits",
        )
        if self.rows is not None:
            check_rows(self, int_list(self.rows)[0], int_list(self.rows)[1], self.words[0].type)
        layouts = {(w.type.shape, w.type.block, w.type.pitch) for w in self.words}
        self.expect(len(layouts) == 1, "all words have the same shape and layout")
        check_places(self, self.places, len(steps))


def check_places(op: PeOp, places: ArrayAttr | None, count: int) -> None:
    if places is not None:
        op.expect(
            len(places) == count and all(isinstance(p, PlaceAttr) for p in places),
            f"places needs {count} #pe.place",
        )


@irdl_op_definition
class LayerOp(PeOp):
    """One layer: its tiles, its neuron and its pooling window; the result is a map or potentials.

    `pixels` [height, width] of the output before pooling; `kernel`, `strides`, `pads` of the max
    pool (a window of one pixel when there is none); `steps` of the trains that fire; `fraction` as
    in `snn.fire`. `shared`: each tile is computed for all images of a batch before the next one.
    `band` [first pixel row, height of all pixels, first row of the result, height of the whole
    result]: the op computes a part of the rows of the layer `of`.
    """

    name = "pe.layer"
    label = prop_def(StringAttr)
    neuron = prop_def(SymbolRefAttr)
    steps = prop_def(IntegerAttr)
    fraction = prop_def(IntegerAttr)
    pixels = prop_def(DenseArrayBase)
    kernel = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    shared = opt_prop_def(BoolAttr)
    of = opt_prop_def(StringAttr)
    band = opt_prop_def(DenseArrayBase)
    place = opt_prop_def(PlaceAttr)
    out = result_def(MapType | PotentialsType)
    body = region_def("single_block")
    traits = traits_def(HasParent(ProgramOp), NoTerminator())
    CLAUSES: ClassVar = (
        Clause("of", "string"),
        Clause("band", "ints"),
        Clause("with", "symbol", prop="neuron"),
        Clause("steps", "int"),
        Clause("fraction", "int", integer(0)),
        Clause("pixels", "ints"),
        Clause("kernel", "ints", ints([1, 1])),
        Clause("strides", "ints", ints([1, 1])),
        Clause("pads", "ints", ints([0, 0, 0, 0])),
        Clause("shared", "flag"),
        Clause("place", "attr"),
    )

    @classmethod
    def parse(cls, parser: Parser):
        label = StringAttr(parser.parse_str_literal())
        properties = parse_clauses(parser, cls.CLAUSES)
        body = parser.parse_region()
        parser.parse_punctuation(":")
        result = parser.parse_type()
        return cls.build(
            properties={"label": label, **properties}, regions=[body], result_types=[result]
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.label)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" ")
        printer.print_region(self.body)
        printer.print_string(" : ")
        printer.print_attribute(self.out.type)

    @property
    def is_shared(self) -> bool:
        return self.shared is not None and self.shared.value.data != 0

    @property
    def is_readout(self) -> bool:
        return isinstance(self.out.type, PotentialsType)

    @property
    def tiles(self) -> list[TileOp]:
        return [op for op in self.body.block.ops if isinstance(op, TileOp)]

    @property
    def channels(self) -> int:
        """Output channels of the layer."""
        return self.out.type.dims[0]

    def verify_(self) -> None:
        height, width = int_list(self.pixels)
        ky, kx = int_list(self.kernel)
        sy, sx = int_list(self.strides)
        top, left, bottom, right = int_list(self.pads)
        pooled = (
            window_size(height, ky, sy, top, bottom),
            window_size(width, kx, sx, left, right),
        )
        self.expect(
            self.out.type.dims[1:] == pooled,
            f"the window leaves {pooled[0]}x{pooled[1]} pixels, the result has "
            f"{self.out.type.dims[1]}x{self.out.type.dims[2]}",
        )
        self.expect((self.of is None) == (self.band is None), "a band is `of` a layer")
        if self.band is not None:
            first, pixels, row, rows = int_list(self.band)
            self.expect(
                first >= 0
                and first + height <= pixels
                and row >= 0
                and row + pooled[0] <= rows
                and isinstance(self.out.type, MapType),
                f"band {[first, pixels, row, rows]} has not {height} rows and {pooled[0]} results",
            )
        block = self.program.array.channels
        if isinstance(self.out.type, MapType):
            self.expect(
                self.out.type.block.data == block, f"result must be in blocks of {block} channels"
            )
            self.expect(
                self.out.type.steps.data == self.steps.value.data, "result and steps disagree"
            )
        covered = 0
        for tile in self.body.block.ops:
            self.expect(isinstance(tile, TileOp), "holds pe.tile ops only")
            first, count = int_list(tile.channels)
            self.expect(
                first == covered and 0 < count <= block,
                f"tiles must cover the channels in order, {block} at a time; "
                f"expected one at {covered}",
            )
            covered += count
        self.expect(covered == self.channels, f"tiles cover {covered} of {self.channels} channels")


@irdl_op_definition
class TileOp(PeOp):
    """A tile of output channels: the streams that feed it and its neurons' parameters.

    `channels` [first, count]; `params` integer tensors of `count` channels; `weights_at` first row
    in every bank's weight memory; `params_at` first row of the parameter memory.
    """

    name = "pe.tile"
    channels = prop_def(DenseArrayBase)
    params = prop_def(DictionaryAttr)
    weights_at = opt_prop_def(IntegerAttr)
    params_at = opt_prop_def(IntegerAttr)
    body = region_def("single_block")
    traits = traits_def(HasParent(LayerOp), NoTerminator())
    CLAUSES: ClassVar = (
        Clause("channels", "ints"),
        Clause("weights_at", "int"),
        Clause("params_at", "int"),
        Clause("params", "attr"),
    )

    @classmethod
    def parse(cls, parser: Parser):
        properties = parse_clauses(parser, cls.CLAUSES)
        body = parser.parse_region()
        return cls.build(properties=properties, regions=[body])

    def print(self, printer: Printer) -> None:
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" ")
        printer.print_region(self.body)

    @property
    def streams(self) -> list[StreamOp]:
        return [op for op in self.body.block.ops if isinstance(op, StreamOp)]

    @property
    def row_offsets(self) -> list[int]:
        """First row of each stream, relative to the tile's; equal weights are kept once."""
        first: dict[DenseIntOrFPElementsAttr, int] = {}
        total, offsets = 0, []
        for stream in self.streams:
            if stream.weights not in first:
                first[stream.weights] = total
                total += stream.rows
            offsets.append(first[stream.weights])
        return offsets

    @property
    def rows(self) -> int:
        """Weight-memory rows of the tile in every bank."""
        ends = zip(self.row_offsets, self.streams, strict=True)
        return max(offset + stream.rows for offset, stream in ends)

    def verify_(self) -> None:
        _, count = int_list(self.channels)
        for name, dense in self.params.data.items():
            self.expect(
                isinstance(dense, DenseIntOrFPElementsAttr)
                and tuple(dense.type.get_shape()) == (count,),
                f"parameter {name} must be a tensor of {count} channels",
            )
        self.expect(
            all(isinstance(op, StreamOp) for op in self.body.block.ops) and self.streams != [],
            "holds pe.stream ops, at least one",
        )
        shifts = [stream.shift.value.data for stream in self.streams]
        self.expect(
            shifts == sorted(shifts, reverse=True) and shifts[-1] == 0,
            f"shifts {shifts} must fall, and the last be 0",
        )
        array = self.program.array
        for stream in self.streams:
            shape = tuple(stream.weights.type.get_shape())
            self.expect(
                shape[0] == array.banks and shape[2] == array.channels,
                f"weights have {shape[0]} banks of {shape[2]} channels, "
                f"the array {array.banks} of {array.channels}",
            )
            values = from_dense(stream.weights)
            limit = 1 << (array.weight_bits - 1)
            self.expect(
                values.size == 0 or (int(values.min()) >= -limit and int(values.max()) < limit),
                f"a weight does not fit the array's {array.weight_bits} bits",
            )


@irdl_op_definition
class StreamOp(PeOp):
    """The events of one map, walked in runs, gate the weights of one tile.

    `runs` is an integer tensor (R, 5) of columns `RUN_COLUMNS`; `bounds` [H, W] of the map as the
    synapse sees it; `weights` int8 (banks, rows, channels), channels beyond the tile's are 0.
    """

    name = "pe.stream"
    source = operand_def(MapType)
    shift = prop_def(IntegerAttr)
    strides = prop_def(DenseArrayBase)
    bounds = prop_def(DenseArrayBase)
    advance = prop_def(IntegerAttr)
    by_bank = prop_def(BoolAttr)
    runs = prop_def(DenseIntOrFPElementsAttr)
    weights = prop_def(DenseIntOrFPElementsAttr)
    traits = traits_def(HasParent(TileOp))
    CLAUSES: ClassVar = (
        Clause("shift", "int", integer(0)),
        Clause("strides", "ints", ints([1, 1])),
        Clause("bounds", "ints"),
        Clause("advance", "int"),
        Clause("by_bank", "flag", BoolAttr.from_bool(False)),
        Clause("runs", "dense"),
        Clause("weights", "dense"),
    )

    @classmethod
    def parse(cls, parser: Parser):
        source = parser.parse_unresolved_operand()
        properties = parse_clauses(parser, cls.CLAUSES)
        parser.parse_punctuation(":")
        operand = parser.resolve_operand(source, parser.parse_type())
        return cls.build(operands=[operand], properties=properties)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.source)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" : ")
        printer.print_attribute(self.source.type)

    @property
    def rows(self) -> int:
        """Weight-memory rows of the stream in every bank."""
        return tuple(self.weights.type.get_shape())[1]

    def verify_(self) -> None:
        runs = from_dense(self.runs)
        self.expect(
            runs.ndim == 2 and runs.shape[1] == len(RUN_COLUMNS) and len(runs) > 0,
            f"runs must be a tensor of rows ({', '.join(RUN_COLUMNS)})",
        )
        self.expect(
            len(tuple(self.weights.type.get_shape())) == 3,
            "weights must have shape (banks, rows, channels)",
        )
        source = self.source.type
        blocks = source.blocks
        self.expect(
            int(runs[:, 0].min()) >= 0 and int(runs[:, 0].max()) < blocks,
            f"a run names a block outside the map's {blocks}",
        )
        self.expect(int(runs[:, 3].min()) > 0, "a run has no pixel")
        height, width = int_list(self.bounds)
        self.expect(
            0 < height <= source.dims[1] and 0 < width <= source.dims[2],
            "bounds reach outside the map",
        )


@irdl_op_definition
class SendOp(PeOp):
    """The potentials of the readout leave the machine, in channel order."""

    name = "pe.send"
    potentials = operand_def(PotentialsType)
    traits = traits_def(HasParent(ProgramOp))
    assembly_format = "$potentials attr-dict `:` type($potentials)"


def shared_rows(tile: TileOp) -> tuple[Attribute, ...]:
    """What tiles have in common whose weight rows are the same ones."""
    return tuple(stream.weights for stream in tile.streams)


def new_block_region(ops: list[Operation]) -> Region:
    """A region of one block that holds the ops."""
    return Region(Block(ops))


Pe = Dialect(
    "pe",
    [ProgramOp, ReceiveOp, LayerOp, TileOp, StreamOp, BufferOp, LoadOp, StoreOp, SendOp],
    [ArrayParametersAttr, PlaceAttr, MapType, DdrType, PotentialsType],
)

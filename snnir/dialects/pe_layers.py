"""Ops of the `pe` dialect about computing: layers, their tiles, and the streams that feed these."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, NoTerminator
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
from snnir.dialects.pe_moves import CheckedOp
from snnir.dialects.pe_types import (
    MapType,
    PlaceAttr,
    PotentialsType,
)
from snnir.dialects.snn import window_size

if TYPE_CHECKING:
    from snnir.dialects.pe import ProgramOp

RUN_COLUMNS = ("block", "dy", "dx", "length", "row")
"""The columns of a stream's run table; see "Runs" in docs/machine.md."""


class PeOp(CheckedOp):
    """An op that knows its program."""

    @property
    def program(self) -> ProgramOp:
        """The program that holds this op."""
        op: Operation | None = self
        while op is not None and op.name != "pe.program":
            op = op.parent_op()
        if op is None:
            raise VerifyException(f"{self.name}: must be inside a pe.program")
        return op


@irdl_op_definition
class LayerOp(PeOp):
    """One layer: its tiles, its neuron and its pooling window; the result is a map or potentials.

    `pixels` [height, width] of the output before pooling; `kernel`, `strides`, `pads` of the max
    pool (a window of one pixel when there is none); `steps` of the trains that fire; `fraction` as
    in `snn.fire`. `shared`: each tile is computed for all images of a batch before the next one.
    `band` [first pixel row, height of all pixels, first row of the result, height of the whole
    result]: the op computes a part of the rows of the layer `of`. `beside`: labels of the last ones
    of the moves in front of it, which may still be under way while it runs; it waits for all
    others, and without it for all. `alone` says why its moves have no places of their own. `kept`:
    the bits of each of the neurons' states, which they keep from window to window.
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
    beside = opt_prop_def(ArrayAttr)
    alone = opt_prop_def(StringAttr)
    kept = opt_prop_def(DenseArrayBase)
    place = opt_prop_def(PlaceAttr)
    out = result_def(MapType | PotentialsType)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())
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
        Clause("beside", "attr"),
        Clause("alone", "string"),
        Clause("kept", "ints"),
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
        if self.kept is not None:
            self.expect(self.program.windows is not None, "kept states need a program of windows")
            self.expect(min(int_list(self.kept), default=0) > 0, "a kept state has no bits")
            again = any(kernel > stride for kernel, stride in ((ky, sy), (kx, sx)))
            self.expect(not again, "a pool that computes pixels twice cannot keep their states")
        block = self.program.array.channels
        if isinstance(self.out.type, MapType):
            own = self.out.type.block.data
            self.expect(own <= block, f"result must be in blocks of {block} channels or fewer")
            block = own
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
    synapse sees it; `weights` int8 (banks, rows, channels), channels beyond the tile's are 0. With
    `slices` S the map's blocks are S equal slices, and it is seen with slices and rows exchanged:
    runs and bounds are those of `MapType.turned`.
    Trains are taken `delay` steps later. Those of the window before, of T steps, are a whole window
    late without a delay; one of less than 0 takes them so many steps earlier than that.
    """

    name = "pe.stream"
    source = operand_def(MapType)
    shift = prop_def(IntegerAttr)
    delay = prop_def(IntegerAttr)
    strides = prop_def(DenseArrayBase)
    bounds = prop_def(DenseArrayBase)
    advance = prop_def(IntegerAttr)
    by_bank = prop_def(BoolAttr)
    slices = opt_prop_def(IntegerAttr)
    runs = prop_def(DenseIntOrFPElementsAttr)
    weights = prop_def(DenseIntOrFPElementsAttr)
    traits = traits_def(HasParent(TileOp))
    CLAUSES: ClassVar = (
        Clause("slices", "int"),
        Clause("shift", "int", integer(0)),
        Clause("delay", "int", integer(0)),
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
    def seen(self) -> MapType:
        """The map as runs and bounds see it."""
        kind = self.source.type
        return kind if self.slices is None else kind.turned(self.slices.value.data)

    def stored_row(self, block, row):
        """Row of the map, counted over all blocks, where a row of `seen` is kept."""
        if self.slices is None:
            return block * self.source.type.dims[1] + row
        return self.source.type.stored_row(self.slices.value.data, block, row)

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
        if self.slices is not None:
            slices, kind = self.slices.value.data, self.source.type
            inner = kind.dims[0] // max(1, slices)
            self.expect(
                slices > 0 and inner * slices == kind.dims[0] and inner % kind.block.data == 0,
                f"{slices} slices of whole blocks do not make up {kind}",
            )
        source = self.seen
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
        delay = self.delay.value.data
        self.expect(
            delay == 0 or (source.coding.data == "rate" and abs(delay) < source.steps.data),
            "only rate-coded trains can be delayed, by less than their steps",
        )
        self.expect(
            delay >= 0 or self.source.owner.name == "pe.previous",
            "only trains of the window before can be taken earlier",
        )


def shared_rows(tile: TileOp) -> tuple[Attribute, ...]:
    """What tiles have in common whose weight rows are the same ones."""
    return tuple(stream.weights for stream in tile.streams)

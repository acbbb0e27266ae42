"""The `pe` dialect: the machine, its memories, and the program that runs on it.

One op per layer, tile or stream; never one per spike or weight. `docs/machine.md` states what each
op does clock by clock; `tile-to-pe` makes the ops, `event-schedule` gives them their addresses.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    StringAttr,
)
from xdsl.ir import Block, Dialect, Operation, Region, SSAValue
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

from snnir.dialects.assembly import (
    Clause,
    int_list,
    parse_clauses,
    print_clauses,
)
from snnir.dialects.pe_layers import LayerOp, PeOp, StreamOp, TileOp
from snnir.dialects.pe_moves import BufferOp, LoadOp, StoreOp, check_beside, check_rows
from snnir.dialects.pe_types import (
    ArrayParametersAttr,
    DdrType,
    MapType,
    PlaceAttr,
    PotentialsType,
)

MAX_BATCH = 8
"""Images that are computed together at most."""


@irdl_op_definition
class ProgramOp(PeOp):
    """A network on one array: `pe.program @mnist8 array #pe.array<...> { ... }`.

    `ring` is the depth of the banks' weight memories where weights come from DDR, a power of two;
    without it they hold all weights. `stages` are the registers of the neurons' pipelines where the
    program is for a machine that has more of them than its own neurons need. `position_bits` are
    the bits of its position that an event holds; without it all of them. `batch` images are
    computed together where weights come from DDR: layers that are `shared` take them tile by tile,
    and what is kept for them lies `image_stride` [event, pointer] addresses apart. `halves` [event,
    pointer]: from these addresses on, powers of two, maps are in a second memory, which may be
    written and read beside the first. A sample is so many `windows` (0: any number), each of which
    is an image for the machine. Maps of which the window before is needed alternate between two
    places, `window_stride` [event, pointer] addresses apart.
    """

    name = "pe.program"
    sym_name = prop_def(StringAttr)
    array = prop_def(ArrayParametersAttr)
    ring = opt_prop_def(IntegerAttr)
    stages = opt_prop_def(IntegerAttr)
    position_bits = opt_prop_def(IntegerAttr)
    batch = opt_prop_def(IntegerAttr)
    image_stride = opt_prop_def(DenseArrayBase)
    halves = opt_prop_def(DenseArrayBase)
    windows = opt_prop_def(IntegerAttr)
    window_stride = opt_prop_def(DenseArrayBase)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    CLAUSES: ClassVar = (
        *(Clause(name, "int") for name in ("ring", "stages", "position_bits", "batch")),
        Clause("image_stride", "ints"),
        Clause("halves", "ints"),
        Clause("windows", "int"),
        Clause("window_stride", "ints"),
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
    def previous(self) -> list[PreviousOp]:
        """The maps that the window before has left."""
        return [op for op in self.body.block.ops if isinstance(op, PreviousOp)]

    @property
    def buffers(self) -> list[BufferOp]:
        """The maps in DDR."""
        return [op for op in self.body.block.ops if isinstance(op, BufferOp)]

    def verify_(self) -> None:
        aside = BufferOp | PreviousOp
        kinds = [type(op) for op in self.body.block.ops if not isinstance(op, aside)]
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
        if self.halves is not None:
            starts = int_list(self.halves)
            self.expect(
                len(starts) == 2 and all(at > 0 and at & (at - 1) == 0 for at in starts),
                "halves are two powers of two",
            )
        if self.windows is not None:
            self.expect(self.windows.value.data >= 0, "windows must not be negative")
            self.expect(self.batch is None, "a batch of images has no windows")
        self.expect(self.windows is not None or not self.previous, "one window has none before")
        check_beside(self, self.steps)
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
    in its buffer until the last such op. `levels`: pixels of 8 bits come in, and there is a spike
    in each step whose level is below the pixel. `beside`: as of `pe.layer`.
    """

    name = "pe.receive"
    bits = prop_def(IntegerAttr)
    levels = opt_prop_def(DenseArrayBase)
    rows = opt_prop_def(DenseArrayBase)
    label = opt_prop_def(StringAttr)
    beside = opt_prop_def(ArrayAttr)
    places = opt_prop_def(ArrayAttr)
    words = var_result_def(MapType)
    CLAUSES: ClassVar = (
        Clause("bits", "int"),
        Clause("levels", "ints"),
        Clause("rows", "ints"),
        Clause("label", "string"),
        Clause("beside", "attr"),
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
        if self.levels is not None:
            levels = int_list(self.levels)
            self.expect(
                len(levels) == self.bits.value.data and 0 <= min(levels) <= max(levels) < 255,
                f"levels needs {self.bits.value.data} pixels below 255",
            )
        if self.rows is not None:
            check_rows(self, int_list(self.rows)[0], int_list(self.rows)[1], self.words[0].type)
        layouts = {(w.type.shape, w.type.block, w.type.pitch) for w in self.words}
        self.expect(len(layouts) == 1, "all words have the same shape and layout")
        check_places(self, self.places, len(steps))


IMAGE_LABEL = "input"
"""What the image is called among layers."""


@irdl_op_definition
class PreviousOp(PeOp):
    """The map that the layer `of` wrote in the window before; empty in a sample's first one.

    `of` "input" is the image, whose trains are one word.
    """

    name = "pe.previous"
    of = prop_def(StringAttr)
    map = result_def(MapType)
    assembly_format = "$of attr-dict `:` type($map)"

    @property
    def written(self) -> SSAValue | None:
        """The map as this window writes it."""
        if self.parent_op() is None:
            return None
        if self.of.data == IMAGE_LABEL:
            words = self.program.receive.words
            return words[0] if len(words) == 1 else None
        layers = self.program.layers
        return next((op.out for op in layers if op.label == self.of), None)

    def verify_(self) -> None:
        written = self.written
        self.expect(written is not None, f"there is no layer '{self.of.data}'")
        self.expect(
            written.type == self.map.type,
            f"layer '{self.of.data}' writes {written.type}, not {self.map.type}",
        )
        same = [op for op in self.program.previous if op.of == self.of]
        self.expect(same == [self], f"what layer '{self.of.data}' wrote is named twice")


def check_places(op: PeOp, places: ArrayAttr | None, count: int) -> None:
    if places is not None:
        op.expect(
            len(places) == count and all(isinstance(p, PlaceAttr) for p in places),
            f"places needs {count} #pe.place",
        )


@irdl_op_definition
class SendOp(PeOp):
    """The potentials of the readout leave the machine, in channel order."""

    name = "pe.send"
    potentials = operand_def(PotentialsType)
    traits = traits_def(HasParent(ProgramOp))
    assembly_format = "$potentials attr-dict `:` type($potentials)"


def new_block_region(ops: list[Operation]) -> Region:
    """A region of one block that holds the ops."""
    return Region(Block(ops))


Pe = Dialect(
    "pe",
    [
        ProgramOp,
        ReceiveOp,
        PreviousOp,
        LayerOp,
        TileOp,
        StreamOp,
        BufferOp,
        LoadOp,
        StoreOp,
        SendOp,
    ],
    [ArrayParametersAttr, PlaceAttr, MapType, DdrType, PotentialsType],
)

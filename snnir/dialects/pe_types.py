"""Types and attributes of the `pe` dialect: array parameters, feature maps, where maps are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, IntAttr, StringAttr
from xdsl.ir import Attribute, Data, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.assembly import int_list, ints
from snnir.dialects.snn_types import CODINGS, parse_dims


def _parse_fields(
    parser: AttrParser, names: tuple[str, ...], defaults: Mapping[str, int] | None = None
) -> dict[str, int]:
    """`<a = 1, b = 2>` with exactly these names, in any order; `defaults` may be left out."""
    values: dict[str, int] = {}

    def one() -> None:
        name = parser.parse_identifier()
        if name not in names or name in values:
            parser.raise_error(f"unexpected '{name}', expected each of {', '.join(names)} once")
        parser.parse_punctuation("=")
        values[name] = parser.parse_integer(allow_boolean=False)

    parser.parse_comma_separated_list(parser.Delimiter.ANGLE, one)
    values = {**(defaults or {}), **values}
    missing = [name for name in names if name not in values]
    if missing:
        parser.raise_error(f"missing {', '.join(missing)}")
    return values


def _print_fields(printer: Printer, values: dict[str, int]) -> None:
    printer.print_string("<" + ", ".join(f"{k} = {v}" for k, v in values.items()) + ">")


POWERS_OF_TWO = ("banks", "fifo", "drain", "ports")
"""Parameters of an array that are powers of two."""


@dataclass(frozen=True)
class ArrayParameters:
    """The size of the array; see the table in docs/machine.md.

    Raises:
        ValueError: for a size that the machine does not have.
    """

    banks: int
    channels: int
    planes: int
    weight_bits: int
    acc_bits: int
    membrane_bits: int
    fifo: int = 16
    drain: int = 1
    ports: int = 1

    LIMITS: ClassVar[dict[str, tuple[int, int]]] = {
        "banks": (1, 32),
        "channels": (1, 256),
        "planes": (1, 16),
        "weight_bits": (2, 8),
        "acc_bits": (2, 32),
        "membrane_bits": (2, 32),
        "fifo": (2, 64),
        "drain": (1, 8),
        "ports": (1, 4),
    }

    def __post_init__(self) -> None:
        for name, (low, high) in self.LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"array {name} is {value}, must be {low} to {high}")
        for name in POWERS_OF_TWO:
            value = getattr(self, name)
            if value & (value - 1):
                raise ValueError(f"array {name} is {value}, must be a power of two")
        for name in ("drain", "ports"):
            value = getattr(self, name)
            if value > self.banks:
                raise ValueError(f"array {name} is {value}, must be at most the {self.banks} banks")

    @property
    def synaptic_operations(self) -> int:
        """Spike-gated accumulations per clock [SOP]."""
        return self.banks * self.channels * self.planes

    def drain_clocks(self, channels: int) -> int:
        """Clocks in which a tile of so many channels leaves the shadow [cycles]."""
        return -(-channels // self.drain)


@irdl_attr_definition
class ArrayParametersAttr(Data[ArrayParameters]):
    """`#pe.array<banks = 8, channels = 8, planes = 4, ...>`."""

    name = "pe.array"
    NAMES: ClassVar = tuple(f.name for f in fields(ArrayParameters))
    DEFAULTS: ClassVar = {"ports": 1}
    """What is not written where it has this value."""

    def __getattr__(self, name: str) -> int:
        if name in type(self).NAMES:
            return getattr(self.data, name)
        raise AttributeError(name)

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> ArrayParameters:
        values = _parse_fields(parser, cls.NAMES, cls.DEFAULTS)
        try:
            return ArrayParameters(**values)
        except ValueError as error:
            parser.raise_error(str(error))

    def print_parameter(self, printer: Printer) -> None:
        values = {name: getattr(self.data, name) for name in self.NAMES}
        _print_fields(printer, {k: v for k, v in values.items() if v != self.DEFAULTS.get(k)})


@dataclass(frozen=True)
class Place:
    """Where a map is kept: first event address, events per row (in every bank), first pointer."""

    events: int
    capacity: int
    pointers: int


@irdl_attr_definition
class PlaceAttr(Data[Place]):
    """`#pe.place<events = 0, capacity = 14, pointers = 0>`."""

    name = "pe.place"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Place:
        return Place(**_parse_fields(parser, tuple(f.name for f in fields(Place))))

    def print_parameter(self, printer: Printer) -> None:
        _print_fields(printer, vars(self.data))


@irdl_attr_definition
class MapType(ParametrizedAttribute, TypeAttribute):
    """A feature map as event lists: `!pe.map<8x14x14, radix, 4, block 8, pitch 8>`.

    Shape (C, H, W), coding and steps (bits) of the trains, channels per block, and positions per
    pixel in a row.
    """

    name = "pe.map"
    shape: DenseArrayBase
    coding: StringAttr
    steps: IntAttr
    block: IntAttr
    pitch: IntAttr

    def __init__(self, shape, coding, steps, block, pitch):
        super().__init__(
            shape if isinstance(shape, DenseArrayBase) else ints(shape),
            coding if isinstance(coding, StringAttr) else StringAttr(coding),
            *(v if isinstance(v, IntAttr) else IntAttr(v) for v in (steps, block, pitch)),
        )

    @property
    def dims(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        c, h, w = int_list(self.shape)
        return c, h, w

    @property
    def blocks(self) -> int:
        """Number of channel blocks."""
        return -(-self.dims[0] // self.block.data)

    def capacity(self, banks: int) -> int:
        """Events that one row may have in one bank."""
        return -(-self.dims[2] * self.pitch.data // banks)

    def turned(self, slices: int) -> MapType:
        """The map with blocks and rows exchanged, where its blocks are so many equal slices.

        Slice s, block b of it and row y of the map are slice y, block b and row s of the other.
        """
        channels, height, width = self.dims
        shape = channels // slices * height, slices, width
        return MapType(shape, self.coding, self.steps, self.block, self.pitch)

    def stored_row(self, slices: int, block, row):
        """Row of the map, counted over all blocks, of a row of what `turned` gives."""
        inner, height = self.blocks // slices, self.dims[1]
        y, part = block // inner, block % inner
        return (row * inner + part) * height + y

    def with_height(self, rows: int) -> MapType:
        """The same map with another number of rows."""
        channels, _, width = self.dims
        return MapType((channels, rows, width), self.coding, self.steps, self.block, self.pitch)

    def verify(self) -> None:
        if len(int_list(self.shape)) != 3 or min(int_list(self.shape)) < 1:
            raise VerifyException("!pe.map needs a shape CxHxW of positive extents")
        if self.coding.data not in CODINGS:
            raise VerifyException(f"unknown coding '{self.coding.data}', use {', '.join(CODINGS)}")
        if not 1 <= self.steps.data <= 16:
            raise VerifyException("!pe.map trains have 1 to 16 steps")
        if self.block.data < 1 or self.pitch.data < min(self.block.data, self.dims[0]):
            raise VerifyException("!pe.map pitch must be at least the channels of a block")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            dims = parse_dims(parser)
            parser.parse_punctuation(",")
            coding = StringAttr(parser.parse_identifier())
            numbers = []
            for keyword in ("", "block", "pitch"):
                parser.parse_punctuation(",")
                if keyword:
                    parser.parse_keyword(keyword)
                numbers.append(IntAttr(parser.parse_integer(allow_boolean=False)))
            return [ints(dims), coding, *numbers]

    def print_parameters(self, printer: Printer) -> None:
        dims = "x".join(map(str, int_list(self.shape)))
        printer.print_string(
            f"<{dims}, {self.coding.data}, {self.steps.data}, "
            f"block {self.block.data}, pitch {self.pitch.data}>"
        )


@irdl_attr_definition
class DdrType(ParametrizedAttribute, TypeAttribute):
    """A feature map that is kept in DDR: `!pe.ddr<!pe.map<...>>`."""

    name = "pe.ddr"
    map: MapType


@irdl_attr_definition
class PotentialsType(ParametrizedAttribute, TypeAttribute):
    """Membrane potentials of a readout: `!pe.potentials<10x1x1>`."""

    name = "pe.potentials"
    shape: DenseArrayBase

    def __init__(self, shape):
        super().__init__(shape if isinstance(shape, DenseArrayBase) else ints(shape))

    @property
    def dims(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        c, h, w = int_list(self.shape)
        return c, h, w

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            return [ints(parse_dims(parser))]

    def print_parameters(self, printer: Printer) -> None:
        printer.print_string("<" + "x".join(map(str, int_list(self.shape))) + ">")

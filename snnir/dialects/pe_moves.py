"""Ops of the `pe` dialect about feature maps in DDR: where they are kept, and rows that move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, StringAttr
from xdsl.ir import Operation
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.assembly import Clause, parse_clauses, print_clauses
from snnir.dialects.pe_types import DdrType, MapType, PlaceAttr


class CheckedOp(IRDLOperation):
    """Shared checks of the dialect's ops."""

    def expect(self, condition: bool, message: str) -> None:
        if not condition:
            raise VerifyException(f"{self.name}: {message}")


def check_rows(op: CheckedOp, first: int, height: int, part: MapType) -> None:
    """Whether the rows of a part of a map, the first of them given, are among so many."""
    op.expect(
        first >= 0 and first + part.dims[1] <= height,
        f"rows {first} to {first + part.dims[1] - 1} are not among {height}",
    )


def check_beside(program: CheckedOp, steps: Sequence[Operation]) -> None:
    """Whether each step is `beside` the last ones of the moves in front of it."""
    moves: list[StringAttr] = []
    for op in steps:
        if isinstance(op, MoveOp):
            moves.append(op.label)
        elif op.beside is not None:
            named = list(op.beside)
            program.expect(
                moves[len(moves) - len(named) :] == named and len(named) <= len(moves),
                f"beside {op.beside} are not the last moves in front of the step",
            )


@irdl_op_definition
class BufferOp(CheckedOp):
    """A feature map in DDR: `at` its first byte, behind the base of the maps, and bytes of a row.

    Both are multiples of a burst's 128 bytes. Row (b, y) of the map, block b, is the
    (b * height + y)-th one; see "Feature maps in DDR" in docs/machine.md.
    """

    name = "pe.buffer"
    label = prop_def(StringAttr)
    at = opt_prop_def(IntegerAttr)
    row_bytes = opt_prop_def(IntegerAttr)
    buffer = result_def(DdrType)
    CLAUSES: ClassVar = (Clause("at", "int"), Clause("row_bytes", "int"))

    @classmethod
    def parse(cls, parser: Parser):
        label = StringAttr(parser.parse_str_literal())
        properties = parse_clauses(parser, cls.CLAUSES)
        parser.parse_punctuation(":")
        return cls.build(
            properties={"label": label, **properties}, result_types=[parser.parse_type()]
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.label)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" : ")
        printer.print_attribute(self.buffer.type)

    def verify_(self) -> None:
        for name in ("at", "row_bytes"):
            value = self.properties.get(name)
            if value is not None:
                number = value.value.data
                self.expect(
                    number >= 0 and number % 128 == 0, f"{name} must be a multiple of 128 bytes"
                )


class MoveOp(CheckedOp):
    """Rows of a map between DDR and the chip: `row` is the first of them in the map in DDR."""

    @property
    def part(self) -> MapType:
        """The rows on the chip."""
        raise NotImplementedError

    @property
    def origin(self) -> BufferOp:
        """The op that says where the map in DDR is kept."""
        return self.buffer.owner

    def verify_(self) -> None:
        whole = self.buffer.type.map
        check_rows(self, self.row.value.data, whole.dims[1], self.part)
        self.expect(
            self.part == whole.with_height(self.part.dims[1]),
            f"the rows on the chip are of another map than {whole}",
        )


@irdl_op_definition
class LoadOp(MoveOp):
    """`%a = pe.load "l", %buffer row 3 : !pe.ddr<...> -> !pe.map<...>`: rows come to the chip."""

    name = "pe.load"
    label = prop_def(StringAttr)
    buffer = operand_def(DdrType)
    row = prop_def(IntegerAttr)
    place = opt_prop_def(PlaceAttr)
    out = result_def(MapType)
    CLAUSES: ClassVar = (Clause("row", "int"), Clause("place", "attr"))

    @property
    def part(self) -> MapType:
        return self.out.type

    @classmethod
    def parse(cls, parser: Parser):
        label = StringAttr(parser.parse_str_literal())
        parser.parse_punctuation(",")
        buffer = parser.parse_unresolved_operand()
        properties = parse_clauses(parser, cls.CLAUSES)
        parser.parse_punctuation(":")
        operand = parser.resolve_operand(buffer, parser.parse_type())
        parser.parse_punctuation("->")
        return cls.build(
            operands=[operand],
            properties={"label": label, **properties},
            result_types=[parser.parse_type()],
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.label)
        printer.print_string(", ")
        printer.print_operand(self.buffer)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" : ")
        printer.print_attribute(self.buffer.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.out.type)


@irdl_op_definition
class StoreOp(MoveOp):
    """`pe.store "l", %a, %buffer row 3 : !pe.map<...>, !pe.ddr<...>`: rows go to DDR."""

    name = "pe.store"
    label = prop_def(StringAttr)
    buffer = operand_def(DdrType)
    row = prop_def(IntegerAttr)
    source = operand_def(MapType)
    CLAUSES: ClassVar = (Clause("row", "int"),)

    @property
    def part(self) -> MapType:
        return self.source.type

    @classmethod
    def parse(cls, parser: Parser):
        label = StringAttr(parser.parse_str_literal())
        parser.parse_punctuation(",")
        source = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        buffer = parser.parse_unresolved_operand()
        properties = parse_clauses(parser, cls.CLAUSES)
        parser.parse_punctuation(":")
        kind = parser.parse_type()
        parser.parse_punctuation(",")
        operands = [
            parser.resolve_operand(buffer, parser.parse_type()),
            parser.resolve_operand(source, kind),
        ]
        return cls.build(operands=operands, properties={"label": label, **properties})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.label)
        printer.print_string(", ")
        printer.print_operand(self.source)
        printer.print_string(", ")
        printer.print_operand(self.buffer)
        print_clauses(printer, self.properties, self.CLAUSES)
        printer.print_string(" : ")
        printer.print_attribute(self.source.type)
        printer.print_string(", ")
        printer.print_attribute(self.buffer.type)

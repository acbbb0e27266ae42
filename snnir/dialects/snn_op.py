"""What the ops of the `snn` dialect share: their assembly, checks, and the sliding window."""

from __future__ import annotations

from typing import ClassVar

from xdsl.irdl import IRDLOperation
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.assembly import Clause, parse_clauses, print_clauses


def window_size(extent: int, kernel: int, stride: int, before: int, after: int, dilation=1) -> int:
    """The number of positions of a sliding window along one axis (ONNX, floor mode)."""
    return (extent + before + after - dilation * (kernel - 1) - 1) // stride + 1


class SnnOp(IRDLOperation):
    """Shared assembly: `snn.op %operands clauses : types`, the clauses listed by each class."""

    CLAUSES: ClassVar[tuple[Clause, ...]] = ()
    VARIADIC: ClassVar[bool] = False
    """Whether all operands are one group of any size."""

    @classmethod
    def parse(cls, parser: Parser):
        operands = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        properties = parse_clauses(parser, cls.CLAUSES)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        parser.parse_punctuation("->")
        result = parser.parse_type()
        resolved = parser.resolve_operands(operands or [], types, parser.pos)
        grouped = [resolved] if cls.VARIADIC else resolved
        return cls.build(
            operands=grouped,
            properties=properties,
            attributes=attributes,
            result_types=[result],
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_operand)
        print_clauses(printer, self.properties, self.CLAUSES)
        if self.attributes:
            printer.print_string(" ")
            printer.print_attr_dict(self.attributes)
        printer.print_string(" : ")
        printer.print_list(self.operand_types, printer.print_attribute)
        printer.print_string(" -> ")
        printer.print_attribute(self.results[0].type)

    def expect(self, condition: bool, message: str) -> None:
        if not condition:
            raise VerifyException(f"{self.name}: {message}")

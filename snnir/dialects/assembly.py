"""Clauses of the custom assembly formats: `strides [2, 2]`, `scale 0.5`, `name "conv1"`.

An op with many optional properties prints each as a keyword followed by its value and leaves out
what has its default, so that a person reads what matters and the parser needs no fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.dialects.builtin import (
    BoolAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.printer import Printer

Kind = Literal["ints", "int", "float", "string", "symbol", "dense", "flag", "attr"]


@dataclass(frozen=True)
class Clause:
    """One keyword of an op's assembly.

    Args:
        keyword: what is printed; the property has the same name unless `prop` says otherwise.
        kind: the form of the value; a `flag` has none.
        default: the value that is not printed and is assumed when the clause is absent.
    """

    keyword: str
    kind: Kind
    default: Attribute | None = None
    prop: str | None = None

    @property
    def name(self) -> str:
        return self.prop or self.keyword


def ints(values: Sequence[int]) -> DenseArrayBase:
    """A short list of integers as an attribute."""
    return DenseArrayBase.from_list(i64, list(values))


def integer(value: int) -> IntegerAttr:
    """An integer option or size as an attribute."""
    return IntegerAttr(value, i64)


def real(value: float) -> FloatAttr:
    """A real number as an attribute; printed so that it reads back to the same bits."""
    return FloatAttr(float(value), f64)


def print_clauses(
    printer: Printer, properties: Mapping[str, Attribute], clauses: Sequence[Clause]
) -> None:
    """Prints those clauses whose property is set and is not the default."""
    for clause in clauses:
        value = properties.get(clause.name)
        if value is None or value == clause.default:
            continue
        printer.print_string(f" {clause.keyword}")
        match clause.kind:
            case "ints":
                assert isinstance(value, DenseArrayBase)
                printer.print_string(" " + str(list(value.get_values())))
            case "int":
                assert isinstance(value, IntegerAttr)
                printer.print_string(f" {value.value.data}")
            case "float":
                assert isinstance(value, FloatAttr)
                printer.print_string(f" {float(value.value.data)!r}")
            case "string":
                assert isinstance(value, StringAttr)
                printer.print_string(" ")
                printer.print_attribute(value)
            case "symbol" | "dense" | "attr":
                printer.print_string(" ")
                printer.print_attribute(value)
            case "flag":
                pass


def parse_clauses(parser: Parser, clauses: Sequence[Clause]) -> dict[str, Attribute]:
    """Parses clauses in any order until no keyword fits; absent ones get their default."""
    found: dict[str, Attribute] = {}
    by_keyword = {clause.keyword: clause for clause in clauses}
    while (keyword := parser.parse_optional_keyword_in(by_keyword)) is not None:
        clause = by_keyword[keyword]
        if clause.name in found:
            parser.raise_error(f"clause '{keyword}' is given twice")
        found[clause.name] = _parse_value(parser, clause)
    for clause in clauses:
        if clause.default is not None:
            found.setdefault(clause.name, clause.default)
    return found


def _parse_value(parser: Parser, clause: Clause) -> Attribute:
    match clause.kind:
        case "ints":
            values = parser.parse_comma_separated_list(
                parser.Delimiter.SQUARE, parser.parse_integer
            )
            return ints(values)
        case "int":
            return integer(parser.parse_integer())
        case "float":
            return real(float(parser.parse_number(allow_boolean=False)))
        case "flag":
            return BoolAttr.from_bool(True)
        case "string":
            return StringAttr(parser.parse_str_literal())
        case "symbol":
            symbol = parser.parse_attribute()
            if not isinstance(symbol, SymbolRefAttr):
                parser.raise_error(f"expected a symbol after '{clause.keyword}'")
            return symbol
        case "dense":
            dense = parser.parse_attribute()
            if not isinstance(dense, DenseIntOrFPElementsAttr):
                parser.raise_error(f"expected a dense constant after '{clause.keyword}'")
            return dense
        case "attr":
            return parser.parse_attribute()


def int_list(attr: Attribute) -> tuple[int, ...]:
    """The integers of a list attribute."""
    assert isinstance(attr, DenseArrayBase)
    return tuple(int(v) for v in attr.get_values())

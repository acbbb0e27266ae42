"""What a neuron's text says, as a tree of small records; each knows its line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from snnir.errors import UserError


@dataclass(frozen=True)
class At:
    """A place in a text."""

    file: str
    line: int
    column: int

    def error(self, what: str, hint: str | None = None) -> UserError:
        """The error to be raised about what stands here."""
        return UserError(what, where=str(self), hint=hint)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Type:
    """An integer with `fraction` bits behind its point; `bits` None where its width is proven."""

    bits: int | None = None
    fraction: int = 0
    signed: bool = True

    @property
    def limits(self) -> tuple[int, int] | None:
        """The least and the largest integer; None if they are not limited."""
        if self.bits is None:
            return None
        if not self.signed:
            return 0, (1 << self.bits) - 1
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1


# Expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """A number as written: `fraction` bits are asked for by a suffix, as in `0.04q12`."""

    at: At
    value: int | float
    fraction: int | None = None


@dataclass(frozen=True)
class Name:
    at: At
    text: str


@dataclass(frozen=True)
class TypeName:
    at: At
    type: Type


@dataclass(frozen=True)
class Unary:
    """`-` or `not`."""

    at: At
    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """An operator between two operands; also `and`, `or` and the comparisons."""

    at: At
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Choice:
    """`then if test else other`."""

    at: At
    test: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True)
class Call:
    at: At
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Index:
    at: At
    name: str
    index: Expression


Expression = Number | Name | TypeName | Unary | Binary | Choice | Call | Index


# Statements ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """`coding radix` or `emission after`."""

    at: At
    key: str
    word: str


@dataclass(frozen=True)
class Option:
    """A word or a number that is chosen when the neuron is read.

    Args:
        words: the first one is the default.
        span: the least and the largest number, and the default.
    """

    at: At
    name: str
    words: tuple[str, ...] = ()
    span: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class State:
    at: At
    name: str
    type: Type | None
    value: Expression


@dataclass(frozen=True)
class Assign:
    """`v = ...`, or with `new` a `let`."""

    at: At
    name: str
    value: Expression
    type: Type | None = None
    new: bool = False


@dataclass(frozen=True)
class Curve:
    """A table of a function, with straight lines between its points."""

    at: At
    name: str
    variable: str
    low: Expression
    high: Expression
    steps: int
    type: Type
    value: Expression


@dataclass(frozen=True)
class Table:
    """A table of integers."""

    at: At
    name: str
    values: tuple[Expression, ...]


@dataclass(frozen=True)
class If:
    at: At
    test: Expression
    then: tuple[Statement, ...]
    other: tuple[Statement, ...]


@dataclass(frozen=True)
class Spike:
    """`spike when test`, sent `delay` steps later."""

    at: At
    test: Expression
    delay: int = 0


@dataclass(frozen=True)
class Block:
    """What stands under `on spike`, `at end` or `emit`."""

    at: At
    kind: str
    body: tuple[Statement, ...]


Statement = Setting | Option | State | Assign | Curve | Table | If | Spike | Block


@dataclass(frozen=True)
class Param:
    at: At
    name: str
    type: Type | None
    value: Expression | None


@dataclass(frozen=True)
class Definition:
    """A neuron as it is written."""

    at: At
    name: str
    params: tuple[Param, ...]
    body: tuple[Statement, ...]


def walk(statements: tuple[Statement, ...], visit: Callable[[Statement], None]) -> None:
    """Every statement, those inside others too."""
    for statement in statements:
        visit(statement)
        if isinstance(statement, If):
            walk(statement.then, visit)
            walk(statement.other, visit)
        elif isinstance(statement, Block):
            walk(statement.body, visit)


def parts(record: Statement | Expression) -> Iterator[Expression]:
    """All expressions of a record, the outer ones first; not those of statements inside of it."""
    if isinstance(record, Expression):
        yield record
    for each in fields(record):
        value = getattr(record, each.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Expression):
                yield from parts(inner)

"""Integer expressions as a graph: equal ones are one node, constants are folded at once.

What a region computes is built here first and becomes operations in one order that depends on the
expressions alone; so a neuron that is printed and read again is the same operation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, i1, i64
from xdsl.ir import Operation, SSAValue

from snnir.dialects.snn import LookupOp

BINARY: dict[str, type[Operation]] = {
    "+": arith.AddiOp,
    "-": arith.SubiOp,
    "*": arith.MuliOp,
    "<<": arith.ShLIOp,
    ">>": arith.ShRSIOp,
    "&": arith.AndIOp,
    "|": arith.OrIOp,
    "^": arith.XOrIOp,
    "max": arith.MaxSIOp,
    "min": arith.MinSIOp,
    "and": arith.AndIOp,
    "or": arith.OrIOp,
}
COMPARE = {"==": "eq", "!=": "ne", "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge"}
NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

_FOLD: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "max": max,
    "min": min,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

BOOLEAN = {*COMPARE, "and", "or", "truth"}
"""Nodes of one bit; a `choice` or argument never is."""

MAX_SHIFT = 62


@dataclass(frozen=True, eq=False)
class Node:
    """One value: `kind` is an operator, `constant`, `truth`, `argument`, `choice`, `int`, `lookup`.

    Args:
        data: the number, the truth, the argument's name or the table.
    """

    kind: str
    operands: tuple[Node, ...] = ()
    data: int | str | tuple[int, ...] | None = None

    @property
    def is_boolean(self) -> bool:
        return self.kind in BOOLEAN

    @property
    def constant(self) -> int | None:
        """The number or truth of a constant."""
        return self.data if self.kind in ("constant", "truth") else None


class Graph:
    """All nodes of a neuron."""

    def __init__(self) -> None:
        self._known: dict[tuple, Node] = {}
        self.hints: dict[Node, str] = {}
        """What the operations behind nodes are called in what is printed."""

    def _node(self, kind: str, operands: tuple[Node, ...] = (), data=None) -> Node:
        key = (kind, tuple(map(id, operands)), data)
        if key not in self._known:
            self._known[key] = Node(kind, operands, data)
        return self._known[key]

    def number(self, value: int) -> Node:
        return self._node("constant", data=int(value))

    def truth(self, value: bool) -> Node:
        return self._node("truth", data=bool(value))

    def argument(self, name: str) -> Node:
        return self._node("argument", data=name)

    def binary(self, operator: str, a: Node, b: Node) -> Node:
        """`a operator b` of integers.

        Raises:
            ValueError: a shift by a constant that is no width.
        """
        x, y = a.constant, b.constant
        if operator in ("<<", ">>") and y is not None and not 0 <= y <= MAX_SHIFT:
            raise ValueError(f"a shift by {y} bits, allowed are 0 to {MAX_SHIFT}")
        if x is not None and y is not None:
            result = _FOLD[operator](x, y)
            return self.truth(result) if operator in COMPARE else self.number(result)
        if y is not None and y < 0 and operator in ("+", "-"):
            operator, b = "-" if operator == "+" else "+", self.number(-y)
        if y == 0 and operator in ("+", "-", "<<", ">>", "|", "^"):
            return a
        if x == 0 and operator in ("+", "|", "^"):
            return b
        if y == 1 and operator == "*":
            return a
        return self._node(operator, (a, b))

    def both(self, a: Node, b: Node) -> Node:
        if a.constant is not None:
            return b if a.data else a
        if b.constant is not None:
            return a if b.data else b
        return self._node("and", (a, b))

    def either(self, a: Node, b: Node) -> Node:
        if a.constant is not None:
            return a if a.data else b
        if b.constant is not None:
            return b if b.data else a
        return self._node("or", (a, b))

    def negated(self, a: Node) -> Node:
        """What is true where `a` is not: comparisons turn, so that no operation is needed."""
        if a.kind == "truth":
            return self.truth(not a.data)
        if a.kind in COMPARE:
            return self._node(NEGATED[a.kind], a.operands)
        left, right = map(self.negated, a.operands)
        return self.either(left, right) if a.kind == "and" else self.both(left, right)

    def choice(self, test: Node, then: Node, other: Node) -> Node:
        """`then` where the test is true; of truths, an expression of `and` and `or`."""
        if test.constant is not None:
            return then if test.data else other
        if then is other:
            return then
        if then.is_boolean:
            return self.either(self.both(test, then), self.both(self.negated(test), other))
        return self._node("choice", (test, then, other))

    def integer(self, test: Node) -> Node:
        """1 where the test is true, else 0."""
        if test.constant is not None:
            return self.number(int(test.data))
        return self._node("int", (test,))

    def lookup(self, table: tuple[int, ...], index: Node) -> Node:
        """The entry of a table; before it the first one, behind it the last one."""
        if index.constant is not None:
            return self.number(table[min(max(index.constant, 0), len(table) - 1)])
        return self._node("lookup", (index,), table)

    def emit(
        self, results: Iterable[Node], arguments: Mapping[str, SSAValue]
    ) -> tuple[list[Operation], list[SSAValue]]:
        """The operations that compute some nodes, operands first, and the nodes' values."""
        emitter = _Emitter(self, arguments)
        values = [emitter.value(node) for node in results]
        return emitter.ops, values


@dataclass
class _Emitter:
    graph: Graph
    arguments: Mapping[str, SSAValue]
    values: dict[Node, SSAValue] = field(default_factory=dict)
    ops: list[Operation] = field(default_factory=list)

    def value(self, wanted: Node) -> SSAValue:
        # By a stack of its own: what random() unrolls to may be deeper than Python's.
        stack = [wanted]
        while stack:
            node = stack[-1]
            if node in self.values:
                stack.pop()
                continue
            missing = [operand for operand in node.operands if operand not in self.values]
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            self.values[node] = self.build(node, [self.values[o] for o in node.operands])
        return self.values[wanted]

    def build(self, node: Node, operands: list[SSAValue]) -> SSAValue:
        match node.kind:
            case "argument":
                return self.arguments[node.data]
            case "constant":
                op = arith.ConstantOp(IntegerAttr(node.data, i64))
            case "truth":
                op = arith.ConstantOp(IntegerAttr(int(node.data), i1))
            case "choice":
                op = arith.SelectOp(*operands)
            case "int":
                op = arith.ExtUIOp(operands[0], i64)
            case "lookup":
                op = LookupOp(operands[0], node.data)
            case kind if kind in COMPARE:
                op = arith.CmpiOp(*operands, COMPARE[kind])
            case kind:
                op = BINARY[kind](*operands)
        self.ops.append(op)
        op.results[0].name_hint = self.graph.hints.get(node)
        return op.results[0]

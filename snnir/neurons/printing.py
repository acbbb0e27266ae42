"""`snn.neuron` as a text in the language; what reads it back gets the same operation.

Types, options, named functions and calls of random() are gone: states are plain integers, points
are shifts, and a register of random numbers is a state like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from xdsl.dialects import arith
from xdsl.dialects.builtin import FloatAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from snnir.dialects.snn import LookupOp, NeuronOp
from snnir.dialects.snn_neuron import SETUP_NAMES
from snnir.errors import UserError
from snnir.neurons.nodes import BINARY, COMPARE
from snnir.neurons.reals import SETUP_OPS

_LEVELS: dict[str, int] = {
    "choice": 0, "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "|": 5,
    "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10,
}  # fmt: skip
"""How tightly operators bind, as in the grammar."""

_ATOM = 12
_PREDICATES = tuple(COMPARE)

Text = tuple[str, int]
"""An expression and how tightly its outermost operator binds."""


def print_neuron(neuron: NeuronOp) -> str:
    """The neuron as the language says it.

    Raises:
        UserError: an operation that the language has no word for.
    """
    return _Printer(neuron).text()


class _Printer:
    def __init__(self, neuron: NeuronOp):
        self.neuron = neuron
        self.tables: dict[tuple[int, ...], str] = {}
        self.names = {*neuron.state_names, *neuron.param_names}

    def text(self) -> str:
        neuron, lines = self.neuron, []
        emission = neuron.emission.data
        if neuron.coding is not None:
            lines.append(f"coding {neuron.coding.data}")
        if emission != "causal":
            lines.append(f"emission {emission}")
        phases = [self.phase(role, indent) for role, indent in self.roles()]
        tables = [f"table {n} = [{', '.join(map(str, t))}]" for t, n in self.tables.items()]
        body = [*lines, *tables, *(line for phase in phases for line in phase)]
        head = f"neuron {neuron.sym_name.data}({', '.join(self.params())}):"
        return "\n".join([head, *(f"    {line}" for line in body)]) + "\n"

    def roles(self) -> list[tuple[str, bool]]:
        emission = self.neuron.emission.data
        roles = [("start", False), ("integrate", False)]
        if emission != "causal":
            roles.append(("settle", True))
        return roles if emission == "none" else [*roles, ("fire", False)]

    def params(self) -> list[str]:
        """The parameters with what they are worth."""
        neuron = self.neuron
        if neuron.setup is None:
            return list(neuron.param_names)
        block = neuron.setup.block
        known = {a: (name, _ATOM) for a, name in zip(block.args, SETUP_NAMES, strict=True)}
        shown = []
        for name, value in zip(neuron.param_names, block.last_op.operands, strict=True):
            text, _ = _setup_text(value, known)
            shown.append(name if text in (name, "nan") else f"{name} = {text}")
        return shown

    def phase(self, role: str, indent: bool) -> list[str]:
        """The lines of one region."""
        block = self.neuron.role(role).block
        printer = _Region(self, block, dict(zip(block.args, self.arguments(role), strict=True)))
        if role == "start":
            return [
                f"state {name} = {printer.expression(value, 0)}"
                for name, value in zip(self.neuron.state_names, block.last_op.operands, strict=True)
            ]
        spike = block.last_op.operands[-1] if role == "fire" else None
        lines = printer.lines(self.neuron.state_names, spike)
        if role == "fire" and lines and not lines[0].startswith("spike"):
            indent, role = True, "emit"
        if not indent or not lines:
            return lines
        head = "emit:" if role == "emit" else "at end:"
        return [head, *(f"    {line}" for line in lines)]

    def arguments(self, role: str) -> list[str]:
        return ["I" if name == "i" else name for name in self.neuron.argument_names(role)]

    def table(self, entries: tuple[int, ...]) -> str:
        if entries not in self.tables:
            self.tables[entries] = self.fresh("table")
        return self.tables[entries]

    def fresh(self, stem: str) -> str:
        name, count = f"{stem}_1", 1
        while name in self.names:
            count += 1
            name = f"{stem}_{count}"
        self.names.add(name)
        return name


class _Region:
    """The expressions of one region."""

    def __init__(self, printer: _Printer, block, arguments: Mapping[SSAValue, str]):
        self.printer, self.block = printer, block
        self.known: dict[SSAValue, Text] = {a: (name, _ATOM) for a, name in arguments.items()}
        self.arguments = dict(arguments)

    def lines(self, states: tuple[str, ...], spike: SSAValue | None) -> list[str]:
        """What is used twice as `let`, the spike, and each state that changes.

        Values are written in terms of the old states. Where one state is assigned and another one
        still needs its old value, all new values get names of their own first.
        """
        block = self.block
        results = dict(zip(states, block.last_op.operands, strict=False))
        arguments = {name: argument for argument, name in self.arguments.items()}
        changed = {n: v for n, v in results.items() if v is not arguments[n]}
        lines = []
        for op in block.ops:
            if op is block.last_op or isinstance(op, arith.ConstantOp):
                continue
            value = op.results[0]
            uses = [use.operation for use in value.uses]
            if len(uses) > 1 and not self.is_spike(value, spike):
                name = self.printer.fresh(value.name_hint or "x")
                lines.append(f"let {name} = {self.expression(value, 0)}")
                self.known[value] = (name, _ATOM)
        if spike is not None:
            lines.append(f"spike when {self.expression(spike, 0)}")
            if not isinstance(spike, BlockArgument) and spike not in self.known:
                self.known[spike] = ("spike", _ATOM)
        resets = [n for n, v in changed.items() if self.is_reset(v, spike, arguments[n])]
        order = self.order([n for n in changed if n not in resets], changed, arguments)
        order += self.order(resets, changed, arguments)
        if self.is_torn(order, changed, arguments):
            news = {name: self.printer.fresh(f"new_{name}") for name in order}
            lines += [f"let {new} = {self.expression(changed[n], 0)}" for n, new in news.items()]
            return [*lines, *(f"{name} = {new}" for name, new in news.items())]
        for name in order:
            if name not in resets:
                lines.append(f"{name} = {self.expression(changed[name], 0)}")
        if resets:
            lines.append("on spike:")
        for name in order:
            if name in resets:
                lines.append(f"    {name} = {self.expression(changed[name].owner.lhs, 0)}")
        return lines

    def is_reset(self, value: SSAValue, spike: SSAValue | None, old: SSAValue) -> bool:
        """Whether a state changes on a spike alone."""
        op = value.owner
        return (
            spike is not None
            and isinstance(op, arith.SelectOp)
            and op.cond is spike
            and op.rhs is old
            and value not in self.known
        )

    def is_spike(self, value: SSAValue, spike: SSAValue | None) -> bool:
        return spike is not None and value is spike

    def order(self, names, changed, arguments) -> list[str]:
        """The states such that, if possible, none is assigned before its old value is used."""
        reads = {name: self.reads(changed[name]) for name in names}
        rest, order = list(names), []
        while rest:
            used = {n: any(arguments[n] in reads[o] for o in rest if o != n) for n in rest}
            order.append(next((n for n in rest if not used[n]), rest[0]))
            rest.remove(order[-1])
        return order

    def is_torn(self, order, changed, arguments) -> bool:
        """Whether a state's old value is used behind its assignment all the same."""
        return any(
            arguments[name] in self.reads(changed[other])
            for index, name in enumerate(order)
            for other in order[index + 1 :]
        )

    def reads(self, value: SSAValue) -> set[SSAValue]:
        """The block arguments that the text of a value names."""
        if isinstance(value, BlockArgument):
            return {value}
        if value in self.known:
            return set()
        return set().union(*(self.reads(v) for v in value.owner.operands))

    def expression(self, value: SSAValue, level: int) -> str:
        """The text of a value, in brackets if it binds less tightly than `level`."""
        text, own = self.known.get(value) or self.operation(value.owner)
        return text if own >= level else f"({text})"

    def operation(self, op: Operation) -> Text:
        operands = op.operands
        match op:
            case arith.ConstantOp():
                number = op.value.value.data
                if str(op.result.type) == "i1":
                    return ("0 == 0" if number else "0 != 0"), _LEVELS["=="]
                return str(number), _ATOM if number >= 0 else _LEVELS["*"]
            case arith.CmpiOp() if op.predicate.value.data < len(_PREDICATES):
                return self.infix(_PREDICATES[op.predicate.value.data], *operands)
            case arith.SelectOp():
                test, then, other = operands
                arms = self.expression(then, 1), self.expression(other, 0)
                return f"{arms[0]} if {self.expression(test, 1)} else {arms[1]}", 0
            case arith.ExtUIOp():
                return f"int({self.expression(operands[0], 0)})", _ATOM
            case LookupOp():
                table = self.printer.table(op.entries)
                return f"{table}[{self.expression(operands[0], 0)}]", _ATOM
            case arith.ShRUIOp():
                return self.infix(">>", *operands)
        truth = str(op.results[0].type) == "i1"
        for sign, kind in BINARY.items():
            if type(op) is kind and (sign in ("and", "or")) == truth:
                if sign in ("min", "max"):
                    arms = ", ".join(self.expression(v, 0) for v in operands)
                    return f"{sign}({arms})", _ATOM
                return self.infix(sign, *operands)
        raise UserError(f"the neuron language has no word for {op.name}")

    def infix(self, sign: str, left: SSAValue, right: SSAValue) -> Text:
        level = _LEVELS[sign]
        # Comparisons do not chain; the others are read from the left.
        first = level + 1 if level == _LEVELS["=="] else level
        return f"{self.expression(left, first)} {sign} {self.expression(right, level + 1)}", level


def _setup_text(value: SSAValue, known: Mapping[SSAValue, Text]) -> Text:
    """The text of a parameter's value."""
    if value in known:
        return known[value]
    op = value.owner
    if isinstance(op, arith.ConstantOp):
        assert isinstance(op.value, FloatAttr)
        number = op.value.value.data
        if math.isnan(number):
            return "nan", _ATOM
        text = repr(int(number)) if number == int(number) else repr(number)
        return text, _ATOM if number >= 0 else _LEVELS["*"]
    for sign, kind in SETUP_OPS.items():
        if type(op) is kind:
            left, right = (_setup_text(v, known) for v in op.operands)
            if sign in ("min", "max"):
                return f"{sign}({left[0]}, {right[0]})", _ATOM
            level = _LEVELS[sign]
            texts = [
                text if own >= wanted else f"({text})"
                for (text, own), wanted in ((left, level), (right, level + 1))
            ]
            return f" {sign} ".join(texts), level
    raise UserError(f"the neuron language has no word for {op.name} in a parameter's value")

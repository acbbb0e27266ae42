"""A neuron's life over one image, or window, as one graph of terms on mathematical integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Block, Operation, SSAValue

from snnir.analysis.ranges import integrations
from snnir.dialects.snn import NeuronOp
from snnir.interpreters.neuron import evaluate
from snnir.schedule.program import Mode

Range = tuple[int, int]


@dataclass(eq=False)
class Term:
    """One value of a life: an input, a constant, or an op of a region in one of its calls.

    Args:
        source: the value of the region; None for inputs and for what decodes the planes.
        call: the region and how often it was called before, such as `fire 2`; `number` counts the
            calls of all regions.
        low, high: what is proven of it, once it is.
    """

    name: str
    op: Operation | None = None
    operands: tuple[Term, ...] = ()
    value: int | None = None
    source: SSAValue | None = None
    call: str = ""
    number: int = -1
    is_bit: bool = False
    low: int = 0
    high: int = 0

    def __repr__(self) -> str:
        return f"{self.name} of {self.call}" if self.call else self.name


def _template(kind: type[Operation]) -> Operation:
    """An op on two integers, to be evaluated on others."""
    block = Block(arg_types=[IntegerType(64)] * 2)
    op = kind(*block.args)
    block.add_op(op)
    return op


def _choice() -> Operation:
    """An op that takes one of two integers."""
    block = Block(arg_types=[IntegerType(1), IntegerType(64), IntegerType(64)])
    op = arith.SelectOp(*block.args)
    block.add_op(op)
    return op


class Life:
    """The neuron under one mode, as docs/neurons.md and the interpreter have it.

    A neuron that keeps its states begins, unless it is `fresh`, with those `before`.

    Attributes:
        planes: the currents that come in; the first one in time first.
        before: what comes in of each state, chosen: the states that integration begins with; both
            are empty where a neuron keeps none.
        states: those at the end.
    """

    def __init__(self, neuron: NeuronOp, mode: Mode):
        self.neuron, self.mode = neuron, mode
        self.terms: list[Term] = []
        self.params = {name: Term(name) for name in neuron.param_names}
        self.planes = [Term(f"current{plane}") for plane in range(mode.planes)]
        kept = neuron.state_names if mode.kept else ()
        self.fresh = Term("fresh", is_bit=True)
        self.before = [Term(f"{name} before") for name in kept]
        self.chosen: list[Term] = []
        self.spikes: list[Term] = []
        self._counts: dict[str, int] = {}
        self._number = -1
        self._made: dict[tuple, Term] = {}
        self._add, self._up = _template(arith.AddiOp), _template(arith.ShLIOp)
        self._live()

    @property
    def inputs(self) -> list[Term]:
        known = [self.fresh, *self.before] if self.before else []
        return [*self.planes, *self.params.values(), *known]

    @property
    def membrane(self) -> Term:
        return self.states[0]

    def _live(self) -> None:
        mode, emission = self.mode, self.neuron.emission.data
        calls, weights = integrations(mode.coding, mode.rate, mode.planes, mode.steps)
        currents = list(self.planes)
        if weights is not None and len(currents) > 1:
            # The weights are powers of two, falling by one: Horner's rule.
            total = currents[0]
            for plane in currents[1:]:
                total = self._apply(self._add, (self._shifted(total, 1), plane), "decoding")
            currents = [total]
        currents = [self._shifted(current, mode.fraction) for current in currents]
        if weights is not None:
            currents = currents * calls
        assert len(currents) == calls
        self.current = currents[0]
        params = list(self.params.values())
        states = self._call("start", params)
        if self.before:
            choice = _choice()
            pairs = zip(states, self.before, strict=True)
            self.chosen = [self._apply(choice, (self.fresh, *each), "choice") for each in pairs]
            states = self.chosen
        for step, current in enumerate(currents):
            states = self._call("integrate", [*states, current, *params])
            if emission == "causal":
                states = self._fire(states, calls - 1 - step)
        if emission != "causal":
            states = self._call("settle", [*states, *params])
        if emission == "after":
            for left in reversed(range(mode.steps)):
                states = self._fire(states, left)
        self.states = states

    def _fire(self, states: list[Term], left: int) -> list[Term]:
        arguments = [*states, *self.params.values(), self.constant(left)]
        *states, spike = self._call("fire", arguments)
        self.spikes.append(spike)
        return states

    def _shifted(self, term: Term, amount: int) -> Term:
        if not amount:
            return term
        return self._apply(self._up, (term, self.constant(amount)), "decoding")

    def _call(self, role: str, arguments: Sequence[Term]) -> list[Term]:
        block = self.neuron.role(role).block
        count = self._counts[role] = self._counts.get(role, -1) + 1
        self._number += 1
        known: dict[SSAValue, Term] = dict(zip(block.args, arguments, strict=True))
        for op in block.ops:
            if op is block.last_op:
                break
            operands = tuple(known[operand] for operand in op.operands)
            known[op.results[0]] = self._apply(op, operands, f"{role} {count}", op.results[0])
        return [known[value] for value in block.last_op.operands]

    def _apply(
        self, op: Operation, operands: tuple[Term, ...], call: str, source: SSAValue | None = None
    ) -> Term:
        result = op.results[0]
        is_bit = result.type == IntegerType(1)
        if all(operand.value is not None for operand in operands):
            found = evaluate(op, [np.array(operand.value) for operand in operands])
            # A constant bit of the IR is 0 or -1.
            return self.constant(abs(int(found)) if is_bit else int(found), is_bit)
        # What is computed twice is one term.
        key = (type(op), tuple(op.properties.items()), tuple(map(id, operands)))
        if key not in self._made:
            name = result.name_hint or op.name.partition(".")[2]
            self._made[key] = Term(name, op, operands, None, source, call, self._number, is_bit)
            self.terms.append(self._made[key])
        return self._made[key]

    def constant(self, value: int, is_bit: bool = False) -> Term:
        key = (value, is_bit)
        if key not in self._made:
            self._made[key] = Term(str(value), value=value, is_bit=is_bit, low=value, high=value)
        return self._made[key]


def evaluate_terms(
    terms: Iterable[Term], inputs: Mapping[Term, np.ndarray]
) -> dict[Term, np.ndarray]:
    """The value of every term for values of the inputs; `terms` with operands first."""
    known = dict(inputs)
    count = len(next(iter(inputs.values())))

    def value(term: Term) -> np.ndarray:
        if term.value is not None:
            return np.full(count, term.value, bool if term.is_bit else np.int64)
        return known[term]

    for term in terms:
        known[term] = np.broadcast_to(evaluate(term.op, [value(o) for o in term.operands]), count)
    return known


def set_ranges(
    life: Life,
    calls: Sequence[Mapping[SSAValue, Range]],
    inputs: Mapping[str, Range],
    begins: Sequence[Range] = (),
) -> None:
    """Write down what is proven: the values of each call's region, inputs by name, and `chosen`."""
    for term in life.inputs:
        term.low, term.high = inputs[term.name]
    for term, ends in zip(life.chosen, begins, strict=True):
        term.low, term.high = ends
    for term in life.terms:
        if term in life.chosen:
            continue
        if term.is_bit:
            term.low, term.high = 0, 1
        elif term.source is not None:
            term.low, term.high = calls[term.number][term.source]
        else:
            ends = [o.low for o in term.operands], [o.high for o in term.operands]
            term.low, term.high = (
                int(evaluate(term.op, [np.array(v) for v in end])) for end in ends
            )

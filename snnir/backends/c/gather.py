"""How a layer's currents may be summed: plane by plane, or all planes at once.

Where integration is linear in state and current, only the weighted sum over the planes reaches
the neuron, so the C program adds each event's weight once, times what its train is worth, instead
of once for each plane in which it spikes. The result is the same integer.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import BlockArgument, SSAValue

from snnir.dialects.snn import NeuronOp

BY_PLANE, BY_VALUE, BY_COUNT = "BY_PLANE", "BY_VALUE", "BY_COUNT"


@dataclass(frozen=True)
class Linear:
    """`state * v + current * i + something of the parameters alone`."""

    state: int = 0
    current: int = 0

    @property
    def is_constant(self) -> bool:
        return self.state == self.current == 0

    def plus(self, other: Linear, sign: int = 1) -> Linear:
        return Linear(self.state + sign * other.state, self.current + sign * other.current)

    def times(self, factor: int) -> Linear:
        return Linear(self.state * factor, self.current * factor)


def _literal(value: SSAValue) -> int | None:
    op = value.owner
    return op.value.value.data if isinstance(op, arith.ConstantOp) else None


def _linear(value: SSAValue, known: dict[SSAValue, Linear]) -> Linear | None:
    """The value as a linear form; None where it is none."""
    if isinstance(value, BlockArgument):
        return known[value]
    op = value.owner
    forms = [_linear(operand, known) for operand in op.operands]
    if None in forms:
        return None
    if all(form.is_constant for form in forms):
        return Linear()
    literal = _literal(op.operands[-1])
    match op:
        case arith.AddiOp():
            return forms[0].plus(forms[1])
        case arith.SubiOp():
            return forms[0].plus(forms[1], -1)
        case arith.MuliOp() if literal is not None:
            return forms[0].times(literal)
        case arith.ShLIOp() if literal is not None:
            return forms[0].times(1 << literal)
    return None


def integration_gain(neuron: NeuronOp) -> int | None:
    """g where `integrate` is `g * v + i + (parameters)` for the only state v; None otherwise."""
    block = neuron.integrate.block
    if len(neuron.state_names) != 1:
        return None
    known = {argument: Linear() for argument in block.args}
    known[block.args[0]] = Linear(state=1)
    known[block.args[1]] = Linear(current=1)
    form = _linear(block.last_op.operands[0], known)
    return form.state if form is not None and form.current == 1 else None


def gather_mode(neuron: NeuronOp, *, calls_take_sum: bool, total_bits: int) -> str:
    """How the planes' currents are summed for this neuron.

    Args:
        calls_take_sum: each call of `integrate` takes the decoded sum (direct currents into a
            rate neuron) anyway.
        total_bits: width that holds a sum over all planes [bit].
    """
    if total_bits > 32:
        return BY_PLANE
    if calls_take_sum:
        return BY_VALUE
    if neuron.emission.data == "causal":
        return BY_PLANE
    return {2: BY_VALUE, 1: BY_COUNT}.get(integration_gain(neuron), BY_PLANE)

"""Where a neuron's regions are cut: operations that do not fit one clock go on in the next.

A region is feed-forward, so a register may stand anywhere in it as long as all that travels with a
neuron is registered too. Each operation is given a rough delay, and begins in a new stage where the
chain of those before it would grow too long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import Block, Operation, SSAValue

from snnir.dialects.snn import LookupOp, NeuronOp

STAGE = 10
"""What fits one clock, in halves of a carry chain: the integration of every neuron that training
makes (a product with a constant, three sums) is one stage."""

DELAYS: dict[type[Operation], int] = {
    arith.AddiOp: 2,
    arith.SubiOp: 2,
    arith.MuliOp: 8,
    arith.ShLIOp: 2,
    arith.ShRSIOp: 2,
    arith.ShRUIOp: 2,
    arith.MaxSIOp: 3,
    arith.MinSIOp: 3,
    arith.CmpiOp: 2,
    arith.AndIOp: 1,
    arith.OrIOp: 1,
    arith.XOrIOp: 1,
    arith.SelectOp: 1,
    arith.ConstantOp: 0,
    arith.ExtUIOp: 0,
    LookupOp: 3,
}
"""Of each op, where no operand is a constant; another op joins by a line here."""

CONSTANT_PRODUCT = 4
"""Of a product with a constant: a few sums."""


@dataclass(frozen=True)
class Schedule:
    """The stage of each operation of a region, and how many there are."""

    stage: Mapping[Operation, int]
    stages: int


def schedule(block: Block, constants: frozenset[SSAValue] = frozenset()) -> Schedule:
    """As soon as possible, each operation behind its operands.

    Args:
        constants: block arguments that are constants in the hardware.
    """
    ready: dict[SSAValue, tuple[int, int]] = {}
    stage: dict[Operation, int] = {}
    for op in block.ops:
        if op is block.last_op:
            break
        begin, elapsed = max((ready.get(v, (0, 0)) for v in op.operands), default=(0, 0))
        delay = _delay(op, constants)
        if elapsed + delay > STAGE:
            begin, elapsed = begin + 1, 0
        stage[op] = begin
        ready[op.results[0]] = (begin, elapsed + delay)
    return Schedule(stage, 1 + max(stage.values(), default=0))


def _delay(op: Operation, constants: frozenset[SSAValue]) -> int:
    """Shifts by constants are wires, products with them are sums."""
    known = [v in constants or isinstance(v.owner, arith.ConstantOp) for v in op.operands]
    if isinstance(op, arith.ShLIOp | arith.ShRSIOp | arith.ShRUIOp) and known[1]:
        return 0
    if isinstance(op, arith.MuliOp) and any(known):
        return CONSTANT_PRODUCT
    return DELAYS[type(op)]


def role_schedule(neuron: NeuronOp, role: str) -> Schedule:
    """The schedule of one of a neuron's regions."""
    block = neuron.role(role).block
    left = frozenset(block.args[-1:]) if role == "fire" else frozenset()
    return schedule(block, left)


def registers(neuron: NeuronOp) -> dict[str, int]:
    """Registers of each call of a region: between its stages, and behind all but `start`."""
    found = {role: role_schedule(neuron, role).stages for role in NeuronOp.ROLES}
    return found | {"start": found["start"] - 1}

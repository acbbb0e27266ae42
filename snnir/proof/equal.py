"""Whether two designs, or outputs of one, are equal for all inputs: what rewrites have to keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from snnir.proof.circuit import Circuit, Net
from snnir.proof.smt import PROVED, REFUTED, Word, decide, net_word, z3


@dataclass(frozen=True)
class Difference:
    """An output that may differ.

    Args:
        inputs: for which it does, by (port, clocks ago); None where the solver gave up.
    """

    output: str
    inputs: dict[tuple[str, int], int] | None


def words(nets: Iterable[Net]) -> dict[Net, Word]:
    """The expression of each net over its inputs; a port of one clock is one variable."""
    known: dict[Net, Word] = {}
    for root in nets:
        stack = [root]
        while stack:
            net = stack[-1]
            if net in known:
                stack.pop()
            elif net.kind == "input":
                name, age = net.data
                known[net] = z3().BitVec(f"{name}@{age}", net.width)
            elif missing := [operand for operand in net.operands if operand not in known]:
                stack += missing
            else:
                known[net] = net_word(net, [known[operand] for operand in net.operands])
    return known


def find_difference(
    first: ModuleOp, second: ModuleOp, *, depth: int = 0, seconds: float = 20.0
) -> Difference | None:
    """Prove that two designs with the same ports give the same outputs, whatever comes in.

    Args:
        depth: clocks that are looked back; the last registers hold anything.

    Returns:
        The first output that is not proved to be equal, or None.
    """
    sides = [Circuit(design, depth=depth) for design in (first, second)]
    if (names := set(sides[0].outputs)) != set(sides[1].outputs):
        return Difference(min(names ^ set(sides[1].outputs)), None)
    known = [words(side.outputs.values()) for side in sides]
    for name in sides[0].outputs:
        left, right = (known[i][side.outputs[name]] for i, side in enumerate(sides))
        answer, model = decide(left == right, [], seconds)
        if answer != PROVED:
            return Difference(name, _inputs(sides, model) if answer == REFUTED else None)
    return None


def _inputs(sides: Iterable[Circuit], model) -> dict[tuple[str, int], int]:
    found = {}
    for side in sides:
        for net in side.nets:
            if net.kind == "input":
                name, age = net.data
                word = z3().BitVec(f"{name}@{age}", net.width)
                found[name, age] = model.eval(word, model_completion=True).as_long()
    return found

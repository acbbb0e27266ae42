"""What the builder's operators fold to, so that nothing trivial is built and printed."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from xdsl.dialects import comb

if TYPE_CHECKING:
    from snnir.hardware.language.signals import Signal


def signed(value: int, width: int) -> int:
    """What bits, given as an unsigned number, are in two's complement."""
    return value - (1 << width) if value >> (width - 1) else value


# What each op computes, on unsigned integers before truncation.
_FOLD: dict[type, Callable[[int, int], int]] = {
    comb.AddOp: operator.add,
    comb.SubOp: operator.sub,
    comb.MulOp: operator.mul,
    comb.AndOp: operator.and_,
    comb.OrOp: operator.or_,
    comb.XorOp: operator.xor,
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def fold_binary(kind: type, left: Signal, right: Signal) -> Signal | None:
    """A simpler equal of a binary op; a constant stands on the right if the op commutes."""
    module, width = left.module, left.width
    ones = (1 << width) - 1
    a, b = left.constant, right.constant
    if a is not None and b is not None:
        return module.const(_FOLD[kind](a, b) & ones, width)
    if left.value is right.value:
        if kind in (comb.SubOp, comb.XorOp):
            return module.const(0, width)
        if kind in (comb.AndOp, comb.OrOp):
            return left
    if b == 0:
        return right if kind in (comb.MulOp, comb.AndOp) else left
    if b == ones:
        if kind is comb.AndOp:
            return left
        if kind is comb.OrOp:
            return right
        owner = left.value.owner
        if kind is comb.XorOp and isinstance(owner, comb.XorOp) and len(owner.inputs) == 2:
            inner, mask = (module.signal(operand) for operand in owner.inputs)
            if mask.constant == ones:
                return inner
    if b == 1 and kind is comb.MulOp:
        return left
    return None


def fold_compare(predicate: str, left: Signal, right: Signal) -> bool | None:
    """The outcome where constants, or the ends of the range, decide it."""
    width, relation = left.width, predicate[-2:]
    a, b = left.constant, right.constant
    compare = _COMPARE[relation]
    if left.value is right.value:
        return compare(0, 0)
    lowest, highest = 0, (1 << width) - 1
    if predicate[0] == "s":
        lowest, highest = -(1 << (width - 1)), (1 << (width - 1)) - 1
        a, b = (None if value is None else signed(value, width) for value in (a, b))
    if a is not None and b is not None:
        return compare(a, b)
    if relation in ("lt", "ge") and (b == lowest or a == highest):
        return relation == "ge"
    if relation in ("gt", "le") and (b == highest or a == lowest):
        return relation == "le"
    return None

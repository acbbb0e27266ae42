"""Intervals of the values of a neuron's regions: a rule for each op, and what comparisons tell.

One interval for each output channel, as object arrays of Python integers, so that nothing can
overflow in the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from snnir.dialects.snn_neuron import LookupOp
from snnir.errors import UserError

Interval = tuple[np.ndarray, np.ndarray]
"""(lo, hi), inclusive, one Python integer per channel."""


def interval(lo, hi) -> Interval:
    """An interval from integers or integer arrays."""
    return np.atleast_1d(np.asarray(lo)).astype(object), np.atleast_1d(np.asarray(hi)).astype(
        object
    )


def signed_bits(lo: int, hi: int) -> int:
    """Bits of the smallest two's complement integer that holds lo..hi.

    `signed_bits(0, 0)` is 1, `signed_bits(-8, 7)` is 4.
    """
    return max(int(hi).bit_length() if hi > 0 else 0, (~int(lo)).bit_length() if lo < 0 else 0) + 1


def _corners(function: Callable) -> Callable[..., Interval]:
    """The rule for an op that is monotonic in each operand, in either direction."""

    def rule(a: Interval, b: Interval) -> Interval:
        corners = [function(x, y) for x in a for y in b]
        return _least(corners), _most(corners)

    return rule


def _least(arrays: Sequence[np.ndarray]) -> np.ndarray:
    result = arrays[0]
    for array in arrays[1:]:
        result = np.minimum(result, array)
    return result


def _most(arrays: Sequence[np.ndarray]) -> np.ndarray:
    result = arrays[0]
    for array in arrays[1:]:
        result = np.maximum(result, array)
    return result


def _shift_up(value, amount):
    if np.any(np.asarray(amount) > 62) or np.any(np.asarray(amount) < 0):
        raise UserError("a neuron shifts by less than 0 or more than 62 bits")
    return value * 2**amount


def _unsigned_shift(a: Interval, b: Interval) -> Interval:
    if np.any(a[0] < 0):
        raise UserError(
            "arith.shrui of a value that may be negative depends on the width",
            hint="use arith.shrsi in the neuron",
        )
    return _corners(lambda x, y: x >> y)(a, b)


def _bitwise(a: Interval, b: Interval) -> Interval:
    bits = [signed_bits(min(w, x), max(y, z)) - 1 for w, x, y, z in _zipped(a[0], b[0], a[1], b[1])]
    top = np.array([2**n - 1 for n in bits], dtype=object)
    negative = (a[0] < 0) | (b[0] < 0)
    return np.where(negative, -top - 1, 0).astype(object), top


def _and(a: Interval, b: Interval) -> Interval:
    lo, hi = _bitwise(a, b)
    # One operand that is never negative bounds the result from both sides.
    for operand in (a, b):
        bounded = operand[0] >= 0
        lo = np.where(bounded, 0, lo).astype(object)
        hi = np.where(bounded, np.minimum(hi, operand[1]), hi).astype(object)
    return lo, hi


def _zipped(*arrays: np.ndarray):
    return zip(*np.broadcast_arrays(*arrays), strict=True)


RULES: dict[type[Operation], Callable[[Interval, Interval], Interval]] = {
    arith.AddiOp: lambda a, b: (a[0] + b[0], a[1] + b[1]),
    arith.SubiOp: lambda a, b: (a[0] - b[1], a[1] - b[0]),
    arith.MuliOp: _corners(lambda x, y: x * y),
    arith.ShLIOp: _corners(_shift_up),
    arith.ShRSIOp: _corners(lambda x, y: x >> y),
    arith.ShRUIOp: _unsigned_shift,
    arith.MaxSIOp: _corners(np.maximum),
    arith.MinSIOp: _corners(np.minimum),
    arith.AndIOp: _and,
    arith.OrIOp: _bitwise,
    arith.XOrIOp: _bitwise,
}
"""Interval rule of each binary op; another op joins by a line here and one in the interpreter."""

_SIGNED = {0: "==", 1: "!=", 2: "<", 3: "<=", 4: ">", 5: ">="}
_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass
class Evaluator:
    """Intervals of a region's values for given block arguments."""

    known: dict[SSAValue, Interval]
    seen: dict[SSAValue, Interval]
    """Every i64 value met, joined over all evaluations."""

    def value(self, value: SSAValue) -> Interval:
        if value in self.known:
            return self.known[value]
        op = value.owner
        assert isinstance(op, Operation)
        result = self._apply(op)
        if np.any(abs(result[0]) >= 2**62) or np.any(abs(result[1]) >= 2**62):
            raise UserError("a neuron's state grows past 62 bits", hint="use smaller parameters")
        self.known[value] = result
        join(self.seen, value, result)
        return result

    def _apply(self, op: Operation) -> Interval:
        if isinstance(op, arith.ConstantOp):
            assert isinstance(op.value, IntegerAttr)
            return interval(op.value.value.data, op.value.value.data)
        if isinstance(op, arith.SelectOp):
            return self._select(op)
        if isinstance(op, arith.CmpiOp):
            # Both sides need a width, whether or not a state depends on the outcome.
            self.value(op.lhs)
            self.value(op.rhs)
            return interval(0, 1)
        if isinstance(op, arith.ExtUIOp):
            return self.value(op.input)
        if isinstance(op, LookupOp):
            return _entries(op.entries, self.value(op.index))
        if isinstance(op, arith.SubiOp) and _is_decay(op):
            # What is lost grows with the value, and less than it: the ends stay the ends.
            value, shift = self.value(op.lhs), self.value(op.rhs.owner.operands[1])
            self.value(op.rhs)
            return _corners(lambda x, k: x - (x >> k))(value, shift)
        if isinstance(op, arith.SubiOp) and (share := _share(op)):
            self.value(op.rhs)
            return tuple(x - (x * share[0] >> share[1]) for x in self.value(op.lhs))
        rule = RULES.get(type(op))
        if rule is None:
            raise UserError(
                f"no range rule for {op.name} in a neuron",
                hint=f"use {', '.join(sorted(_names()))}",
            )
        return rule(self.value(op.operands[0]), self.value(op.operands[1]))

    def _select(self, op: arith.SelectOp) -> Interval:
        """Each arm is evaluated under what the comparison says of its operands."""
        for operand in op.operands:
            self.value(operand)
        arms = [self._under(op.cond, True, op.lhs), self._under(op.cond, False, op.rhs)]
        reached = [arm for arm in arms if arm is not None]
        return _least([lo for lo, _ in reached]), _most([hi for _, hi in reached])

    def _under(self, condition: SSAValue, truth: bool, arm: SSAValue) -> Interval | None:
        """The arm's interval where the condition has that truth; None where it never has."""
        refined = self._refined(condition, truth)
        return None if refined is None else refined.value(arm)

    def _refined(self, condition: SSAValue, truth: bool) -> Evaluator | None:
        """The values where the condition has that truth; None where it never has."""
        test = condition.owner
        if isinstance(test, arith.AndIOp if truth else arith.OrIOp):
            refined = self._refined(test.lhs, truth)
            return None if refined is None else refined._refined(test.rhs, truth)
        relation = (
            _SIGNED.get(test.predicate.value.data) if isinstance(test, arith.CmpiOp) else None
        )
        if relation is None:
            return self
        if not truth:
            relation = _NEGATED[relation]
        left, right = self.value(test.lhs), self.value(test.rhs)
        new_left, new_right = _bound(left, relation, right), _bound(right, _TURNED[relation], left)
        impossible = (new_left[0] > new_left[1]) | (new_right[0] > new_right[1])
        if np.all(impossible):
            return None
        # A channel in which the arm is never taken must still hold an interval: keep it unrefined
        # there, which is safe.
        kept = [_where(impossible, old, new) for old, new in ((left, new_left), (right, new_right))]
        anew = _made_from(test.lhs)
        inner = Evaluator({v: r for v, r in self.known.items() if v not in anew}, {})
        inner.known |= {test.rhs: kept[1], test.lhs: kept[0]}
        return inner


def _bound(a: Interval, relation: str, b: Interval) -> Interval:
    lo, hi = a
    match relation:
        case "<":
            hi = np.minimum(hi, b[1] - 1)
        case "<=":
            hi = np.minimum(hi, b[1])
        case ">":
            lo = np.maximum(lo, b[0] + 1)
        case ">=":
            lo = np.maximum(lo, b[0])
        case "==":
            lo, hi = np.maximum(lo, b[0]), np.minimum(hi, b[1])
        case "!=":
            single = b[0] == b[1]
            lo = np.where(single & (lo == b[0]), lo + 1, lo).astype(object)
            hi = np.where(single & (hi == b[0]), hi - 1, hi).astype(object)
    return lo, hi


def _is_decay(op: arith.SubiOp) -> bool:
    """Whether an op is `x - (x >> k)`."""
    lost = op.rhs.owner
    return isinstance(lost, arith.ShRSIOp) and lost.lhs is op.lhs


def _share(op: arith.SubiOp) -> tuple[int, int] | None:
    """c and k where an op is `x - (x * c >> k)` of constants with 0 <= c <= 2^k."""
    lost = op.rhs.owner
    if not isinstance(lost, arith.ShRSIOp) or not isinstance(lost.lhs.owner, arith.MuliOp):
        return None
    factors = lost.lhs.owner.operands
    shift = _constant(lost.rhs)
    for value, factor in (factors, factors[::-1]):
        share = _constant(factor)
        if value is op.lhs and None not in (share, shift) and 0 <= share <= 1 << shift:
            return share, shift
    return None


def _constant(value: SSAValue) -> int | None:
    op = value.owner
    return op.value.value.data if isinstance(op, arith.ConstantOp) else None


def _entries(table: Sequence[int], index: Interval) -> Interval:
    """Least and largest entry that an index within its range may choose, per channel."""
    entries, last = np.array(table, dtype=object), len(table) - 1
    ends = [(min(max(a, 0), last), min(max(b, 0), last)) for a, b in _zipped(*index)]
    parts = [entries[a : b + 1] for a, b in ends]
    low, high = [part.min() for part in parts], [part.max() for part in parts]
    return np.array(low, dtype=object), np.array(high, dtype=object)


def _where(mask: np.ndarray, a: Interval, b: Interval) -> Interval:
    return np.where(mask, a[0], b[0]).astype(object), np.where(mask, a[1], b[1]).astype(object)


def _made_from(origin: SSAValue) -> set[SSAValue]:
    """The value itself and all that is computed from it, and so has to be evaluated anew."""
    found, work = {origin}, [origin]
    while work:
        for use in work.pop().uses:
            new = [result for result in use.operation.results if result not in found]
            found.update(new)
            work += new
    return found


def _names() -> list[str]:
    others = (arith.SelectOp, arith.CmpiOp, arith.ConstantOp, LookupOp)
    return [op.name for op in (*RULES, *others)]


def join(seen: dict[SSAValue, Interval], value: SSAValue, new: Interval) -> None:
    """Widens what is known of a value; bits of comparisons need no width."""
    if str(value.type) != "i64":
        return
    old = seen.get(value)
    seen[value] = new if old is None else (np.minimum(old[0], new[0]), np.maximum(old[1], new[1]))


def union(a: Interval, b: Interval) -> Interval:
    """The least interval that holds both."""
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def same(a: Interval, b: Interval) -> bool:
    """Whether two intervals are equal in all channels."""
    return bool(np.all(a[0] == b[0]) and np.all(a[1] == b[1]))

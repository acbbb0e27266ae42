"""That no value of a neuron leaves its range: by induction over the calls of its regions.

The range analysis says of each call what its states are before and behind it. For each op of each
call the solver shows, on mathematical integers, that its result is within its range whenever the
operands are within theirs; where that loses too much, the operands' own ops are taken along.
Where states are kept that is an induction over windows as well (`windows.py`). Channels are taken
together as long as the ranges of all of them fit the words, else halved.

Products are not asked for: on a box a product is extreme at corners.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.ir import Operation, SSAValue

from snnir.analysis.intervals import Interval, signed_bits
from snnir.analysis.ranges import CallRanges, integrations
from snnir.dialects.snn import LookupOp, NeuronOp
from snnir.proof.life import Range
from snnir.proof.smt import PROVED, comparison, decide, lookup, z3
from snnir.proof.windows import States, Window, around, window_ranges

DEPTHS = (1, 2, 4, None)
"""How many ops are taken together; None: all of the region."""


@dataclass(frozen=True)
class Channels:
    """The channels of a layer with what they are given.

    Args:
        params: integers per channel; `current`: ends of what one plane may be, per channel.
        how: as `schedule` has it.
        silent: planes that come first and have no spikes.
        windows: over how many of them neurons keep their states; 0 stands for any number.
    """

    layer: str
    params: Mapping[str, np.ndarray]
    current: tuple[np.ndarray, np.ndarray]
    how: Mapping[str, Any]
    silent: int = 0
    windows: int = 1

    def __len__(self) -> int:
        return len(self.current[0])

    def halves(self) -> tuple[Channels, Channels]:
        """Channels that are alike stay together."""
        key = self.params.get("theta", self.current[1])
        order = np.argsort(key, kind="stable")
        return tuple(
            Channels(
                self.layer,
                {name: values[part] for name, values in self.params.items()},
                (self.current[0][part], self.current[1][part]),
                self.how,
                self.silent,
                self.windows,
            )
            for part in np.array_split(order, 2)
        )

    def input_ranges(self) -> dict[str, Range]:
        found = {name: (int(v.min()), int(v.max())) for name, v in self.params.items()}
        plane = int(self.current[0].min()), int(self.current[1].max())
        planes = range(self.how["steps_in"])
        return found | {f"current{p}": plane if p >= self.silent else (0, 0) for p in planes}


@dataclass
class RangeProof:
    """What was shown of some layers.

    Args:
        values: for each call of a window, `start` the first, what each value of its region may be,
            for all channels and windows.
        groups: channels that were taken together; all in the box around them is shown.
        before: for each group, what the states may be when a window begins: of the second window,
            of the third, ...; or of all.
        begins: what the states may be when any window begins, where they are kept.
        fits: whether the analysis finds that all values fit; then there are ranges to be shown.
        open: what could not be shown, if anything.
    """

    values: list[dict[SSAValue, Range]] = field(default_factory=list)
    groups: list[Channels] = field(default_factory=list)
    before: list[list[States]] = field(default_factory=list)
    begins: States = ()
    questions: int = 0
    corners: int = 0
    fits: bool = True
    open: list[str] = field(default_factory=list)


def prove_ranges(
    neuron: NeuronOp,
    layers: Sequence[Channels],
    width: int,
    seconds: float,
    deadline: float,
    kept: Sequence[int] = (),
) -> RangeProof:
    """Show that all values of the layers' neurons fit words of `width` bits.

    Args:
        seconds: for each question, and at most until `deadline`.
        kept: the bits in which each state is kept from window to window, if it is.
    """
    proof, asked = RangeProof(), {}

    def fits(window: Window) -> bool:
        ends = [signed_bits(*ends) for ends in window.ends]
        kept_too = all(have <= room for have, room in zip(ends, kept, strict=False))
        return kept_too and all(_bits(call) <= width for call in window.calls)

    work = list(layers)
    while work:
        group = work.pop()
        windows = _windows(neuron, group, fits)
        if windows is None:
            if len(group) == 1:
                proof.fits = False
                room = " or what is kept of them" if kept else ""
                proof.open.append(f"{group.layer}: the ranges do not fit {width} bits{room}")
            else:
                work += group.halves()
            continue
        proof.groups.append(group)
        proof.before.append([window.before for window in windows[1:]])
        for window in windows:
            if kept:
                begins = window.before or window.begins
                proof.begins = tuple(map(around, proof.begins or begins, begins))
            # Only the first one begins with `start`, which is the first call of a life.
            for number, call in enumerate(window.calls, window.before is not None):
                _note(proof, number, call)
                where = f"{group.layer}, {number}"
                _Call(neuron, call, asked, proof, seconds, deadline).prove(where)
    return proof


def _note(proof: RangeProof, number: int, call: CallRanges) -> None:
    """Write down what is said of a call."""
    if number == len(proof.values):
        proof.values.append({})
    values = proof.values[number]
    for value, (low, high) in call.values.items():
        ends = int(low[0]), int(high[0])
        values[value] = around(values.get(value, ends), ends)


def _windows(
    neuron: NeuronOp, group: Channels, fits: Callable[[Window], bool]
) -> list[Window] | None:
    """The ranges of the calls if all channels are one; None where they do not fit."""
    how = group.how
    calls, planes = integrations(how["coding"], how["rate"], how["steps_in"], how["steps_out"])
    weight = (sum(planes) if planes else 1) << how["fraction"]
    params = {name: _hull(values, values) for name, values in group.params.items()}
    low, high = (ends.astype(object) * weight for ends in group.current)
    silent, driven = _hull(0 * low, 0 * high), _hull(low, high)
    currents = [silent if call < group.silent else driven for call in range(calls)]
    return window_ranges(neuron, params, currents, how["steps_out"], group.windows, fits)


def _hull(low: np.ndarray, high: np.ndarray) -> Interval:
    return np.array([int(low.min())], object), np.array([int(high.max())], object)


def _bits(call: CallRanges) -> int:
    return max(signed_bits(int(low[0]), int(high[0])) for low, high in call.values.values())


class _Call:
    """One call of a region with what the analysis says of it."""

    def __init__(
        self,
        neuron: NeuronOp,
        call: CallRanges,
        asked: dict[tuple, bool],
        proof: RangeProof,
        seconds: float,
        deadline: float,
    ):
        self.block, self.role = neuron.role(call.role).block, call.role
        self.ranges = {v: (int(low[0]), int(high[0])) for v, (low, high) in call.values.items()}
        self.asked, self.proof = asked, proof
        self.seconds, self.deadline = seconds, deadline

    def prove(self, where: str) -> None:
        for op in self.block.ops:
            if op is self.block.last_op:
                return
            value = op.results[0]
            if value not in self.ranges or isinstance(op, arith.ConstantOp | arith.ExtUIOp):
                continue
            if not self._holds(op):
                name = value.name_hint or op.name
                self.proof.open.append(f"{where}: {name} of {self.role}")

    def _holds(self, op: Operation) -> bool:
        value = op.results[0]
        if isinstance(op, arith.MuliOp):
            self.proof.corners += 1
            corners = [a * b for a in self.ranges[op.lhs] for b in self.ranges[op.rhs]]
            return _within((min(corners), max(corners)), self.ranges[value])
        for depth in DEPTHS:
            cone = _Cone(self.ranges, depth)
            word = cone.integer(value, 0)
            if word is None:
                continue
            low, high = self.ranges[value]
            key = (str(word), low, high, tuple(cone.given))
            if key not in self.asked:
                left = min(self.seconds, self.deadline - time.monotonic())
                goal = z3().And(low <= word, word <= high)
                self.proof.questions += 1
                self.asked[key] = left > 0 and decide(goal, cone.premises, left)[0] == PROVED
            if self.asked[key]:
                return True
        return False


def _within(inner: Range, outer: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


class _Cone:
    """A value as an expression of those some ops before it, on the solver's integers."""

    def __init__(self, ranges: Mapping[SSAValue, Range], depth: int | None):
        self.ranges, self.depth = ranges, depth
        self.premises: list[Any] = []
        self.given: list[Range] = []
        self._known: dict[SSAValue, Any] = {}

    def integer(self, value: SSAValue, distance: int) -> Any:
        """None where nothing is known on integers, as of the bits of a variable."""
        if value not in self._known:
            self._known[value] = self._made(value, distance)
        return self._known[value]

    def _made(self, value: SSAValue, distance: int) -> Any:
        op = value.owner
        is_bit = value not in self.ranges
        if isinstance(op, Operation) and (self.depth is None or distance < self.depth or is_bit):
            found = self._op(op, distance)
            if found is not None or distance == 0:
                return found
        number = len(self.given)
        if is_bit:
            self.given.append((0, 1))
            return z3().Bool(f"b{number}")
        low, high = self.ranges[value]
        if low == high:
            return z3().IntVal(low)
        variable = z3().Int(f"x{number}")
        self.given.append((low, high))
        self.premises += [low <= variable, variable <= high]
        return variable

    def _op(self, op: Operation, distance: int) -> Any:
        if isinstance(op, arith.ConstantOp):
            value = op.value.value.data
            return z3().IntVal(value) if op.result in self.ranges else z3().BoolVal(value != 0)
        if isinstance(op, arith.AndIOp | arith.OrIOp | arith.XOrIOp) and (
            op.results[0] in self.ranges
        ):
            return self._bitwise(op) if distance == 0 else None
        operands = [self.integer(operand, distance + 1) for operand in op.operands]
        if isinstance(op, arith.CmpiOp):
            return comparison(op)(*operands)
        if isinstance(op, LookupOp):
            return lookup(op, operands[0], z3().IntVal)
        function = _INTEGER.get(type(op))
        if function is not None:
            return function(*operands)
        if isinstance(op, arith.ShLIOp | arith.ShRSIOp | arith.ShRUIOp):
            return self._shift(op, *operands)
        return None

    def _shift(self, op: Operation, value: Any, amount: Any) -> Any:
        """By each amount that may be; floor division, as `div` has it for a positive divisor."""
        low, high = self.ranges[op.operands[1]]
        if not 0 <= low <= high <= 62:
            return None
        up = isinstance(op, arith.ShLIOp)
        result = None
        for each in range(high, low - 1, -1):
            shifted = value * 2**each if up else value / z3().IntVal(2**each)
            result = shifted if result is None else z3().If(amount == each, shifted, result)
        return result

    def _bitwise(self, op: Operation) -> Any:
        """On words that hold both operands."""
        ranges = [self.ranges[operand] for operand in op.operands]
        width = max(signed_bits(*each) for each in (*ranges, self.ranges[op.results[0]]))
        words = []
        for number, (low, high) in enumerate(ranges):
            word = z3().BitVec(f"x{number}", width)
            words.append(word)
            self.given.append((low, high))
            self.premises += [word >= low, word <= high]
        if isinstance(op, arith.AndIOp):
            return words[0] & words[1]
        return words[0] | words[1] if isinstance(op, arith.OrIOp) else words[0] ^ words[1]


_INTEGER: dict[type[Operation], Any] = {
    arith.AddiOp: lambda a, b: a + b,
    arith.SubiOp: lambda a, b: a - b,
    arith.MuliOp: lambda a, b: a * b,
    arith.MaxSIOp: lambda a, b: z3().If(a < b, b, a),
    arith.MinSIOp: lambda a, b: z3().If(a < b, a, b),
    arith.SelectOp: lambda c, a, b: z3().If(c, a, b),
    arith.ExtUIOp: lambda c: z3().If(c, 1, 0),
    arith.AndIOp: lambda a, b: z3().And(a, b),
    arith.OrIOp: lambda a, b: z3().Or(a, b),
    arith.XOrIOp: lambda a, b: z3().Xor(a, b),
}
"""Of each op on mathematical integers and truths; another op joins by a line here."""

"""The values of the builder: a `Signal` and its operators, which fold before they build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xdsl.dialects import comb, hw
from xdsl.dialects.builtin import IntegerAttr, IntegerType
from xdsl.ir import SSAValue

from snnir.hardware.language import netlist
from snnir.hardware.language.folding import fold_binary, fold_compare, signed

if TYPE_CHECKING:
    from snnir.hardware.language.builder import Module


_COMMUTATIVE = {comb.AddOp, comb.MulOp, comb.AndOp, comb.OrOp, comb.XorOp}


class Signal:
    """A value of a fixed width; operators take signals of the same width, or integers.

    `s[i]` is bit i (negative counts from the top), `s[lo:hi]` the bits lo to hi-1, as Python
    slices go; `s.bits(lo, width)` says the same with a width.
    """

    __slots__ = ("module", "value")

    def __init__(self, module: Module, value: SSAValue):
        self.module, self.value = module, value

    @property
    def width(self) -> int:
        return netlist.width_of(self.value)

    @property
    def constant(self) -> int | None:
        """The value of a constant as an unsigned integer, None for what is not constant."""
        owner = self.value.owner
        if isinstance(owner, hw.ConstantOp):
            return owner.value.value.data & ((1 << self.width) - 1)
        return None

    def __repr__(self) -> str:
        name = self.value.name_hint or getattr(self.value.owner, "name", "signal")
        return f"'{name}' (i{self.width})"

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError(f"{self} has no value while hardware is built; use mux, & and |")

    # Arithmetic and logic

    def _binary(self, kind: type, other: Signal | int, mirrored: bool = False) -> Signal:
        left, right = self, as_signal(self.module, other, self.width)
        if mirrored:
            left, right = right, left
        if left.width != right.width:
            raise ValueError(
                f"{self.module.name}: {kind.name} of {left} and {right}: widths differ; "
                "extend one with .zext(w) or .sext(w)"
            )
        if kind in _COMMUTATIVE and left.constant is not None:
            left, right = right, left
        folded = fold_binary(kind, left, right)
        if folded is not None:
            return folded
        operands = (left.value, right.value)
        key = (kind, frozenset(operands)) if kind in _COMMUTATIVE else (kind, *operands)
        build = (lambda: kind(operands)) if kind in _COMMUTATIVE else (lambda: kind(*operands))
        return self.module.pure(key, build)

    def __add__(self, other: Signal | int) -> Signal:
        return self._binary(comb.AddOp, other)

    def __sub__(self, other: Signal | int) -> Signal:
        return self._binary(comb.SubOp, other)

    def __mul__(self, other: Signal | int) -> Signal:
        return self._binary(comb.MulOp, other)

    def __and__(self, other: Signal | int) -> Signal:
        return self._binary(comb.AndOp, other)

    def __or__(self, other: Signal | int) -> Signal:
        return self._binary(comb.OrOp, other)

    def __xor__(self, other: Signal | int) -> Signal:
        return self._binary(comb.XorOp, other)

    def __rsub__(self, other: int) -> Signal:
        return self._binary(comb.SubOp, other, mirrored=True)

    __radd__, __rmul__, __rand__, __ror__, __rxor__ = (
        __add__, __mul__, __and__, __or__, __xor__,
    )  # fmt: skip

    def __invert__(self) -> Signal:
        return self ^ -1 if self.width > 1 else self ^ 1

    def __neg__(self) -> Signal:
        return 0 - self

    # Comparisons, one bit wide

    def _compare(self, predicate: str, other: Signal | int) -> Signal:
        other = as_signal(self.module, other, self.width)
        if self.width != other.width:
            raise ValueError(
                f"{self.module.name}: {predicate} of {self} and {other}: widths differ; "
                "extend one with .zext(w) or .sext(w)"
            )
        folded = fold_compare(predicate, self, other)
        if folded is not None:
            return self.module.const(int(folded), 1)
        if self.width == 1 and predicate in ("eq", "ne") and other.constant is not None:
            return self if (predicate == "eq") == (other.constant == 1) else ~self
        operands = (self.value, other.value)
        return self.module.pure(
            ("icmp", predicate, *operands), lambda: comb.ICmpOp(*operands, predicate)
        )

    def eq(self, other: Signal | int) -> Signal:
        return self._compare("eq", other)

    def ne(self, other: Signal | int) -> Signal:
        return self._compare("ne", other)

    def ult(self, other: Signal | int) -> Signal:
        return self._compare("ult", other)

    def ule(self, other: Signal | int) -> Signal:
        return self._compare("ule", other)

    def ugt(self, other: Signal | int) -> Signal:
        return self._compare("ugt", other)

    def uge(self, other: Signal | int) -> Signal:
        return self._compare("uge", other)

    def slt(self, other: Signal | int) -> Signal:
        return self._compare("slt", other)

    def sle(self, other: Signal | int) -> Signal:
        return self._compare("sle", other)

    def sgt(self, other: Signal | int) -> Signal:
        return self._compare("sgt", other)

    def sge(self, other: Signal | int) -> Signal:
        return self._compare("sge", other)

    __eq__, __ne__ = eq, ne  # type: ignore[assignment]

    def any(self) -> Signal:
        """Whether some bit is 1."""
        return self if self.width == 1 else self.ne(0)

    def all(self) -> Signal:
        """Whether every bit is 1."""
        return self if self.width == 1 else self.eq(-1)

    def mux(self, true: Signal | int, false: Signal | int) -> Signal:
        """`true` where this one-bit signal is 1, else `false`."""
        if self.width != 1:
            raise ValueError(f"{self.module.name}: mux condition {self} is not one bit wide")
        width = next((arm.width for arm in (true, false) if isinstance(arm, Signal)), None)
        if width is None:
            raise ValueError(f"{self.module.name}: mux of two plain integers has no width")
        true, false = (as_signal(self.module, arm, width) for arm in (true, false))
        if true.width != false.width:
            raise ValueError(f"{self.module.name}: mux of {true} and {false}: widths differ")
        if self.constant is not None:
            return true if self.constant else false
        if true.value is false.value:
            return true
        if width == 1 and true.constant is not None and false.constant is not None:
            return self if true.constant else ~self
        operands = (self.value, true.value, false.value)
        return self.module.pure(("mux", *operands), lambda: comb.MuxOp(*operands))

    # Bits

    def bits(self, low: int, width: int) -> Signal:
        """`width` bits from bit `low` upwards."""
        if low < 0 or width < 1 or low + width > self.width:
            raise ValueError(f"{self.module.name}: {self} has no bits {low} to {low + width - 1}")
        if width == self.width:
            return self
        if self.constant is not None:
            return self.module.const((self.constant >> low) & ((1 << width) - 1), width)
        owner = self.value.owner
        if isinstance(owner, comb.ExtractOp) and netlist.name_of(self.value) is None:
            return Signal(self.module, owner.input).bits(owner.low_bit.value.data + low, width)
        if isinstance(owner, comb.ConcatOp) and netlist.name_of(self.value) is None:
            base = 0
            for part in reversed(owner.inputs):
                size = netlist.width_of(part)
                if base <= low and low + width <= base + size:
                    return Signal(self.module, part).bits(low - base, width)
                base += size
        value = self.value
        return self.module.pure(
            ("extract", value, low, width),
            lambda: comb.ExtractOp(value, IntegerAttr(low, 32), IntegerType(width)),
        )

    def __getitem__(self, index: int | slice) -> Signal:
        if isinstance(index, slice):
            if index.step is not None:
                raise ValueError(f"{self.module.name}: a slice of {self} cannot have a step")
            low, high = (0 if index.start is None else index.start), index.stop
            high = self.width if high is None else high
            low, high = (end + self.width if end < 0 else end for end in (low, high))
            return self.bits(low, high - low)
        return self.bits(index + self.width if index < 0 else index, 1)

    def __iter__(self):
        return (self[i] for i in range(self.width))

    def __len__(self) -> int:
        return self.width

    @property
    def msb(self) -> Signal:
        return self[-1]

    def trunc(self, width: int) -> Signal:
        """The low `width` bits."""
        return self.bits(0, width)

    def zext(self, width: int) -> Signal:
        """Extended with zeros to `width` bits."""
        extra = self._extra(width)
        return cat(self.module.const(0, extra), self) if extra else self

    def sext(self, width: int) -> Signal:
        """Extended with the sign bit to `width` bits."""
        extra = self._extra(width)
        if not extra:
            return self
        if self.constant is not None:
            return self.module.const(signed(self.constant, self.width), width)
        return cat(rep(self.msb, extra), self)

    def _extra(self, width: int) -> int:
        if width < self.width:
            raise ValueError(f"{self.module.name}: {self} is wider than {width} bits; use .trunc")
        return width - self.width

    # Shifts keep the width

    def shl(self, amount: Signal | int) -> Signal:
        return self._shift(comb.ShlOp, amount)

    def shr(self, amount: Signal | int) -> Signal:
        """Logical shift right."""
        return self._shift(comb.ShrUOp, amount)

    def sra(self, amount: Signal | int) -> Signal:
        """Arithmetic shift right."""
        return self._shift(comb.ShrSOp, amount)

    def _shift(self, kind: type, amount: Signal | int) -> Signal:
        width = self.width
        if isinstance(amount, Signal) and amount.constant is None:
            if amount.width > width:
                raise ValueError(
                    f"{self.module.name}: shift of {self} by the wider {amount}; use .trunc"
                )
            operands = (self.value, amount.zext(width).value)
            return self.module.pure((kind, *operands), lambda: kind(*operands))
        count = amount.constant if isinstance(amount, Signal) else amount
        if count < 0:
            raise ValueError(f"{self.module.name}: shift of {self} by {count}")
        zero = self.module.const(0, width)
        if count == 0:
            return self
        if kind is comb.ShlOp:
            kept = self.bits(0, width - count) if count < width else None
            return cat(kept, zero.bits(0, count)) if kept is not None else zero
        if kind is comb.ShrUOp:
            return self.bits(count, width - count).zext(width) if count < width else zero
        return self.bits(min(count, width - 1), max(width - count, 1)).sext(width)


def as_signal(module: Module, value: Signal | int, width: int) -> Signal:
    """Integers become constants of the given width; signals must belong to the module."""
    if isinstance(value, Signal):
        if value.module is not module:
            raise ValueError(f"{value} of {value.module.name!r} is used in {module.name!r}")
        return value
    if isinstance(value, int):
        return module.const(int(value), width)
    raise TypeError(f"{module.name}: a signal or an integer is needed, not {value!r}")


def mux(condition: Signal, true: Signal | int, false: Signal | int) -> Signal:
    """`true` where the one-bit condition is 1, else `false`."""
    if not isinstance(condition, Signal):
        raise TypeError(f"a mux condition must be a signal, not {condition!r}")
    return condition.mux(true, false)


def cat(*parts: Signal) -> Signal:
    """Concatenation, most significant first, as in Verilog."""
    pieces: list[Signal] = []
    for part in parts:
        # Neighbouring constants join, so that a padded word prints as one literal.
        if pieces and part.constant is not None and pieces[-1].constant is not None:
            high = pieces.pop()
            value = (high.constant << part.width) | part.constant
            part = part.module.const(value, high.width + part.width)
        pieces.append(part)
    if len(pieces) == 1:
        return pieces[0]
    values = [piece.value for piece in pieces]
    return parts[0].module.pure(
        ("cat", *values),
        lambda: comb.ConcatOp(values, IntegerType(sum(piece.width for piece in pieces))),
    )


def rep(part: Signal, count: int) -> Signal:
    """`count` copies of a signal side by side."""
    if count < 1:
        raise ValueError(f"{part.module.name}: {count} copies of {part}")
    if count == 1:
        return part
    if part.constant is not None:
        return cat(*[part] * count)
    value = part.value
    return part.module.pure(
        ("rep", value, count),
        lambda: comb.ReplicateOp(value, IntegerType(part.width * count)),
    )


def select(index: Signal, choices: Sequence[Signal]) -> Signal:
    """`choices[index]` as a balanced tree of muxes.

    The index has just the bits that it needs; beyond the last choice the result is one of them.
    """
    needed = max(len(choices) - 1, 1).bit_length()
    if not choices or index.width != needed:
        raise ValueError(
            f"{index.module.name}: {len(choices)} choices need an index of {needed} bits, not "
            f"{index}"
        )
    level = list(choices)
    for bit in index:
        level = [
            bit.mux(level[i + 1], level[i]) if i + 1 < len(level) else level[i]
            for i in range(0, len(level), 2)
        ]
    return level[0]

"""The text of hw/comb expressions in Verilog-2001, one table entry per op."""

from collections.abc import Callable

from xdsl.dialects import comb, hw
from xdsl.ir import BlockArgument, Operation, SSAValue

from snnir.dialects.location import place
from snnir.errors import UserError
from snnir.hardware.language import netlist
from snnir.hardware.language.netlist import NAME_ATTR, width_of
from snnir.passes.legalise_verilog import is_complement

# How tightly an expression holds together; a looser one inside a tighter one gets parentheses.
ATOM, UNARY, BINARY, CHOICE = range(4)
Expression = tuple[str, int]

_INFIX = {
    comb.AddOp: "+",
    comb.SubOp: "-",
    comb.MulOp: "*",
    comb.DivUOp: "/",
    comb.ModUOp: "%",
    comb.AndOp: "&",
    comb.OrOp: "|",
    comb.XorOp: "^",
}
_ASSOCIATIVE = (comb.AddOp, comb.MulOp, comb.AndOp, comb.OrOp, comb.XorOp)
_SIGNED = {comb.DivSOp: "/", comb.ModSOp: "%"}
_SHIFT = {comb.ShlOp: "<<", comb.ShrUOp: ">>", comb.ShrSOp: ">>>"}
_COMPARE = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")  # by icmp predicate
_FIRST_SIGNED, _FIRST_UNSIGNED = 2, 6


def _literal(value: int, width: int) -> str:
    value &= (1 << width) - 1
    return f"{width}'d{value}" if value < 1000 else f"{width}'h{value:x}"


def bit_range(width: int) -> str:
    return f"[{width - 1}:0]" if width > 1 else ""


class Expressions:
    """The text of a value: the name of a net, or the expression that the table makes of it."""

    def __call__(self, value: SSAValue) -> Expression:
        if isinstance(value, BlockArgument) or NAME_ATTR in value.owner.attributes:
            return netlist.name_of(value), ATOM
        if isinstance(value.owner, hw.InstanceOp):
            return netlist.name_of(value), ATOM
        return self.of(value.owner)

    def of(self, op: Operation) -> Expression:
        """The right-hand side of an op, whether or not it has a net."""
        formatter = _TABLE.get(type(op))
        if formatter is None:
            raise UserError(
                f"Verilog has no form for {op.name}",
                where=place(op),
                hint="lower it to comb ops on integers first",
            )
        return formatter(self, op)

    def held(self, value: SSAValue, level: int) -> str:
        """The text, in parentheses where it is as loose as `level` or looser."""
        text, own = self(value)
        return f"({text})" if own >= level else text

    def infix(self, op: Operation) -> Expression:
        if len(op.operands) == 1:
            return self(op.operands[0])
        if is_complement(op):
            return f"~{self.held(op.operands[0], BINARY)}", UNARY
        parts = []
        for operand in op.operands:
            text, level = self(operand)
            same = type(operand.owner) is type(op) and isinstance(op, _ASSOCIATIVE)
            parts.append(f"({text})" if level >= BINARY and not same else text)
        return f" {_INFIX[type(op)]} ".join(parts), BINARY

    # $unsigned cuts the context off, which would otherwise decide the signedness of what is in it.

    def signed(self, op: Operation) -> Expression:
        left, right = (self.as_signed(side) for side in op.operands)
        return f"$unsigned({left} {_SIGNED[type(op)]} {right})", ATOM

    def shift(self, op: Operation) -> Expression:
        value, amount = op.operands
        by = self.held(amount, BINARY)
        if isinstance(amount.owner, hw.ConstantOp):
            # Verilator takes no literal beyond 32 bits here; beyond the width all are equal.
            width = width_of(value)
            by = str(min(amount.owner.value.value.data & ((1 << width) - 1), width))
        if isinstance(op, comb.ShrSOp):
            return f"$unsigned({self.as_signed(value)} >>> {by})", ATOM
        return f"{self.held(value, BINARY)} {_SHIFT[type(op)]} {by}", BINARY

    def compare(self, op: comb.ICmpOp) -> Expression:
        predicate = op.predicate.value.data
        if _FIRST_SIGNED <= predicate < _FIRST_UNSIGNED:
            left, right = (self.as_signed(side) for side in op.operands)
        else:
            left, right = (self.held(side, BINARY) for side in op.operands)
        return f"{left} {_COMPARE[predicate]} {right}", BINARY

    def as_signed(self, value: SSAValue) -> str:
        """The text of a value read as a signed number; a constant as the number that it is."""
        width = width_of(value)
        if not isinstance(value.owner, hw.ConstantOp) or NAME_ATTR in value.owner.attributes:
            return f"$signed({self(value)[0]})"
        number = value.owner.value.value.data & ((1 << width) - 1)
        if number < 1 << (width - 1):
            return f"{width}'sd{number}"
        magnitude = (1 << width) - number
        # The lowest number has no positive counterpart of the same width.
        least = magnitude == 1 << (width - 1)
        return f"$signed({width}'d{number})" if least else f"-{width}'sd{magnitude}"

    def constant(self, op: hw.ConstantOp) -> Expression:
        return _literal(op.value.value.data, width_of(op.result)), ATOM

    def parity(self, op: comb.ParityOp) -> Expression:
        return f"^{self.held(op.input, UNARY)}", UNARY

    def extract(self, op: comb.ExtractOp) -> Expression:
        name, low, width = self(op.input)[0], op.low_bit.value.data, width_of(op.result)
        if width == width_of(op.input):
            return name, ATOM
        return f"{name}[{low}]" if width == 1 else f"{name}[{low + width - 1}:{low}]", ATOM

    def concat(self, op: comb.ConcatOp) -> Expression:
        if len(op.inputs) == 1:
            return self(op.inputs[0])
        parts = (self(part)[0] for part in self.flattened(op))
        return "{" + ", ".join(parts) + "}", ATOM

    def flattened(self, op: comb.ConcatOp) -> list[SSAValue]:
        """The parts of a concatenation and of the nameless ones inside it."""
        parts: list[SSAValue] = []
        for part in op.inputs:
            inner = part.owner
            if isinstance(inner, comb.ConcatOp) and NAME_ATTR not in inner.attributes:
                parts += self.flattened(inner)
            else:
                parts.append(part)
        return parts

    def replicate(self, op: comb.ReplicateOp) -> Expression:
        count = width_of(op.result) // width_of(op.input)
        return f"{{{count}{{{self(op.input)[0]}}}}}", ATOM

    def mux(self, op: comb.MuxOp) -> Expression:
        condition, true = self.held(op.cond, BINARY), self.held(op.true_value, CHOICE)
        return f"{condition} ? {true} : {self(op.false_value)[0]}", CHOICE


_TABLE: dict[type[Operation], Callable[[Expressions, Operation], Expression]] = {
    **dict.fromkeys(_INFIX, Expressions.infix),
    **dict.fromkeys(_SIGNED, Expressions.signed),
    **dict.fromkeys(_SHIFT, Expressions.shift),
    comb.ICmpOp: Expressions.compare,
    comb.ParityOp: Expressions.parity,
    comb.ExtractOp: Expressions.extract,
    comb.ConcatOp: Expressions.concat,
    comb.ReplicateOp: Expressions.replicate,
    comb.MuxOp: Expressions.mux,
    hw.ConstantOp: Expressions.constant,
}

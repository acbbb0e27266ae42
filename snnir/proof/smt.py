"""What ops mean to the solver: neurons on words that nothing leaves, comb as Verilog has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from xdsl.dialects import arith, comb
from xdsl.ir import Operation

from snnir.dialects.snn import LookupOp
from snnir.errors import UserError
from snnir.hardware.language.netlist import width_of
from snnir.proof.circuit import Net

Word = Any
"""A bit vector of the solver; a truth is one of a bit."""

PROVED, REFUTED, UNKNOWN = "proved", "refuted", "unknown"


def z3() -> ModuleType:
    """The solver.

    Raises:
        UserError: it is not installed.
    """
    try:
        import z3
    except ImportError:
        raise UserError(
            "a proof needs the solver Z3", hint="pip install 'snnir[prove]', or z3-solver alone"
        ) from None
    return z3


def bit(truth: Any) -> Word:
    solver = z3()
    return solver.If(truth, solver.BitVecVal(1, 1), solver.BitVecVal(0, 1))


def is_true(word: Word) -> Any:
    return word == 1


# The regions of a neuron ------------------------------------------------------------------------


def _greater(a: Word, b: Word) -> Word:
    return z3().If(a < b, b, a)


def _smaller(a: Word, b: Word) -> Word:
    return z3().If(a < b, a, b)


_REGION: dict[type[Operation], Callable[[Word, Word], Word]] = {
    arith.AddiOp: lambda a, b: a + b,
    arith.SubiOp: lambda a, b: a - b,
    arith.MuliOp: lambda a, b: a * b,
    arith.ShLIOp: lambda a, b: a << b,
    arith.ShRSIOp: lambda a, b: a >> b,
    arith.ShRUIOp: lambda a, b: z3().LShR(a, b),
    arith.MaxSIOp: _greater,
    arith.MinSIOp: _smaller,
    arith.AndIOp: lambda a, b: a & b,
    arith.OrIOp: lambda a, b: a | b,
    arith.XOrIOp: lambda a, b: a ^ b,
}
"""Of each op where its integers fit the words: then these are exact. Another op joins by a line
here and one in the integers of `ranges.py`."""

COMPARISONS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a == b,
    lambda a, b: a != b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
)
"""By predicate number of arith.cmpi, of words with a sign and of integers."""


def region_op(op: Operation, operands: Sequence[Word], width: int) -> Word:
    """One op of a neuron's region on words of `width` bits."""
    if isinstance(op, arith.CmpiOp):
        return bit(comparison(op)(*operands))
    if isinstance(op, arith.SelectOp):
        return z3().If(is_true(operands[0]), *operands[1:])
    if isinstance(op, arith.ExtUIOp):
        return z3().ZeroExt(width - operands[0].size(), operands[0])
    if isinstance(op, LookupOp):
        return lookup(op, operands[0], lambda entry: z3().BitVecVal(entry, width))
    function = _REGION.get(type(op))
    if function is None:
        raise UserError(f"no meaning of {op.name} is known in a proof")
    return function(*operands)


def comparison(op: arith.CmpiOp) -> Callable[[Any, Any], Any]:
    predicate = op.predicate.value.data
    if predicate >= len(COMPARISONS):
        raise UserError("a neuron compares as signed integers", hint="use slt, sge, ...")
    return COMPARISONS[predicate]


def lookup(op: LookupOp, index: Any, constant: Callable[[int], Any]) -> Any:
    """The entry that an index chooses, the first below all and the last above."""
    result = constant(op.entries[-1])
    for place in reversed(range(len(op.entries) - 1)):
        result = z3().If(index <= place, constant(op.entries[place]), result)
    return result


# hw and comb ------------------------------------------------------------------------------------


def _folded(function: Callable[[Word, Word], Word]) -> Callable[..., Word]:
    def apply(first: Word, *others: Word) -> Word:
        for other in others:
            first = function(first, other)
        return first

    return apply


def _parity(word: Word) -> Word:
    bits = [z3().Extract(i, i, word) for i in range(word.size())]
    return _folded(lambda a, b: a ^ b)(*bits)


_COMB: dict[type[Operation], Callable[..., Word]] = {
    comb.AddOp: _folded(lambda a, b: a + b),
    comb.MulOp: _folded(lambda a, b: a * b),
    comb.AndOp: _folded(lambda a, b: a & b),
    comb.OrOp: _folded(lambda a, b: a | b),
    comb.XorOp: _folded(lambda a, b: a ^ b),
    comb.SubOp: lambda a, b: a - b,
    # Shifts by the width or more leave nothing, or the sign, in Verilog as in SMT-LIB.
    comb.ShlOp: lambda a, b: a << b,
    comb.ShrUOp: lambda a, b: z3().LShR(a, b),
    comb.ShrSOp: lambda a, b: a >> b,
    comb.ParityOp: _parity,
    comb.MuxOp: lambda c, a, b: z3().If(is_true(c), a, b),
}
"""What Verilog makes of each op; division, which may be by 0, is none of them."""

_UNSIGNED = {6: "ULT", 7: "ULE", 8: "UGT", 9: "UGE"}


def comb_op(op: Operation, operands: Sequence[Word]) -> Word:
    """One combinational op."""
    if isinstance(op, comb.ICmpOp):
        predicate = op.predicate.value.data
        if predicate in _UNSIGNED:
            return bit(getattr(z3(), _UNSIGNED[predicate])(*operands))
        if predicate < len(COMPARISONS):
            return bit(COMPARISONS[predicate](*operands))
    function = _COMB.get(type(op))
    if function is None:
        raise UserError(f"no meaning of {op.name} is known in a proof")
    return function(*operands)


def net_word(net: Net, operands: Sequence[Word]) -> Word:
    """The word of a net that is no input."""
    if net.kind == "constant":
        return z3().BitVecVal(net.data, net.width)
    if net.kind == "extract":
        return z3().Extract(net.data + net.width - 1, net.data, operands[0])
    if net.kind == "concat":
        return z3().Concat(*operands)
    word = comb_op(net.op, operands)
    assert word.size() == net.width == width_of(net.op.results[0])
    return word


def resized(word: Word, width: int) -> Word:
    """A word with a sign in another width."""
    have = word.size()
    if have > width:
        return z3().Extract(width - 1, 0, word)
    return z3().SignExt(width - have, word) if have < width else word


# Questions --------------------------------------------------------------------------------------


def decide(goal: Any, premises: Sequence[Any], seconds: float) -> tuple[str, Any]:
    """Whether the premises imply the goal; with a model in which they do not."""
    solver = z3().SolverFor("QF_BV") if _is_of_words(goal) else z3().Solver()
    solver.set("timeout", max(1, int(seconds * 1000)))
    solver.add(*premises, z3().Not(goal))
    answer = solver.check()
    if answer == z3().unsat:
        return PROVED, None
    if answer == z3().sat:
        return REFUTED, solver.model()
    return UNKNOWN, None


def _is_of_words(goal: Any) -> bool:
    """Whether a goal compares bit vectors; others are of integers."""
    return goal.num_args() > 0 and z3().is_bv(goal.arg(0))

"""Designs with one op that is wrong, for the tests of proofs."""

import itertools

from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import IntegerAttr

from snnir.hardware.language.netlist import width_of

OTHER = {"eq": "ne", "ne": "eq", "slt": "sle", "sle": "slt", "sgt": "sge", "sge": "sgt"}
PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")


def mutated(op):
    """An op that is wrong in one way, or None."""
    match op:
        case comb.AddOp():
            return comb.SubOp(*op.inputs)
        case comb.SubOp():
            return comb.AddOp(list(op.operands))
        case comb.AndOp():
            return comb.OrOp(list(op.inputs))
        case comb.OrOp() | comb.XorOp():
            return comb.AndOp(list(op.inputs))
        case comb.ICmpOp():
            name = PREDICATES[op.predicate.value.data]
            return comb.ICmpOp(op.lhs, op.rhs, OTHER.get(name, "eq"))
        case comb.MuxOp():
            return comb.MuxOp(op.cond, op.false_value, op.true_value)
        case comb.ExtractOp() if op.low_bit.value.data:
            low = IntegerAttr(op.low_bit.value.data - 1, 32)
            return comb.ExtractOp(op.input, low, op.result.type)
        case comb.ConcatOp() if len(op.inputs) == 2 and op.inputs[0].type == op.inputs[1].type:
            return comb.ConcatOp([op.inputs[1], op.inputs[0]], op.result.type)
        case hw.ConstantOp():
            width = width_of(op.result)
            value = (op.value.value.data + 1) % (1 << width)
            return hw.ConstantOp(value, width, truncate_bits=True)
    return None


def mutant_of(broken, number):
    """A unit of which one op is wrong, by its number in a walk."""
    op = next(itertools.islice(broken.design.walk(), number, None))
    if isinstance(op, seq.CompRegOp):
        op.data.replace_all_uses_with(op.input)
        op.detach()
        op.erase()
        return broken
    new = mutated(op)
    op.parent.insert_op_before(new, op)
    op.results[0].replace_all_uses_with(new.results[0])
    op.detach()
    op.erase()
    return broken

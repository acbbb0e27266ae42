"""Rewrites on comb/hw and on the integers of neurons, proved for all inputs at small widths."""

import itertools
import random

import pytest
from xdsl.context import Context
from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    i64,
)
from xdsl.ir import Block, Region

from snnir.hardware.language.builder import Module, Signal, cat, design, mux, rep, select
from snnir.hardware.language.netlist import set_name, width_of
from snnir.neurons.nodes import COMPARE, Graph
from snnir.passes.legalise_verilog import LegaliseVerilogPass

pytest.importorskip("z3", reason="z3-solver is not installed")

import z3

from snnir.proof.circuit import Circuit
from snnir.proof.equal import find_difference, words
from snnir.proof.smt import PROVED, decide, region_op

WIDTHS = range(1, 7)
VARIADIC = (comb.AddOp, comb.MulOp, comb.AndOp, comb.OrOp, comb.XorOp)
BINARY = (*VARIADIC, comb.SubOp)
PREDICATES = ("eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge")
OPERATORS = {comb.AddOp: "+", comb.MulOp: "*", comb.AndOp: "&", comb.OrOp: "|", comb.XorOp: "^",
             comb.SubOp: "-"}  # fmt: skip


class Pairs:
    """What the builder makes of an expression, beside the plain op."""

    def __init__(self, width: int):
        self.m = Module("pairs")
        self.width = width
        self.a, self.b = self.m.input("a", width), self.m.input("b", width)
        self.c = self.m.input("c", 1)
        self.count = 0

    def constant(self, value: int, width: int | None = None) -> Signal:
        return self.m.const(value, width or self.width)

    def plain(self, op) -> Signal:
        """An op as it is: nothing folds."""
        self.count += 1
        return self.m.pure(("plain", self.count), lambda: op)

    def binary(self, kind, a: Signal, b: Signal) -> Signal:
        operands = (a.value, b.value)
        return self.plain(kind(list(operands)) if kind in VARIADIC else kind(*operands))

    def extract(self, a: Signal, low: int, width: int) -> Signal:
        return self.plain(comb.ExtractOp(a.value, IntegerAttr(low, 32), IntegerType(width)))

    def concat(self, *parts: Signal) -> Signal:
        whole = IntegerType(sum(part.width for part in parts))
        return self.plain(comb.ConcatOp([part.value for part in parts], whole))

    def mux(self, c: Signal, a: Signal, b: Signal) -> Signal:
        return self.plain(comb.MuxOp(c.value, a.value, b.value))

    def check(self, pairs: list[tuple[Signal, Signal]]) -> None:
        """That both of each pair are equal for all inputs."""
        assert pairs
        for number, (built, plain) in enumerate(pairs):
            assert built.width == plain.width
            self.m.output(f"built{number}", built)
            self.m.output(f"plain{number}", plain)
        circuit = Circuit(design(self.m), depth=0)
        known = words(circuit.outputs.values())
        for number in range(len(pairs)):
            built, plain = (
                known[circuit.outputs[f"{side}{number}"]] for side in ("built", "plain")
            )
            assert decide(built == plain, [], 20)[0] == PROVED, number

    def constants(self) -> list[int]:
        """All values of small words; of others those at which something folds, and some more."""
        if self.width <= 3:
            return list(range(1 << self.width))
        top = 1 << (self.width - 1)
        return [0, 1, 2, 5, top - 1, top, top + 1, 2 * top - 1]


def binary(p: Pairs):
    """x op constant, constant op x, x op x, constant op constant, and twice the complement."""
    for kind in BINARY:
        of = lambda a, b, kind=kind: a._binary(kind, b)  # noqa: E731
        for value in p.constants():
            k = p.constant(value)
            yield of(p.a, k), p.binary(kind, p.a, k)
            yield of(k, p.a), p.binary(kind, k, p.a)
            other = p.constant(p.constants()[-1])
            yield of(k, other), p.binary(kind, k, other)
        yield of(p.a, p.a), p.binary(kind, p.a, p.a)
        yield of(p.a, p.b), p.binary(kind, p.a, p.b)
    yield ~~p.a, p.a
    yield -p.a, p.binary(comb.SubOp, p.constant(0), p.a)


def comparisons(p: Pairs):
    """Against constants, the ends of the range among them, and against itself."""
    for name in PREDICATES:
        plain = lambda a, b, name=name: p.plain(comb.ICmpOp(a.value, b.value, name))  # noqa: E731
        for value in p.constants():
            k = p.constant(value)
            yield getattr(p.a, name)(k), plain(p.a, k)
            yield getattr(k, name)(p.a), plain(k, p.a)
            yield getattr(k, name)(p.constant(1)), plain(k, p.constant(1))
        yield getattr(p.a, name)(p.a), plain(p.a, p.a)
        yield getattr(p.a, name)(p.b), plain(p.a, p.b)
    yield p.a.any(), p.plain(comb.ICmpOp(p.a.value, p.constant(0).value, "ne"))
    yield p.a.all(), p.plain(comb.ICmpOp(p.a.value, p.constant(-1).value, "eq"))


def choices(p: Pairs):
    """A constant condition, equal arms, and arms that are 0 and 1; trees of choices."""
    for condition in (p.constant(0, 1), p.constant(1, 1), p.c):
        yield mux(condition, p.a, p.b), p.mux(condition, p.a, p.b)
        yield mux(condition, p.a, p.a), p.mux(condition, p.a, p.a)
        for one, other in itertools.product((0, 1), repeat=2):
            arms = p.constant(one, 1), p.constant(other, 1)
            yield mux(condition, *arms), p.mux(condition, *arms)
    for count in range(1, 1 << min(p.width, 3)):
        bits = max(count, 1).bit_length()
        values = [p.a, p.b, ~p.a, p.a + 1, p.b - p.a, p.a & p.b, p.a, p.b][: count + 1]
        index = p.a.trunc(bits)
        chosen = values[-1]
        for place in reversed(range(count)):
            met = p.plain(comb.ICmpOp(index.value, p.constant(place, bits).value, "eq"))
            chosen = p.mux(met, values[place], chosen)
        # Beyond the last choice the tree gives some other one.
        last = p.plain(comb.ICmpOp(index.value, p.constant(count, bits).value, "ule"))
        yield mux(last, select(index, values), p.a), p.mux(last, chosen, p.a)


def parts(p: Pairs):
    """Bits of bits, of concatenations and of constants; concatenations of constants."""
    whole = cat(p.a, p.b, p.constant(1))
    plain = p.concat(p.a, p.b, p.constant(1))
    inner = p.extract(plain, 1, 3 * p.width - 1)
    for low in range(3 * p.width):
        for width in range(1, 3 * p.width - low + 1):
            yield whole.bits(low, width), p.extract(plain, low, width)
            if low and low + width <= 3 * p.width:
                yield (
                    whole.bits(1, 3 * p.width - 1).bits(low - 1, width),
                    p.extract(inner, low - 1, width),
                )
    for value in p.constants():
        k = p.constant(value)
        yield cat(k, p.constant(1), p.a), p.concat(k, p.constant(1), p.a)
        yield rep(k, 3), p.concat(k, k, k)
        for extra in range(4):
            zeros = [p.constant(0, 1)] * extra
            signs = [p.extract(k, p.width - 1, 1)] * extra
            yield k.zext(p.width + extra), p.concat(*zeros, k)
            yield k.sext(p.width + extra), p.concat(*signs, k)
    for extra in range(4):
        yield p.a.zext(p.width + extra), p.concat(*[p.constant(0, 1)] * extra, p.a)
        signs = [p.extract(p.a, p.width - 1, 1)] * extra
        yield p.a.sext(p.width + extra), p.concat(*signs, p.a)


def shifts(p: Pairs):
    """By constants, also beyond the width, which become wires; and by another word."""
    for name, kind in (("shl", comb.ShlOp), ("shr", comb.ShrUOp), ("sra", comb.ShrSOp)):
        for amount in range(1 << p.width):
            k = p.constant(amount)
            yield getattr(p.a, name)(amount), p.binary(kind, p.a, k)
            yield getattr(p.a, name)(k), p.binary(kind, p.a, k)
        yield getattr(p.a, name)(p.b), p.binary(kind, p.a, p.b)
        yield (
            getattr(p.a, name)(p.b.trunc(1)),
            p.binary(
                kind, p.a, p.concat(*[p.constant(0, 1)] * (p.width - 1), p.extract(p.b, 0, 1))
            ),
        )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("pattern", [binary, comparisons, choices, parts, shifts])
def test_what_the_builder_folds(pattern, width):
    p = Pairs(width)
    p.check(list(pattern(p)))


def test_a_wrong_fold_is_found():
    p = Pairs(4)
    with pytest.raises(AssertionError):
        p.check([(p.a, p.binary(comb.AndOp, p.a, p.constant(7)))])


# legalise-verilog ---------------------------------------------------------------------------------


def random_design(seed: int) -> ModuleOp:
    """Ops of all kinds in any order, unused ones and ones that are used in parts, and registers."""
    rng = random.Random(seed)
    block = Block(arg_types=[seq.clock, *map(IntegerType, (1, 3, 4, 6))])
    pool = list(block.args[1:])

    def add(op):
        block.add_op(op)
        if rng.randrange(3) == 0:
            set_name(op.results[0], rng.choice(("sum", "wire", "y0", "x", "reg", "t_1")))
        pool.append(op.results[0])
        return op.results[0]

    def word(width):
        value = rng.choice(pool)
        have = width_of(value)
        if have > width:
            low = IntegerAttr(rng.randrange(have - width + 1), 32)
            return add(comb.ExtractOp(value, low, IntegerType(width)))
        if have < width:
            zeros = add(hw.ConstantOp(rng.getrandbits(width - have), width - have))
            return add(comb.ConcatOp([zeros, value], IntegerType(width)))
        return value

    for _ in range(30):
        width = rng.choice((1, 2, 4, 6))
        kind = rng.choice((*BINARY, comb.ShlOp, comb.ShrUOp, comb.ShrSOp, comb.ICmpOp, comb.MuxOp,
                           comb.ReplicateOp, comb.XorOp, seq.CompRegOp))  # fmt: skip
        if kind in VARIADIC:
            ones = add(hw.ConstantOp((1 << width) - 1, width, truncate_bits=True))
            add(kind([word(width), ones if rng.randrange(3) == 0 else word(width)]))
        elif kind is comb.ICmpOp:
            add(comb.ICmpOp(word(width), word(width), rng.choice(PREDICATES)))
        elif kind is comb.MuxOp:
            add(comb.MuxOp(word(1), word(width), word(width)))
        elif kind is comb.ReplicateOp:
            add(comb.ReplicateOp(word(width), IntegerType(2 * width)))
        elif kind is seq.CompRegOp:
            add(seq.CompRegOp(word(width), block.args[0]))
        else:
            add(kind(word(width), word(width)))
    drivers = [rng.choice(pool[-12:]) for _ in range(4)]
    block.add_op(hw.OutputOp(drivers))
    given = ("clk", "a", "b", "c", "d")
    ports = [
        (name, value.type, hw.Direction.INPUT)
        for name, value in zip(given, block.args, strict=True)
    ]
    ports += [(f"y{i}", value.type, hw.Direction.OUTPUT) for i, value in enumerate(drivers)]
    described = [hw.ModulePort(StringAttr(n), t, hw.DirectionAttr(d)) for n, t, d in ports]
    # A graph: uses may come before what they use.
    ops = [op for op in block.ops if op is not block.last_op]
    for op in rng.sample(ops, len(ops) // 2):
        op.detach()
        block.insert_op_before(op, block.first_op)
    module_type = hw.ModuleType(ArrayAttr(described))
    return ModuleOp([hw.HWModuleOp(StringAttr("any"), module_type, Region(block))])


@pytest.mark.parametrize("max_length", [8, 80])
@pytest.mark.parametrize("seed", range(8))
def test_what_legalise_verilog_rewrites(seed, max_length):
    """Ops are ordered, dead ones removed, expressions split and nets named: nothing changes."""
    before = random_design(seed)
    after = before.clone()
    LegaliseVerilogPass(max_length).apply(Context(), after)
    # A register beyond the depth would be another one behind what is removed.
    assert find_difference(before, after, depth=40) is None


def test_a_wrong_rewrite_is_found():
    before = random_design(1)
    after = before.clone()
    output = next(op for op in after.walk() if isinstance(op, hw.OutputOp))
    value = output.operands[0]
    ones = hw.ConstantOp(1, width_of(value))
    other = comb.XorOp([value, ones.result])
    output.parent.insert_ops_before([ones, other], output)
    output.operands[0] = other.result
    found = find_difference(before, after, depth=40)
    assert found.output == "y0" and found.inputs is not None


# The integers of neurons --------------------------------------------------------------------------

BITS = 16
"""Words in which nothing of what follows wraps: operands have 6 bits."""


def integer_words(nodes, plain):
    """The expressions of a graph's nodes, by the regions' ops that they become."""
    arguments = Block(arg_types=[i64, i64])
    ops, values = plain.emit(nodes, dict(zip("ab", arguments.args, strict=True)))
    known = {arg: z3.BitVec(name, BITS) for name, arg in zip("ab", arguments.args, strict=True)}
    for op in ops:
        result = op.results[0]
        if op.name == "arith.constant":
            width = 1 if result.type == IntegerType(1) else BITS
            known[result] = z3.BitVecVal(op.value.value.data, width)
        else:
            known[result] = region_op(op, [known[operand] for operand in op.operands], BITS)
    return [known[value] for value in values]


def check_nodes(graph: Graph, pairs) -> None:
    premises = [
        z3.And(word >= -32, word < 32) for word in (z3.BitVec("a", BITS), z3.BitVec("b", BITS))
    ]
    for folded, plain in pairs:
        left, right = integer_words([folded, plain], graph)
        assert decide(left == right, premises, 20)[0] == PROVED, (folded, plain)


@pytest.mark.parametrize(
    "operator", ["+", "-", "*", "<<", ">>", "&", "|", "^", "max", "min", *COMPARE]
)
def test_what_the_neuron_language_folds(operator):
    graph = Graph()
    a, b = graph.argument("a"), graph.argument("b")
    shift = operator in ("<<", ">>")
    constants = [graph.number(v) for v in (range(7) if shift else range(-4, 5))]
    pairs = []
    for k in constants:
        pairs.append((graph.binary(operator, a, k), graph._node(operator, (a, k))))
        if not shift:
            pairs.append((graph.binary(operator, k, a), graph._node(operator, (k, a))))
        for other in constants:
            pairs.append((graph.binary(operator, other, k), graph._node(operator, (other, k))))
    if not shift:
        pairs.append((graph.binary(operator, a, b), graph._node(operator, (a, b))))
    check_nodes(graph, pairs)


def test_what_the_neuron_language_makes_of_conditions():
    """Negation turns comparisons; a choice of truths is an expression of `and` and `or`."""
    graph = Graph()
    a, b = graph.argument("a"), graph.argument("b")
    one, other = graph.binary("<", a, b), graph.binary("==", a, graph.number(3))
    yes, no = graph.truth(True), graph.truth(False)
    zero = graph.number(0)
    pairs = []
    for x, y in itertools.product((one, other, yes, no), repeat=2):
        for made, kind in ((graph.both(x, y), "and"), (graph.either(x, y), "or")):
            pairs.append((made, graph._node(kind, (x, y))))
            opposite = graph._node("==", (graph._node("int", (made,)), zero))
            pairs.append((graph.negated(made), opposite))
        for test in (one, other, yes, no):
            chosen = graph._node(
                "choice", (test, graph._node("int", (x,)), graph._node("int", (y,)))
            )
            pairs.append((graph.integer(graph.choice(test, x, y)), chosen))
            numbers = graph._node("choice", (test, a, b))
            pairs.append((graph.choice(test, a, b), numbers))
            pairs.append((graph.choice(test, a, a), a))
    for index in (*map(graph.number, range(-2, 6)), a):
        table = (5, -7, 9)
        pairs.append((graph.lookup(table, index), graph._node("lookup", (index,), table)))
    check_nodes(graph, pairs)

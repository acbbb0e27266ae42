"""The builder: widths, folding, sharing, names, feedback, instances and its error messages."""

import pytest
from xdsl.dialects import comb, hw, seq

from snnir.errors import UserError
from snnir.hardware.language.builder import Module, cat, design, mux, rep, select
from snnir.hardware.language.netlist import name_of
from snnir.interpreters.comb import Simulator


def counter() -> Module:
    m = Module("counter", doc="Counts while enabled.")
    m.clock("clk")
    m.input("rst", 1)
    enable = m.input("en", 1)
    count = m.reg("count", 8, reset=0)
    count.next = mux(enable, count + 1, count)
    m.output("value", count)
    return m


def value_of(make, width: int, **inputs: int) -> int:
    """Build `make(m, a, b)` over two inputs of `width` bits and evaluate it."""
    m = Module("m")
    a, b = m.input("a", width), m.input("b", width)
    m.output("y", make(m, a, b))
    return Simulator(m.build()).evaluate(inputs)["y"]


def ops(m: Module, kind: type) -> list:
    return [op for op in m.build().body.block.ops if isinstance(op, kind)]


def test_counter_counts():
    simulator = Simulator(counter().build())
    values = [simulator.step(rst=0, en=en)["value"] for en in (1, 1, 0, 1)]
    assert values == [0, 1, 2, 2]
    simulator.step(rst=1, en=1)
    assert simulator.step(rst=0)["value"] == 0


def test_counter_verifies_and_keeps_names():
    op = counter().build()
    op.verify()
    (register,) = (o for o in op.body.block.ops if isinstance(o, seq.CompRegOp))
    assert name_of(register.data) == "count"
    assert op.attributes["comment"].data == "Counts while enabled."


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda m, a, b: a + b, 0x3B),
        (lambda m, a, b: a - b, 0x2D),
        (lambda m, a, b: b - a, 0xD3),
        (lambda m, a, b: 1 - b, 0xFA),
        (lambda m, a, b: a * b, 0x6C),
        (lambda m, a, b: a & b, 0x04),
        (lambda m, a, b: a | b, 0x37),
        (lambda m, a, b: a ^ b, 0x33),
        (lambda m, a, b: ~a, 0xCB),
        (lambda m, a, b: -b, 0xF9),
        (lambda m, a, b: a[2], 1),
        (lambda m, a, b: a[-1], 0),
        (lambda m, a, b: a[2:6], 0xD),
        (lambda m, a, b: a[:-4], 0x4),
        (lambda m, a, b: a.bits(4, 2), 3),
        (lambda m, a, b: (a[2:6]).sext(8), 0xFD),
        (lambda m, a, b: (a[2:6]).zext(8), 0x0D),
        (lambda m, a, b: cat(a, b), 0x3407),
        (lambda m, a, b: rep(a[2:6], 3), 0xDDD),
        (lambda m, a, b: a.shl(3), 0xA0),
        (lambda m, a, b: a.shl(8), 0),
        (lambda m, a, b: a.shl(b[:2]), 0xA0),
        (lambda m, a, b: (~a).shr(2), 0x32),
        (lambda m, a, b: (~a).sra(2), 0xF2),
        (lambda m, a, b: (~a).sra(9), 0xFF),
        (lambda m, a, b: (~a).sra(b[:2]), 0xF9),
        (lambda m, a, b: a.ult(~b), 1),
        (lambda m, a, b: a.slt(~b), 0),
        (lambda m, a, b: a == 0x34, 1),
        (lambda m, a, b: a != 0x34, 0),
        (lambda m, a, b: a.any(), 1),
        (lambda m, a, b: a.all(), 0),
        (lambda m, a, b: mux(a[2], b, 0), 7),
        (lambda m, a, b: select(b[:2], [a, b, a + b]), 0x3B),
    ],
)
def test_operators(make, expected):
    assert value_of(make, 8, a=0x34, b=0x07) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda m, a: a & 0,
        lambda m, a: a ^ a,
        lambda m, a: (a & -1) - a,
        lambda m, a: (~~a) ^ a,
        lambda m, a: mux(a[0], a, a) - a,
        lambda m, a: m.const(3, 4).zext(8) - 3,
        lambda m, a: cat(m.const(1, 4), m.const(2, 4)) - 0x12,
        lambda m, a: a.zext(12).trunc(8) - a,
        lambda m, a: a.sext(12)[2:8].zext(8) - a[2:].zext(8),
        lambda m, a: a.ult(0).zext(8),
        lambda m, a: a.sgt(127).zext(8),
        lambda m, a: (~a.uge(0)).zext(8),
        lambda m, a: (a + 1) - (1 + a),
        lambda m, a: (a.eq(3)).eq(1).mux(a, 0) - mux(a == 3, a, 0),
    ],
)
def test_folds_to_zero(make):
    m = Module("m")
    m.output("y", make(m, m.input("a", 8)))
    assert [op.value.value.data for op in ops(m, hw.ConstantOp)] == [0]
    assert len(m.build().body.block.ops) == 2


def test_identical_expressions_are_built_once():
    m = Module("m")
    a, b = m.input("a", 8), m.input("b", 8)
    m.output("x", (a + b) ^ 5)
    m.output("y", (b + a) ^ 5)
    assert len(ops(m, comb.AddOp)) == len(ops(m, comb.XorOp)) == 1


def test_unused_logic_is_dropped():
    m = Module("m")
    m.clock()
    a = m.input("a", 8)
    lost = m.reg("lost", 8)
    lost.next = lost + a
    m.output("y", a)
    assert not ops(m, seq.CompRegOp) and not ops(m, comb.AddOp)


def test_names_survive_twice_and_with_numbers():
    m = Module("m")
    a = m.input("a", 8)
    first, second = m.wire("lane_3", a + 1), m.wire("alias", a + 1)
    m.output("y", first)
    m.output("z", second)
    m.output("w", m.wire("lane_3", a))
    names = {name_of(op.results[0]) for op in m.build().body.block.ops if op.results}
    assert {"lane_3", "alias", "lane_3_2"} <= names


def test_wire_is_used_before_it_is_driven():
    m = Module("m")
    a, ready = m.input("a", 4), m.wire("ready", 1)
    m.output("y", mux(ready, a, 0))
    ready.drive(a.ult(9))
    simulator = Simulator(m.build())
    assert [simulator.evaluate(a=a)["y"] for a in (8, 9)] == [8, 0]


def test_register_with_enable_and_pipe():
    m = Module("m")
    m.clock()
    enable, a = m.input("en", 1), m.input("a", 4)
    m.output("y", m.pipe("held", a, enable=enable))
    simulator = Simulator(m.build())
    assert [simulator.step(en=e, a=a)["y"] for e, a in ((1, 5), (0, 7), (0, 1))] == [0, 5, 5]


def test_instances_and_design():
    child = counter()
    top = Module("top")
    top.clock()
    rst = top.input("rst", 1)
    first = top.instance("u_first", child, rst=rst, en=1)
    second = top.instance("u_second", child, rst=rst, en=first.value[0])
    top.output("y", first["value"] + second.value)
    whole = design(top)
    whole.verify()
    assert [op.sym_name.data for op in whole.body.block.ops] == ["top", "counter"]
    simulator = Simulator(whole.body.block.first_op)
    assert [simulator.step()["y"] for _ in range(5)] == [0, 1, 3, 4, 6]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda m, a, b: a + b, "widths differ; extend one with .zext"),
        (lambda m, a, b: a.slt(b), "widths differ"),
        (lambda m, a, b: mux(a, a, a), "mux condition 'a' .i8. is not one bit wide"),
        (lambda m, a, b: mux(b[0], a, b), "mux of 'a' .i8. and 'b' .i4.: widths differ"),
        (lambda m, a, b: mux(b[0], 1, 2), "no width"),
        (lambda m, a, b: a + 256, "256 does not fit 8 bits"),
        (lambda m, a, b: b - (-9), "-9 does not fit 4 bits"),
        (lambda m, a, b: a.zext(7), "wider than 7 bits"),
        (lambda m, a, b: a[3:9], "has no bits 3 to 8"),
        (lambda m, a, b: a[8], "has no bits 8 to 8"),
        (lambda m, a, b: a.shl(-1), "shift of 'a' .i8. by -1"),
        (lambda m, a, b: b.shl(a), "by the wider 'a'"),
        (lambda m, a, b: select(b, [a, a]), "2 choices need an index of 1 bits"),
        (lambda m, a, b: Module("n").input("c", 8) + a, "is used in 'n'"),
        (lambda m, a, b: m.reg("r", 4), "needs m.clock"),
        (lambda m, a, b: m.input("a", 4), "second port 'a'"),
        (lambda m, a, b: m.instance("u", counter(), clk=a), "has type !seq.clock"),
    ],
)
def test_mistakes_are_explained(make, message):
    m = Module("m")
    with pytest.raises(ValueError, match=message):
        make(m, m.input("a", 8), m.input("b", 4))


def test_a_signal_has_no_truth_value():
    a = Module("m").input("a", 8)
    with pytest.raises(TypeError, match="no value while hardware is built"):
        bool(a == 3)


def test_undriven_and_twice_driven_registers():
    m = Module("m")
    m.clock()
    register = m.reg("r", 4)
    m.output("y", register)
    with pytest.raises(ValueError, match=r"never driven: \['r'\]"):
        m.build()
    register.next = 3
    with pytest.raises(ValueError, match="driven twice"):
        register.next = 4


def test_combinational_loop_is_named():
    m = Module("m")
    a = m.wire("a", 4)
    b = m.wire("b", a + 1)
    a.drive(b)
    m.output("y", b)
    with pytest.raises(UserError, match="combinational loop through"):
        m.build()

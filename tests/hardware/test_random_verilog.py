"""Random hw.modules: printed Verilog, CIRCT's Verilog and the interpreter give equal outputs.

Icarus runs one module per example, so that hypothesis can shrink a failure; Verilator runs many
modules in one build.
"""

import io
import random
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
)
from xdsl.ir import Block, Region, SSAValue

from snnir.backends.verilog import print_verilog
from snnir.hardware.language.netlist import input_names, output_names, set_name, width_of
from snnir.interpreters.comb import Simulator
from snnir.runtime import icarus, verilator

INPUTS = {"a": 1, "b": 3, "c": 8, "d": 8, "e": 17, "f": 33, "g": 64}
WIDTHS = (1, 2, 3, 8, 8, 17, 33, 64)
NAMES = ("sum", "wire", "x.y", "reg", "begin", "a", "y0", "t_1", "t_1", "state")
STEPS = 12


class RandomModule:
    """Builds one hw.module by asking `rng` at each turn."""

    def __init__(self, rng: random.Random, name: str):
        self.rng, self.name = rng, name
        types = [seq.clock, IntegerType(1), *map(IntegerType, INPUTS.values())]
        self.block = Block(arg_types=types)
        self.pool: list[SSAValue] = [*self.block.args[1:]]
        for argument, port in zip(self.block.args, ("clk", "rst", *INPUTS), strict=True):
            argument.name_hint = port

    def add(self, op) -> SSAValue:
        self.block.add_op(op)
        (result,) = op.results
        if self.rng.randrange(4) == 0 and not isinstance(op, hw.ConstantOp):
            set_name(result, self.rng.choice(NAMES))
        self.pool.append(result)
        return result

    def constant(self, width: int) -> SSAValue:
        value = self.rng.choice((0, 1, -1, 1 << (width - 1), self.rng.getrandbits(width)))
        op = hw.ConstantOp(value & ((1 << width) - 1), width, truncate_bits=True)
        self.block.add_op(op)
        return op.result

    def operand(self, width: int) -> SSAValue:
        """Some value, cut or extended to `width` bits."""
        if self.rng.randrange(6) == 0:
            return self.constant(width)
        value = self.rng.choice(self.pool)
        extra = width - width_of(value)
        if extra < 0:
            low = IntegerAttr(self.rng.randrange(-extra + 1), 32)
            return self.add(comb.ExtractOp(value, low, IntegerType(width)))
        if extra > 0:
            return self.add(comb.ConcatOp([self.constant(extra), value], IntegerType(width)))
        return value

    def grow(self) -> None:
        kind = self.rng.choice(
            (comb.AddOp, comb.MulOp, comb.AndOp, comb.OrOp, comb.XorOp, comb.SubOp, comb.DivUOp,
             comb.ModSOp, comb.ShlOp, comb.ShrUOp, comb.ShrSOp, comb.ICmpOp, comb.ICmpOp,
             comb.MuxOp, comb.MuxOp, comb.ConcatOp, comb.ReplicateOp, comb.ParityOp)
        )  # fmt: skip
        width = self.rng.choice(WIDTHS)
        if issubclass(kind, comb.VariadicCombOperation):
            self.add(kind([self.operand(width) for _ in range(self.rng.randrange(1, 4))]))
        elif kind is comb.ICmpOp:
            predicate = self.rng.choice(comb.ICMP_COMPARISON_OPERATIONS)
            self.add(comb.ICmpOp(self.operand(width), self.operand(width), predicate))
        elif kind is comb.MuxOp:
            self.add(comb.MuxOp(self.operand(1), self.operand(width), self.operand(width)))
        elif kind is comb.ConcatOp:
            parts = [self.operand(self.rng.choice(WIDTHS[:5])) for _ in range(3)]
            self.add(comb.ConcatOp(parts, IntegerType(sum(map(width_of, parts)))))
        elif kind is comb.ReplicateOp:
            part = self.operand(self.rng.choice((1, 3)))
            self.add(comb.ReplicateOp(part, IntegerType(4 * width_of(part))))
        elif kind is comb.ParityOp:
            part = self.operand(width)
            self.add(kind.create(operands=[part], result_types=[IntegerType(1)]))
        elif kind in (comb.DivUOp, comb.ModSOp):
            # Odd divisors: dividing by zero is undefined; -1 overflows where Verilog wraps.
            one = self.add(hw.ConstantOp(1, width, truncate_bits=True))
            self.add(kind(self.operand(width), self.add(comb.OrOp([self.operand(width), one]))))
        else:
            if kind is not comb.SubOp:
                # Verilator refuses shifts whose amount it can prove to be beyond 32 bits.
                width = min(width, 17)
            self.add(kind(self.operand(width), self.operand(width)))

    def build(self, size: int) -> hw.HWModuleOp:
        registers = []
        # All of one kind, so that no unknown value can get past the first clock.
        has_reset = self.rng.randrange(4) > 0
        for _ in range(self.rng.randrange(3)):
            width = self.rng.choice(WIDTHS)
            reset, start = None, None
            if has_reset:
                reset = (self.block.args[1], self.constant(width))
            else:
                start = self.constant(width)
            register = seq.CompRegOp(self.constant(width), self.block.args[0], reset, start)
            registers.append(register)
            self.add(register)
        for _ in range(size):
            self.grow()
        for register in registers:
            width = width_of(register.data)
            new = self.operand(width)
            if self.rng.randrange(2):
                new = self.add(comb.MuxOp(self.operand(1), new, register.data))
            register.operands[0] = new
        results = [value for value in self.pool if width_of(value) <= 64][-4:]
        self.block.add_op(hw.OutputOp(results))
        inputs = [("clk", seq.clock), ("rst", IntegerType(1))]
        inputs += [(name, IntegerType(width)) for name, width in INPUTS.items()]
        outputs = [(f"y{i}", value.type) for i, value in enumerate(results)]
        ports = [(hw.Direction.INPUT, *p) for p in inputs]
        ports += [(hw.Direction.OUTPUT, *p) for p in outputs]
        op = hw.HWModuleOp(
            StringAttr(self.name),
            hw.ModuleType(
                ArrayAttr(
                    hw.ModulePort(StringAttr(name), type_, hw.DirectionAttr(direction))
                    for direction, name, type_ in ports
                )
            ),
            Region(self.block),
        )
        op.verify()
        return op


def stimulus(rng: random.Random) -> list[dict[str, int]]:
    """Input values per clock; the first clock resets, and its outputs are not looked at."""
    steps = []
    for step in range(STEPS):
        values = {name: rng.getrandbits(width) for name, width in INPUTS.items()}
        steps.append({"rst": int(step == 0 or rng.randrange(8) == 0), **values})
    return steps


def expected(op: hw.HWModuleOp, steps: list[dict[str, int]]) -> list[list[int]]:
    simulator = Simulator(op)
    return [list(simulator.step(values).values()) for values in steps][1:]


def printed(module: ModuleOp) -> str:
    text = io.StringIO()
    print_verilog(module, text)
    return text.getvalue()


def bench(tops: list[str], op: hw.HWModuleOp, steps: list[dict[str, int]]) -> str:
    """A test bench that prints all outputs of modules with the same ports, once per clock."""
    outputs = [(name, port.type) for name, port in _outputs(op)]
    lines = ["module bench;", "  reg clk = 0;", "  reg rst = 1;"]
    lines += [f"  reg [{width - 1}:0] {name} = 0;" for name, width in INPUTS.items()]
    pins = ", ".join(f".{name}({name})" for name in input_names(op))
    for top in tops:
        lines += [f"  wire [{width_of(t) - 1}:0] {top}_{name};" for name, t in outputs]
        nets = ", ".join(f".{name}({top}_{name})" for name, _ in outputs)
        lines.append(f"  {top} {top}_0 ({pins}, {nets});")
    lines.append("  initial begin")
    for values in steps:
        for name, value in values.items():
            lines.append(f"    {name} = {INPUTS.get(name, 1)}'d{value};")
        shown = ", ".join(f"{top}_{name}" for top in tops for name, _ in outputs)
        form = " ".join(["%0d"] * (len(tops) * len(outputs)))
        lines += ["    #1;", f'    $display("{form}", {shown});', "    clk = 1; #1 clk = 0;"]
    return "\n".join([*lines, "  end", "endmodule", ""])


def _outputs(op: hw.HWModuleOp):
    return [
        (port.port_name.data, port)
        for port in op.module_type.ports.data
        if port.dir.data == hw.Direction.OUTPUT
    ]


@pytest.mark.skipif(not icarus.available(), reason="iverilog is not on PATH")
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rng=st.randoms(use_true_random=False), size=st.integers(1, 24))
def test_icarus_and_circt_agree_with_the_interpreter(rng, size, tmp_path, circt_verilog):
    op = RandomModule(rng, "ours").build(size)
    steps = stimulus(rng)
    ours = tmp_path / "ours.v"
    ours.write_text(printed(ModuleOp([op])))
    assert icarus.lint([ours], "ours") == []
    tops, files = ["ours"], [ours]
    theirs = op.clone()
    theirs.sym_name = StringAttr("theirs")
    if (verilog := circt_verilog(theirs)) is not None:
        files.append(tmp_path / "theirs.sv")
        files[-1].write_text(verilog)
        tops.append("theirs")
    files.append(tmp_path / "bench.v")
    files[-1].write_text(bench(tops, op, steps))
    lines = icarus.run(files, "bench", tmp_path, standard="2012").splitlines()[1:]
    got = [list(map(int, line.split())) for line in lines]
    assert got == [row * len(tops) for row in expected(op, steps)]


def test_verilator_agrees_with_the_interpreter(tmp_path):
    if verilator.find() is None:
        pytest.skip("Verilator is not installed")
    rng = random.Random(7)
    modules = [RandomModule(rng, f"m{i}").build(rng.randrange(4, 40)) for i in range(60)]
    steps = stimulus(rng)
    top, shape = _gathered(modules)
    design = ModuleOp([top, *modules])
    design.verify()
    verilog, main = tmp_path / "top.v", tmp_path / "main.cpp"
    verilog.write_text(printed(design))
    # Constant operands make constant comparisons, and a module without registers no use of clk.
    accepted = ("CMPCONST", "UNSIGNED", "Signal is not used: 'clk'")
    warnings = verilator.lint([verilog], "top")
    assert [line for line in warnings if not any(word in line for word in accepted)] == []
    main.write_text(_main_program(output_names(top), steps))
    program = verilator.build([verilog], "top", main, tmp_path / "build")
    result = subprocess.run([program], capture_output=True, text=True, check=True)
    got = [list(map(int, line.split())) for line in result.stdout.splitlines()][1:]
    for module, (start, end) in zip(modules, shape, strict=True):
        assert [row[start:end] for row in got] == expected(module, steps), module.sym_name.data


def _gathered(modules: list[hw.HWModuleOp]) -> tuple[hw.HWModuleOp, list[tuple[int, int]]]:
    """A module with an instance of each, and where the outputs of each lie among its own."""
    types = [seq.clock, IntegerType(1), *map(IntegerType, INPUTS.values())]
    names = ["clk", "rst", *INPUTS]
    block = Block(arg_types=types)
    ports = [(hw.Direction.INPUT, *pair) for pair in zip(names, types, strict=True)]
    results, shape = [], []
    for module in modules:
        outputs = [(name, port.type) for name, port in _outputs(module)]
        name = module.sym_name.data
        pins = list(zip(names, block.args, strict=True))
        instance = hw.InstanceOp(f"u_{name}", FlatSymbolRefAttr(name), pins, outputs)
        block.add_op(instance)
        shape.append((len(results), len(results) + len(outputs)))
        results += instance.outputs
        ports += [(hw.Direction.OUTPUT, f"{name}_{port}", t) for port, t in outputs]
    block.add_op(hw.OutputOp(results))
    type_ = hw.ModuleType(
        ArrayAttr(
            hw.ModulePort(StringAttr(name), t, hw.DirectionAttr(direction))
            for direction, name, t in ports
        )
    )
    return hw.HWModuleOp(StringAttr("top"), type_, Region(block)), shape


def _main_program(outputs: list[str], steps: list[dict[str, int]]) -> str:
    table = ",\n".join("{" + ", ".join(f"{v}ull" for v in step.values()) + "}" for step in steps)
    assign = " ".join(f"t->{name} = s[{i}];" for i, name in enumerate(steps[0]))
    show = "\n".join(f'printf("%llu ", (unsigned long long)t->{name});' for name in outputs)
    return f"""#include "Vtop.h"
#include <cstdio>
static const unsigned long long steps[][{len(steps[0])}] = {{ {table} }};
int main() {{
  Vtop *t = new Vtop;
  for (auto &s : steps) {{
    {assign}
    t->clk = 0; t->eval();
    {show}
    printf("\\n");
    t->clk = 1; t->eval();
  }}
}}
"""

"""Printed Verilog of designs with memories and instances: lint, simulation, equivalence, cells."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects import hw
from xdsl.dialects.builtin import ModuleOp, StringAttr

from snnir.backends.memory import MemoryTarget, memory_images
from snnir.backends.verilog import print_verilog, verilog_files
from snnir.errors import UserError
from snnir.hardware.language.builder import Module, cat, design, mux, select
from snnir.hardware.memories import lutram_1r1w, pack_rows, ram_1r1w, read_memory, rom
from snnir.interpreters.comb import Simulator
from snnir.runtime import icarus, verilator, yosys
from snnir.schedule.ram_parts import ram_bram36

WEIGHTS = np.arange(-8, 8).reshape(8, 2)


def memories() -> ModuleOp:
    """Each memory template behind the ports of one module."""
    m = Module("memories", doc="One memory of each kind.")
    m.clock("clk")
    we, waddr, wdata = m.input("we", 1), m.input("waddr", 3), m.input("wdata", 12)
    raddr, re = m.input("raddr", 3), m.input("re", 1)
    write = {"we": we, "waddr": waddr, "wdata": wdata, "raddr": raddr}
    m.output("ram", m.instance("u_ram", ram_1r1w(12, 8), **write).rdata)
    held = m.instance("u_held", ram_1r1w(12, 8, read_enable=True), **write, re=re)
    m.output("held", held.rdata)
    m.output("lut", m.instance("u_lut", lutram_1r1w(12, 8), **write).rdata)
    weights = rom(10, 8, pack_rows(WEIGHTS, 5), "weights")
    m.output("weights", m.instance("u_weights", weights, raddr=raddr).rdata)
    return design(m)


def datapath() -> ModuleOp:
    """Registers with and without reset and enable, signed arithmetic, select, an instance."""
    inner = Module("saturate", doc="Clips a signed 9-bit sum to 8 bits.")
    wide = inner.input("wide", 9)
    overflow = inner.wire("overflow", wide[8] ^ wide[7])
    limit = cat(wide[8], mux(wide[8], inner.const(0, 7), inner.const(-1, 7)))
    inner.output("narrow", mux(overflow, limit, wide.trunc(8)))

    m = Module("datapath", doc="A toy accumulator.\n\nIts sum saturates.")
    m.clock("clk")
    m.input("rst", 1)
    enable, index, x = m.input("en", 1), m.input("index", 2), m.input("x", 8)
    acc = m.reg("acc", 8, reset=5)
    taps = [m.pipe(f"tap_{i}", x if i == 0 else x ^ (17 * i)) for i in range(3)]
    chosen = m.wire("chosen", select(index, taps))
    wide = m.wire("wide", acc.sext(9) + chosen.sext(9))
    acc.next = mux(enable, m.instance("u_saturate", inner, wide=wide).narrow, acc)
    m.output("acc", acc)
    m.output("negative", acc.slt(-3))
    m.output("half", m.pipe("half_q", acc.sra(1), reset=0))
    return design(m)


def write(module: ModuleOp, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in {**verilog_files(module), **memory_images(module)}.items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.v"))


def text_of(module: ModuleOp) -> str:
    stream = io.StringIO()
    print_verilog(module, stream)
    return stream.getvalue()


@pytest.mark.parametrize("make, top", [(memories, "memories"), (datapath, "datapath")])
def test_no_tool_complains(make, top, tmp_path):
    files = write(make(), tmp_path / "rtl")
    if icarus.available():
        assert icarus.lint(files, top) == []
    if verilator.find() is not None:
        assert verilator.lint(files, top) == []
    if yosys.find() is not None:
        yosys.check(files, top, tmp_path / "yosys")


def test_printing_changes_nothing_and_repeats():
    module = datapath()
    before = str(module)
    text = text_of(module)
    assert str(module) == before and text_of(module) == text
    assert text.index("module datapath") < text.index("module saturate")


def test_names_and_comments_are_kept():
    text = text_of(datapath())
    for line in (
        "// datapath: A toy accumulator.",
        "// Its sum saturates.",
        "  output reg  [7:0] acc,",
        "  reg [7:0] tap_2;",
        "  wire [8:0] wide = {acc[7], acc} + {chosen[7], chosen};",
        "      if (en) acc <= u_saturate_narrow;",
        "  assign negative = $signed(acc) < -8'sd3;",
    ):
        assert line in text.splitlines(), f"{line!r} not in\n{text}"


def test_memories_answer_as_the_templates_say():
    """Read-first: the row that is being written gives its old contents; a ROM is signed pairs."""
    simulator = Simulator(memories().body.block.first_op)
    step = dict(we=1, waddr=2, wdata=0xABC, raddr=2, re=1)
    assert simulator.step(step)["lut"] == 0
    first = simulator.step(we=0, re=0)
    assert (first["ram"], first["held"], first["lut"]) == (0, 0, 0xABC)
    second = simulator.step(raddr=0)
    assert (second["ram"], second["held"]) == (0xABC, 0)
    assert second["weights"] == (-4 & 31) | (-3 & 31) << 5
    assert simulator.step()["ram"] == 0


@pytest.mark.skipif(verilator.find() is None, reason="Verilator is not installed")
def test_memories_and_datapath_in_verilator(tmp_path):
    """The templates and the registers, against the interpreter, on 200 random clocks."""
    wrapper = Module("both")
    wrapper.clock("clk")
    parts = [memories(), datapath()]
    tops = [part.body.block.first_op for part in parts]
    inputs = {
        "we": 1, "waddr": 3, "wdata": 12, "raddr": 3, "re": 1, "rst": 1, "en": 1, "index": 2,
        "x": 8,
    }  # fmt: skip
    signals = {name: wrapper.input(name, width) for name, width in inputs.items()}
    for top in tops:
        pins = {
            port.port_name.data: signals[port.port_name.data]
            for port in top.module_type.ports.data
            if port.port_name.data in signals and port.dir.data == hw.Direction.INPUT
        }
        for name, signal in wrapper.instance(f"u_{top.sym_name.data}", top, **pins).items():
            wrapper.output(name, signal)
    whole = ModuleOp([op.clone() for part in parts for op in part.body.block.ops])
    whole.body.block.add_op(wrapper.build())
    rng = np.random.default_rng(3)
    # All rows are written first: what a RAM holds at power-on is not defined.
    steps = [
        {name: int(rng.integers(1 << width)) for name, width in inputs.items()}
        | {"rst": int(i < 8)}
        | ({"we": 1, "waddr": i} if i < 8 else {})
        for i in range(200)
    ]
    simulator = Simulator(wrapper.build())
    want = [list(simulator.step(step).values()) for step in steps][16:]

    assert in_verilator(whole, wrapper.build(), steps, tmp_path)[16:] == want


def in_verilator(module: ModuleOp, top: hw.HWModuleOp, steps: list[dict], folder: Path):
    """The outputs of `top`, a module of `module`, in each step."""
    files = write(module, folder / "rtl")
    name, inputs = top.sym_name.data, list(steps[0])
    rows = ",".join("{" + ",".join(map(str, step.values())) + "}" for step in steps)
    ports = [p.port_name.data for p in top.module_type.ports.data]
    outputs = [port for port in ports if port not in inputs and port != "clk"]
    main = folder / "main.cpp"
    main.write_text(
        f'#include "V{name}.h"\n#include <cstdio>\n'
        f"static const int steps[][{len(inputs)}] = {{{rows}}};\n"
        f"int main() {{ V{name} t; for (auto &s : steps) {{"
        + "".join(f" t.{port} = s[{i}];" for i, port in enumerate(inputs))
        + " t.clk = 0; t.eval();"
        + "".join(f' printf("%d ", (int)t.{port});' for port in outputs)
        + ' printf("\\n"); t.clk = 1; t.eval(); } }\n'
    )
    program = verilator.build(files, name, main, folder / "build")
    assert verilator.build(files, name, main, folder / "build") == program
    result = subprocess.run(
        [program], cwd=folder / "rtl", capture_output=True, text=True, check=True
    )
    return [list(map(int, line.split())) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("read_enable", [False, True])
@pytest.mark.parametrize(
    ("width", "depth", "at"),
    [(30, 552, (39, 40, 510, 511, 512, 513)), (9, 6200, (2047, 4095, 4096, 6143, 6144, 6145))],
    ids=["512 rows in block RAM, 40 in LUTs", "4,096 and 2,048 in block RAM, 56 in LUTs"],
)
def test_a_ram_in_parts_answers_as_one(width, depth, at, read_enable, tmp_path):
    """Against the interpreter."""
    m = Module("cut")
    m.clock("clk")
    bits = (depth - 1).bit_length()
    inputs = {"we": 1, "waddr": bits, "wdata": width, "raddr": bits}
    inputs |= {"re": 1} if read_enable else {}
    pins = {name: m.input(name, width) for name, width in inputs.items()}
    ram = ram_1r1w(width, depth, read_enable=read_enable)
    m.output("y", m.instance("u_ram", ram, **pins).rdata)
    assert "distributed" in text_of(design(m)) and "block" in text_of(design(m))
    rng = np.random.default_rng(1)
    # All rows are written first: what a RAM holds at power-on is not defined.
    steps = [
        {"we": 1, "waddr": a, "wdata": 7 * a % (1 << width), "raddr": 0, "re": 1}
        for a in range(depth)
    ]
    for a, b in rng.choice([0, *at, depth - 1], (400, 2)).tolist():
        we, re, data = rng.integers(0, [2, 2, 1 << width]).tolist()
        steps.append({"we": we, "waddr": a, "wdata": data, "raddr": b, "re": re})
    steps = [{name: step[name] for name in inputs} for step in steps]
    simulator = Simulator(m.build())
    want = [list(simulator.step(step).values()) for step in steps][2:]
    assert in_verilator(design(m), m.build(), steps, tmp_path)[2:] == want


@pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")
def test_yosys_proves_equality_with_circt(tmp_path, circt_verilog):
    """Registers included: equal names in both are matched, then proved by induction."""
    module = datapath()
    ours, theirs = tmp_path / "ours.v", tmp_path / "theirs.sv"
    ours.write_text(text_of(module))
    theirs.write_text(circt_verilog(module))
    yosys.run_script(
        "read_verilog ours.v\nprep -flatten -top datapath\nsplitnets -ports\n"
        "design -stash gold\n"
        "read_verilog -sv theirs.sv\nprep -flatten -top datapath\nsplitnets -ports\n"
        "design -stash gate\n"
        "design -copy-from gold -as gold datapath\ndesign -copy-from gate -as gate datapath\n"
        "equiv_make gold gate equal\nhierarchy -top equal\n"
        "equiv_simple\nequiv_induct\nequiv_status -assert\n",
        tmp_path,
        "yosys: equivalence",
    )


@pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")
def test_memories_become_block_ram(tmp_path):
    m = Module("m")
    m.clock("clk")
    we, address, data = m.input("we", 1), m.input("a", 9), m.input("d", 72)
    pins = {"we": we, "waddr": address, "wdata": data, "raddr": ~address}
    m.output("y", m.instance("u_ram", ram_1r1w(72, 512), **pins).rdata)
    cells = yosys.synth_xilinx(write(design(m), tmp_path / "rtl"), "m", tmp_path / "yosys")
    assert (cells["bram36"], cells["bram18"], cells["dsp"]) == (1, 0, 0)
    assert cells["lut"] <= 9 and cells["ff"] == 0


@pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")
def test_block_ram_is_counted_as_yosys_does(tmp_path):
    m = Module("m")
    m.clock("clk")
    we, address, data = m.input("we", 1), m.input("a", 14), m.input("d", 128)
    shapes = [
        (9, 8448), (10, 8192), (9, 8192), (20, 1500), (40, 2048), (30, 300), (7, 5000), (72, 552),
        (112, 2048), (6, 64), (13, 3000), (18, 1024),
    ]  # fmt: skip
    for index, (width, depth) in enumerate(shapes):
        bits = (depth - 1).bit_length()
        pins = {"we": we, "waddr": address.trunc(bits), "raddr": ~address.trunc(bits)}
        ram = m.instance(f"u{index}", ram_1r1w(width, depth), wdata=data.trunc(width), **pins)
        m.output(f"y{index}", ram.rdata)
    cells = yosys.synth_xilinx(write(design(m), tmp_path / "rtl"), "m", tmp_path / "yosys")
    used = cells["bram36"] + cells["bram18"] / 2
    assert used == sum(ram_bram36(width, depth) for width, depth in shapes)


def test_memory_images():
    module = memories()
    lines = memory_images(module)["weights.hex"].splitlines()
    want = [(a & 31) | (b & 31) << 5 for a, b in WEIGHTS.tolist()]
    assert [int(line, 16) for line in lines] == want and {len(line) for line in lines} == {3}
    stream = io.StringIO()
    MemoryTarget().emit(None, module, stream)
    assert stream.getvalue().startswith("@file weights.hex\n")


def test_memory_contents_are_checked():
    image = np.full((4, 2), 0xFF, np.uint8)
    assert read_memory(ram_1r1w(16, 4, init=image, name="full")).init.tolist() == image.tolist()
    with pytest.raises(ValueError, match="bits beyond width 12"):
        ram_1r1w(12, 4, init=image, name="x")
    with pytest.raises(ValueError, match=r"needed are uint8\[4, 1\]"):
        ram_1r1w(8, 4, init=image, name="x")
    with pytest.raises(ValueError, match="needs a name of its own"):
        ram_1r1w(16, 4, init=image)


def test_broken_verilog_gives_one_line(tmp_path):
    if verilator.find() is None:
        pytest.skip("Verilator is not installed")
    broken, main = tmp_path / "broken.v", tmp_path / "main.cpp"
    broken.write_text("module broken(input a; endmodule\n")
    main.write_text("int main() {}\n")
    with pytest.raises(UserError, match="syntax error") as caught:
        verilator.build([broken], "broken", main, tmp_path / "build")
    assert "\n" not in str(caught.value) and "build.log" in str(caught.value)
    assert any("syntax error" in line for line in verilator.lint([broken], "broken"))


def test_illegal_interfaces_are_refused():
    m = Module("m")
    m.output("reg", m.input("a", 4))
    with pytest.raises(UserError, match="port 'reg' is not a Verilog identifier"):
        text_of(design(m))
    op = Module("n").build().clone()
    op.sym_name = StringAttr("a-b")
    with pytest.raises(UserError, match="module name 'a-b' is not a Verilog identifier"):
        text_of(ModuleOp([op]))

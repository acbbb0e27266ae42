"""The two forms of a lane: equal by proof, equal in a machine, and fewer LUTs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import hw
from xdsl.dialects.builtin import ModuleOp

from snnir.backends.memory import memory_images
from snnir.backends.verilog import verilog_files
from snnir.errors import UserError
from snnir.hardware.adder_tree import lane_module
from snnir.hardware.language import netlist
from snnir.hardware.language.builder import Module, cat, design
from snnir.hardware.neuron import resize
from snnir.hardware.timing import tree_stages
from snnir.hardware.xc7 import CELL_MODELS
from snnir.hardware.xc7_lane import xc7_lane_module
from snnir.interpreters.comb import Simulator
from snnir.interpreters.pe import run_program
from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass
from snnir.runtime import icarus, verilator, yosys
from snnir.runtime.rtl import RtlEngine

needs_yosys = pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")

SIZES = [
    (1, 4, 6, (2,)), (2, 4, 8, ()), (4, 2, 4, (1, 2, 3)), (4, 4, 8, (4,)), (4, 8, 14, ()),
    (8, 3, 8, (2, 4)), (8, 3, 6, (3,)), (16, 2, 8, (4,)),
]  # fmt: skip


def both_lanes(
    banks: int, bits: int, acc_bits: int, shifts: tuple[int, ...], wrong: tuple[int, ...] = ()
) -> Module:
    """The two lanes on the same inputs, and `same`: whether their accumulators agree.

    They have to from the first `clear` that comes after the tree has been filled.

    Args:
        wrong: shifts of the second lane where it is not to be the same.
    """
    portable = lane_module(banks, bits, acc_bits, shifts)
    portable.name = "lane_portable"
    m = Module("both_lanes")
    m.clock()
    rst = m.input("rst", 1)
    weights = [m.input(f"weight{k}", bits) for k in range(banks)]
    inputs = {f"weight{k}": weight for k, weight in enumerate(weights)}
    for k in range(banks // 2):
        first, second = (resize(w, bits + 1) for w in weights[2 * k : 2 * k + 2])
        inputs[f"pair{k}"] = first + second
    inputs |= {"gates": m.input("gates", banks), "clear": m.input("clear", 1)}
    if shifts:
        inputs["shift"] = m.input("shift", len(shifts))
    lanes = {"portable": portable, "xc7": xc7_lane_module(banks, bits, acc_bits, wrong or shifts)}
    left, right = (m.instance(name, lane, **inputs) for name, lane in lanes.items())
    filled = m.const(1, 1)
    for level in range(tree_stages(banks)):
        filled = m.pipe(f"filled{level}", filled, reset=0)
    known = m.reg("known", 1, reset=0)
    known.next = known | (filled & inputs["clear"])
    m.output("same", rst | ~known | left["accumulator"].eq(right["accumulator"]))
    m.output("accumulators", cat(left["accumulator"], right["accumulator"]))
    return m


def write(module, folder: Path, *more: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in (verilog_files(module) | memory_images(module)).items():
        (folder / name).write_text(text)
    for path in more:
        (folder / path.name).write_text(path.read_text())
    return sorted(folder.glob("*.v"))


def prove(top: Module, banks: int, folder: Path) -> None:
    """Prove `same` by induction, whatever the lanes' registers hold at first and what comes in.

    Raises:
        UserError: it is not so.
    """
    files = write(design(top), folder / "rtl", CELL_MODELS)
    yosys.gather(files, folder / "proof")
    script = yosys.read_commands(files, top.name) + (
        f"prep -flatten -top {top.name}\n"
        f"sat -verify -tempinduct -maxsteps {tree_stages(banks) + 3} -set-at 1 rst 1 "
        f"-prove same 1 {top.name}\n"
    )
    yosys.run_script(script, folder / "proof")


@needs_yosys
@pytest.mark.parametrize("banks, bits, acc_bits, shifts", SIZES)
def test_lanes_are_equal_by_proof(banks, bits, acc_bits, shifts, tmp_path):
    prove(both_lanes(banks, bits, acc_bits, shifts), banks, tmp_path)


@needs_yosys
def test_lanes_that_differ_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="proof did fail"):
        prove(both_lanes(4, 3, 7, (4,), wrong=(3,)), 4, tmp_path)


@pytest.mark.parametrize("banks, bits, acc_bits, shifts", [(16, 4, 12, (4,)), (32, 8, 16, (3, 6))])
def test_large_lanes_are_equal_on_random_inputs(banks, bits, acc_bits, shifts):
    """In the evaluator of hw modules, which knows the cells by itself."""
    top = both_lanes(banks, bits, acc_bits, shifts)
    sim = Simulator(design(top).body.block.first_op)
    sim.step(rst=1)
    rng = np.random.default_rng(banks)
    ports = netlist.ports(sim.op, hw.Direction.INPUT)
    widths = {name: netlist.width_of(t) for name, t in ports if name not in ("clk", "rst")}
    for step in range(80):
        inputs = {name: int(rng.integers(1 << width)) for name, width in widths.items()}
        inputs["clear"] = int(step % 16 == tree_stages(banks))
        assert sim.step(inputs, rst=0)["same"] == 1
    accumulators = sim.evaluate()["accumulators"]
    assert accumulators >> acc_bits == accumulators & ((1 << acc_bits) - 1) != 0


def machine(module) -> ModuleOp:
    hardware = module.clone()
    ConvertPeToHwPass(lanes="xc7").apply(Context(), hardware)
    hardware.verify()
    return hardware


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)
def test_machine_with_xc7_lanes_in_verilator(tmp_path, scheduled):
    module, frames = scheduled(14, images=2)
    files = write(machine(module), tmp_path / "verilog", CELL_MODELS)
    assert verilator.lint(files, "snnir_top") == []
    if icarus.available():
        assert icarus.lint(files, "snnir_top") == []
    result = RtlEngine(tmp_path / "verilog", RtlEngine.tables_of(module), tmp_path).run(frames)
    reference = run_program(module, frames, count_cycles=True)
    assert np.array_equal(result.potentials, reference.potentials)
    assert np.array_equal(result.cycles, reference.cycles)
    for name, trains in reference.trains.items():
        assert np.array_equal(result.trains[name], trains)


@needs_yosys
def test_synthesis_keeps_the_cells(tmp_path):
    files = write(design(xc7_lane_module(16, 4, 12, (4,))), tmp_path / "rtl")
    cells = yosys.synth_xilinx(files, "lane", tmp_path / "yosys")
    # Four first adders of 9, two of 6, one of 7, and 12 for the accumulator.
    assert cells["lut"] == 4 * 9 + 2 * 6 + 7 + 12
    assert cells["cells"]["LUT6_2"] == 4

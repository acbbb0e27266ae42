"""The whole machine: simulated trains, potentials and clocks are those of the pe interpreter."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from comparing import differences
from xdsl.context import Context
from xdsl.dialects.arith import Arith
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser

from snnir.backends.memory import memory_images
from snnir.backends.verilog import verilog_files
from snnir.dialects.neurons import NeuronChoice
from snnir.dialects.pe import Pe
from snnir.dialects.snn import Snn
from snnir.errors import UserError
from snnir.hardware.timing import neuron_stages
from snnir.interpreters.comb import Simulator
from snnir.interpreters.pe import run_program
from snnir.neurons.library import load_neuron
from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass
from snnir.runtime import icarus, verilator, yosys
from snnir.runtime.rtl import RtlEngine
from snnir.runtime.testbench import lanes_of
from snnir.schedule.program import Mode

simulates = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)


def hardware(module: ModuleOp) -> ModuleOp:
    result = module.clone()
    ConvertPeToHwPass().apply(Context(), result)
    result.verify()
    return result


# Between them: one and more banks and words, pools, residuals, all codings, digits of weights.
@simulates
@pytest.mark.parametrize("seed", [1, 14, 37])
def test_random_networks_in_verilator(seed, tmp_path, scheduled):
    module, frames = scheduled(seed, images=3)
    reference = run_program(module, frames, count_cycles=True)
    engine = RtlEngine.from_module(module, tmp_path)
    for pauses in (0, 1):
        result = engine.run(frames, seed=pauses)
        assert differences(result, reference) == []
        assert np.array_equal(result.cycles, reference.cycles)
    quick = engine.run(frames[:1], record=False)
    assert quick.trains == {} and np.array_equal(quick.potentials, reference.potentials[:1])
    with pytest.raises(UserError, match="the network takes uint8"):
        engine.run(frames.astype(np.float32))


@simulates
def test_a_register_that_is_not_reset_is_noticed(tmp_path, scheduled):
    """What registers hold at power-on is random, so that the reset must set all that matters."""
    module, frames = scheduled(14, images=1)
    reference = run_program(module, frames, count_cycles=True)
    made = hardware(module)
    files = verilog_files(made) | memory_images(made)
    assert files["control.v"].count("if (rst) begin") == 1
    files["control.v"] = files["control.v"].replace("if (rst) begin", "if (1'b0) begin")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    engine = RtlEngine(tmp_path, RtlEngine.tables_of(module), tmp_path / "cache")
    assert not np.array_equal(engine.run(frames).cycles, reference.cycles)


@simulates
@pytest.mark.parametrize(
    "seed, size",
    [
        (23, {"banks": 4, "channels": 3, "drain": 2}),
        (37, {"banks": 4, "channels": 8, "drain": 4}),
    ],
)
def test_lanes_of_the_drain_in_verilator(seed, size, tmp_path, scheduled):
    """Tiles that leave lanes idle and maps whose pixels begin in any bank."""
    module, frames = scheduled(seed, **size)
    reference = run_program(module, frames, count_cycles=True)
    assert differences(RtlEngine.from_module(module, tmp_path).run(frames), reference) == []


@pytest.mark.parametrize(
    "lanes, planes", [(1, 4), (1, 16), (2, 8), (4, 5), (4, 16), (8, 7), (8, 16)]
)
def test_trains_are_read_lane_by_lane(lanes, planes):
    trains = np.random.default_rng(lanes).integers(0, 1 << planes, (5, lanes))
    bits = lanes * planes
    size = next((s for s in (1, 2, 4, 8) if bits <= 8 * s), -(-bits // 32) * 4)
    words = [sum(int(t) << lane * planes for lane, t in enumerate(row)) for row in trains]
    data = np.frombuffer(b"".join(word.to_bytes(size, "little") for word in words), np.uint8)
    assert np.array_equal(lanes_of(data, lanes, planes), trains)


def example() -> ModuleOp:
    """The program of the pass's lit file: an image in two words, a convolution, a readout."""
    ctx = Context()
    for dialect in (Builtin, Arith, Snn, Pe):
        ctx.load_dialect(dialect)
    file = Path(__file__).parents[2] / "lit_tests" / "passes" / "convert_pe_to_hw.mlir"
    return Parser(ctx, file.read_text()).parse_module()


def test_machine_in_the_evaluator_of_hw_modules():
    """No Verilog at all: the hw modules themselves, an image byte by byte."""
    module, frames = example(), np.arange(0, 256, 16, np.uint8).reshape(1, 4, 4, 1)
    reference = run_program(module, frames, count_cycles=True)
    core = next(op for op in hardware(module).body.block.ops if op.sym_name.data == "core")
    sim = Simulator(core)
    sim.step(rst=1)
    pixels, potentials, cycles = frames.ravel().tolist(), [], 0
    for _ in range(int(reference.cycles[0]) + len(pixels) + 200):
        valid = int(bool(pixels))
        out = sim.step(
            rst=0, s_tvalid=valid, s_tdata=pixels[0] if pixels else 0, s_tlast=0, m_tready=1
        )
        if valid and out["s_tready"]:
            pixels.pop(0)
        if out["m_tvalid"]:
            value = out["m_tdata"]
            potentials.append(value - (1 << 32) if value >> 31 else value)
            cycles = out["cycles"]
        if out["m_tvalid"] and out["m_tlast"]:
            break
    assert potentials == reference.potentials[0].tolist()
    assert cycles == reference.cycles[0]


def test_packets_that_are_not_images():
    """A packet that ends too early is no image; of one that is too long the rest is thrown away."""
    module = example()
    frames = np.random.default_rng(7).integers(0, 256, (3, 4, 4, 1), np.uint8)
    expected = run_program(module, frames).potentials.ravel().tolist()
    core = next(op for op in hardware(module).body.block.ops if op.sym_name.data == "core")
    one, two, three = ([(byte, 0) for byte in frame.ravel().tolist()] for frame in frames)
    stream = [(17, 0)] * 4 + [(17, 1)] + one[:-1] + [(one[-1][0], 1)]
    stream += two + [(99, 0), (99, 0), (99, 1)] + three
    sim, potentials = Simulator(core), []
    sim.step(rst=1)
    while len(potentials) < len(expected):
        valid, (byte, last) = int(bool(stream)), stream[0] if stream else (0, 0)
        out = sim.step(rst=0, s_tvalid=valid, s_tdata=byte, s_tlast=last, m_tready=1)
        if valid and out["s_tready"]:
            stream.pop(0)
        if out["m_tvalid"]:
            value = out["m_tdata"]
            potentials.append(value - (1 << 32) if value >> 31 else value)
    assert potentials == expected and not stream


@simulates
def test_circt_prints_the_same_machine(tmp_path, circt_verilog, scheduled):
    """The machine printed by CIRCT's exporter, in the same test bench."""
    module, frames = scheduled(18, images=2)
    design = hardware(module)
    text = circt_verilog(design)
    externs = [op for op in design.body.block.ops if op.name == "hw.module.extern"]
    memories = verilog_files(ModuleOp([op.clone() for op in externs]))
    folder = tmp_path / "verilog"
    folder.mkdir()
    for name, content in (memories | memory_images(design)).items():
        (folder / name).write_text(content)
    (folder / "all.v").write_text(text)
    tables = RtlEngine.tables_of(module)
    result = RtlEngine(folder, tables, tmp_path).run(frames)
    assert differences(result, run_program(module, frames, count_cycles=True)) == []


@pytest.mark.parametrize("seed", [14, 24])
def test_no_tool_complains(seed, tmp_path, scheduled):
    module, _ = scheduled(seed)
    design = hardware(module)
    for name, text in (verilog_files(design) | memory_images(design)).items():
        (tmp_path / name).write_text(text)
    files = sorted(tmp_path.glob("*.v"))
    if verilator.find() is not None:
        assert verilator.lint(files, "snnir_top") == []
    if icarus.available():
        assert icarus.lint(files, "snnir_top") == []
    if yosys.find() is not None:
        yosys.check(files, "snnir_top", tmp_path / "yosys")


def test_verilog_is_the_same_every_time(scheduled):
    module, _ = scheduled(2)
    assert verilog_files(hardware(module)) == verilog_files(hardware(module))


def test_no_multiplier_is_made(scheduled):
    names = {op.name for op in hardware(scheduled(3)[0]).walk()}
    assert not names & {"comb.mul", "comb.divs", "comb.divu", "comb.mods", "comb.modu"}


def test_neuron_stages_count_registers():
    radix, rate = NeuronChoice("radix"), NeuronChoice("rate", leak=17)
    assert neuron_stages(Mode("radix", "radix", 4, 4, 0), radix.fire_neuron()) == 4 + 1 + 4
    assert neuron_stages(Mode("if", "rate", 4, 4, 0, rate=True), rate.fire_neuron()) == 8
    assert neuron_stages(Mode("if", "direct", 8, 4, 0, rate=True), rate.fire_neuron()) == 7 + 8
    assert neuron_stages(Mode("sum", "radix", 4, 4, 0), radix.readout_neuron()) == 5
    # A neuron with products is cut where they would not fit one clock.
    mode = Mode("izhikevich", "rate", 4, 4, 0, rate=True)
    assert neuron_stages(mode, load_neuron("izhikevich").op) == 4 * (10 + 1)

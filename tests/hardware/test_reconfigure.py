"""One Verilog, many programs: all trains and clocks are those of C, and faults end in a status."""

import shutil
import struct
import zlib

import numpy as np
import pytest
from machines import CHOSEN, LATER, Program, program_for, small_machine

from snnir.backends.verilog import verilog_files
from snnir.hardware.language.builder import design
from snnir.hardware.reconfigurable import faults
from snnir.hardware.reconfigurable.machine import Machine
from snnir.hardware.reconfigurable.system import system_module, system_top_module
from snnir.runtime import icarus, verilator, yosys
from snnir.runtime.cmodel import CEngine
from snnir.runtime.machine_bench import Script, build_simulator, state_bit
from snnir.runtime.machine_engine import MachineEngine

simulates = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)

CODE, FAILED, LOADED = 255, state_bit("failed"), state_bit("loaded")


class Bench:
    """The machine, its Verilog and its simulator."""

    def __init__(self, folder):
        self.machine: Machine = small_machine()
        self.file, self.verilog = folder / "machine.json", folder / "verilog"
        self.file.write_text(self.machine.to_json())
        self.verilog.mkdir()
        core = system_module(self.machine, self.machine.parse_neurons())
        for name, text in verilog_files(design(system_top_module(core, "snnir_top"))).items():
            (self.verilog / name).write_text(text)
        self.files = sorted(self.verilog.glob("*.v"))
        self.cache = folder / "cache"
        self.programs = {
            seed: program_for(self.machine, self.file, seed) for seed in (*CHOSEN, LATER)
        }

    def script(self) -> Script:
        ports = self.machine.array.ports
        return Script(build_simulator(self.files, self.cache / "verilator", ports))

    def expect(self, program: Program, traces) -> None:
        """The traces are those of C, clock by clock."""
        engine = MachineEngine(self.verilog, program.tables, program.image, self.cache)
        result = engine.result(traces, len(program.frames), True, 0.0)
        reference = CEngine.from_module(program.module, self.cache, ("-O1",)).run(program.frames)
        assert np.array_equal(result.potentials, reference.potentials)
        assert np.array_equal(result.cycles, reference.cycles)
        assert result.trains.keys() == reference.trains.keys()
        for label, trains in reference.trains.items():
            assert np.array_equal(result.trains[label], trains), label
        for label, clocks in reference.layer_cycles.items():
            assert np.array_equal(result.layer_cycles[label], clocks), label


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("machine"))


def again(image: bytes, place: int, value: bytes) -> bytes:
    """An image with other bytes at a place, and the checksum that goes with them."""
    body = image[:place] + value + image[place + len(value) : -8]
    return body + zlib.crc32(body).to_bytes(8, "little")


@simulates
def test_programs_follow_each_other_on_one_core(bench):
    order = [bench.programs[seed] for seed in (*CHOSEN, LATER, CHOSEN[0])]
    script = bench.script()
    for index, program in enumerate(order):
        script.load(program.image, program.weights)
        script.images(program.tables, program.frames, seed=index % 2)
        script.read("cycles").read("images").read("clocks")
    told = script.run()
    images = 0
    for program, status, traces, cycles, count, clocks in zip(
        order, *(told[i::5] for i in range(5)), strict=True
    ):
        images += len(program.frames)
        assert (status & CODE, status & LOADED, count) == (0, LOADED, images)
        bench.expect(program, traces)
        assert cycles == clocks == traces.cycles[-1]


def broken_images(program: Program) -> dict[int, list[bytes]]:
    """Status to images that end in it."""
    image, settings = program.image, struct.unpack_from("<I", program.image, 20)[0]
    layers, more = 48 + 8 * settings, struct.pack("<I", 60000)
    # More words than the file has, and fewer than its tables take.
    lengths = [struct.pack("<I", len(image) // 8 + d) for d in (1, -1, -12)]
    return {
        faults.MAGIC: [again(image, 0, b"X")],
        faults.VERSION: [again(image, 8, b"\x07")],
        faults.IDENTITY: [again(image, 12, b"\x00\x11\x22\x33")],
        faults.LENGTH: [again(image, 16, length) for length in lengths],
        faults.TABLE: [again(image, 24, more), again(image, 28, bytes(4))],
        faults.CHECKSUM: [image[:-8] + bytes(8), image[:200] + b"\x5a" + image[201:]],
        # A layer whose tiles there are not, and more layers than rows.
        faults.DESCRIPTOR: [again(image, layers, b"\xff" * 8), again(image, 48, b"\xff")],
        0: [image],
    }


@simulates
def test_a_broken_program_ends_in_a_status_and_the_next_one_runs(bench):
    program = bench.programs[CHOSEN[0]]
    cases = [(code, data) for code, images in broken_images(program).items() for data in images]
    script = bench.script()
    for _, data in cases:
        script.load(data, program.weights)
    script.images(program.tables, program.frames)
    # Fewer weights than are needed, a program that is cut off, and one that is hardly there.
    script.load(program.image, program.weights[:-8]).load(program.image[:400], program.weights)
    script.load(program.image, program.weights, length=40)
    script.load(program.image, program.weights).images(program.tables, program.frames)
    *told, first, weights, cut, short, good, last = script.run()
    assert [status & CODE for status in told] == [code for code, _ in cases]
    assert all(
        bool(status & FAILED) == bool(code) for status, (code, _) in zip(told, cases, strict=True)
    )
    assert [s & CODE for s in (weights, cut, short, good)] == [
        faults.WEIGHTS, faults.LENGTH, faults.LENGTH, 0,
    ]  # fmt: skip
    for traces in (first, last):
        bench.expect(program, traces)


@simulates
@pytest.mark.parametrize("answer", [faults.SLVERR, faults.DECERR])
def test_errors_of_the_bus(bench, answer):
    """While the program comes, and while weights come; then everything is well again."""
    program = bench.programs[CHOSEN[1]]
    script, status = bench.script(), []
    for beat in (0, 5, 17):
        script.command("fault", beat, answer).load(program.image, program.weights)
    script.load(program.image, program.weights)
    script.command("fault", 3, answer).images(program.tables, program.frames).read("status")
    script.load(program.image, program.weights).images(program.tables, program.frames)
    *status, loaded, none, behind, good, traces = script.run()
    assert [s & CODE for s in (*status, loaded, behind, good)] == [answer] * 3 + [0, answer, 0]
    assert none is None and behind & FAILED and not behind & state_bit("running")
    bench.expect(program, traces)


@simulates
def test_a_memory_that_never_answers(bench):
    """The watchdog ends it; what was asked for must still come before anything else begins."""
    program = bench.programs[CHOSEN[2]]
    script = bench.script().write("watchdog", 500).command("silent", 1)
    script.load(program.image, program.weights).read("status")
    script.command("silent", 0).load(program.image, program.weights)
    script.command("silent", 1).images(program.tables, program.frames).read("status")
    script.write("control", 6).command("clocks", 500).read("status")
    script.command("silent", 0).command("clocks", 500).read("status")
    # The tables have kept the program.
    script.images(program.tables, program.frames)
    first, same, good, none, stopped, waits, reset, traces = script.run()
    assert first & CODE == same & CODE == faults.WATCHDOG
    assert good & CODE == 0 and none is None and stopped & CODE == faults.WATCHDOG
    assert waits & state_bit("resetting") and not reset & state_bit("resetting")
    assert reset & (CODE | LOADED) == LOADED
    bench.expect(program, traces)


@simulates
def test_reset_in_the_midst(bench):
    """By the pin and by the register, whatever is under way."""
    first, second = (bench.programs[seed] for seed in CHOSEN[:2])
    script = bench.script()
    for clocks in (1, 40, 200, 333, 700):
        script.load(first.image, first.weights).feed(first.frames, clocks)
        if clocks % 2:
            script.command("reset", 2)
        script.load(second.image, second.weights).images(second.tables, second.frames)
    for clocks in (3, 30, 120):
        script.load(first.image, first.weights, wait=False).command("clocks", clocks)
        script.load(second.image, second.weights).images(second.tables, second.frames)
    # A reset alone keeps the program.
    script.feed(second.frames, 99).write("control", 6).command("clocks", 200)
    script.images(second.tables, second.frames)
    told = script.run()
    statuses = [value for value in told if isinstance(value, int)]
    traces = [value for value in told if not isinstance(value, int)]
    assert all(status & CODE == 0 and status & LOADED for status in statuses)
    assert len(traces) == 9
    for found in traces:
        bench.expect(second, found)


@simulates
def test_the_memory_may_pause(bench):
    program = bench.programs[CHOSEN[0]]
    script = bench.script()
    for pauses in (1, 2):
        script.command("ddr", 7, 200, pauses).load(program.image, program.weights)
        script.images(program.tables, program.frames, seed=pauses)
    status, traces, again_, more = script.run()
    assert status & CODE == again_ & CODE == 0
    expected = CEngine.from_module(program.module, bench.cache, ("-O1",)).run(program.frames)
    for found in (traces, more):
        assert np.array_equal(found.potentials, expected.potentials)


def test_no_tool_complains(bench, tmp_path):
    if verilator.find() is not None:
        assert verilator.lint(bench.files, "snnir_top") == []
    if icarus.available():
        assert icarus.lint(bench.files, "snnir_top") == []
    if yosys.find() is not None:
        yosys.check(bench.files, "snnir_top", tmp_path / "yosys")

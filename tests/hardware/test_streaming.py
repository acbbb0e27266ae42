"""Weights from DDR: interpreter, C and Verilog agree clock by clock, and faults end in a status."""

import re
import shutil
from itertools import product

import numpy as np
import pytest
from comparing import differences
from random_networks import network_from_seed
from xdsl.context import Context

from snnir.backends.memory import memory_images, weight_stream
from snnir.backends.verilog import verilog_files
from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.hardware.ddr.loader import loader_module
from snnir.hardware.language.builder import design
from snnir.hardware.memories import pack_rows
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import timing
from snnir.interpreters.comb import Simulator
from snnir.interpreters.pe import neurons_of, program_of, run_program
from snnir.interpreters.pe_schedule import schedules
from snnir.passes.convert_pe_to_hw import ConvertPeToHwPass
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.passes.verify_pe_schedule import VerifyPeSchedulePass
from snnir.runtime import icarus, verilator, yosys
from snnir.runtime.cmodel import CEngine
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.loading import Ddr, Loader, choose_ports, choose_ring, part_bytes, row_layout
from snnir.schedule.losses import layer_losses, peak
from snnir.schedule.reading import read_program

SLOW = Ddr(latency=100, rate=33)
MEMORIES = [Ddr(), Ddr(1, 256), Ddr(3, 179), SLOW]

simulates = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)


def streaming(seed: int, images: int = 2, ring: int = 0, **options):
    """A random network whose weights are streamed, and its images; `ring` -1 is the smallest."""
    network = network_from_seed(seed, images=images)
    options = {**network.options, **options, "weights": "stream"}
    options["ports"] = min(options.get("ports", 0), options.get("banks", 0))
    if ring < 0:
        largest = max(
            tile.rows for tile in read_program(program_of(streaming(seed, images)[0])).tiles
        )
        ring = max(2, 1 << (largest - 1).bit_length())
    TileToPePass(**options, ring=ring).apply(Context(), network.module)
    EventSchedulePass().apply(Context(), network.module)
    VerifyPeSchedulePass().apply(Context(), network.module)
    return network.module, network.frames


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("seed", range(5, 12))
def test_c_counts_what_the_interpreter_counts(seed, tmp_path):
    """With the ports that are chosen, or with two where there are as many banks."""
    onchip = network_from_seed(seed)
    TileToPePass(**onchip.options).apply(Context(), onchip.module)
    EventSchedulePass().apply(Context(), onchip.module)
    expected = run_program(onchip.module, onchip.frames)
    for ring, ports in ((0, 0), (-1, 2)):
        module, frames = streaming(seed, ring=ring, ports=ports)
        engine = CEngine.from_module(module, tmp_path, ("-O1",))
        for ddr in MEMORIES:
            reference = run_program(module, frames, count_cycles=True, ddr=ddr)
            assert differences(reference, expected) == []
            assert differences(engine.run(frames, ddr=ddr), reference) == []


# Rings that are just large enough: of 4 rows for 13 tiles, of 64 rows of one beat in 8 banks.
@simulates
@pytest.mark.parametrize("seed, ports", [(9, 1), (11, 1), (11, 2), (9, 4)])
def test_verilog_counts_the_same(seed, ports, tmp_path):
    module, frames = streaming(seed, ring=-1, ports=ports, **({"banks": 4} if ports == 4 else {}))
    engine = RtlEngine.from_module(module, tmp_path)
    for ddr in MEMORIES:
        reference = run_program(module, frames, count_cycles=True, ddr=ddr)
        for pauses in (0, 1):
            result = engine.run(frames, seed=pauses, ddr=ddr)
            assert differences(result, reference) == []
            assert np.array_equal(result.cycles, reference.cycles)
        reference.layer_cycles = {}
        for pauses in (1, 2, 3):
            assert differences(engine.run(frames, ddr=ddr, ddr_pauses=pauses), reference) == []
    for beat, port in product((0, 5), range(ports)):
        with pytest.raises(UserError, match="status 2: it has stopped, 0 requests open"):
            engine.run(frames, ddr_fault=beat, ddr_fault_port=port)


@pytest.mark.parametrize("seed", [4, 9])
def test_no_tool_complains(seed, tmp_path):
    module, _ = streaming(seed)
    ConvertPeToHwPass().apply(Context(), module)
    for name, text in (verilog_files(module) | memory_images(module)).items():
        (tmp_path / name).write_text(text)
    files = sorted(tmp_path.glob("*.v"))
    if verilator.find() is not None:
        assert verilator.lint(files, "snnir_top") == []
    if icarus.available():
        assert icarus.lint(files, "snnir_top") == []
    if yosys.find() is not None:
        yosys.check(files, "snnir_top", tmp_path / "yosys")


LAYOUTS = [
    # banks, channels, weight bits: slot, beats of a row
    ((2, 1, 2), (32, 1)), ((16, 32, 4), (128, 32)), ((16, 16, 4), (64, 16)),
    ((8, 3, 4), (16, 2)), ((32, 1, 2), (8, 4)), ((1, 24, 8), (192, 3)), ((4, 9, 8), (128, 8)),
]  # fmt: skip


@pytest.mark.parametrize("size, expected", LAYOUTS)
def test_a_beat_is_of_one_row(size, expected):
    layout = row_layout(ArrayParameters(*size[:2], 4, size[2], 8, 8))
    assert (layout.slot, layout.beats) == expected
    assert layout.beats * 64 == layout.banks * layout.slot
    assert layout.banks % layout.banks_per_beat == 0


@pytest.mark.parametrize("seed", [8, 9, 10])
def test_rows_reach_their_banks(seed):
    """The loader alone: what it writes into the rings is what the tables hold."""
    module, _ = streaming(seed)
    tables = read_program(program_of(module))
    written, _ = drive(tables, answer=lambda beat: 0)
    packed = [pack_rows(bank, tables.array.weight_bits) for bank in tables.weights]
    assert written == {
        (k, row): int.from_bytes(data.tobytes(), "little")
        for k, bank in enumerate(packed)
        for row, data in enumerate(bank)
    }


@pytest.mark.parametrize("answer", [2, 3])
def test_a_fault_is_kept_and_nothing_more_is_asked_for(answer):
    tables = read_program(program_of(streaming(8)[0]))
    _, out = drive(tables, answer=lambda beat: answer if beat == 3 else 0)
    assert (out["status"], out["failed"], out["arvalid"]) == (answer, 1, 0)


def drive(tables, answer, clocks=600):
    """Runs the loader on a memory without latency; what it wrote, and its last outputs."""
    array, layout, data = tables.array, row_layout(tables.array), weight_stream(tables)
    sim = Simulator(next(iter(design(loader_module(HardwareTables(tables))).body.block.ops)))
    idle = {"arready": 1, "rdata": 0, "rresp": 0, "rlast": 0, "rvalid": 0}
    base = {"base": 1 << 20, "begins": 0, "end_tile": 0, "rst": 0}
    sim.step(idle | base, rst=1)
    sim.step(idle | base, begins=1)
    beats, written, count = [], {}, 0
    for _ in range(clocks):
        given = dict(idle)
        if beats:
            at, last = beats[0]
            given |= {"rvalid": 1, "rlast": int(last), "rresp": answer(count)}
            given["rdata"] = int.from_bytes(data[at : at + 8], "little")
        out = sim.step(base | given)
        if beats and out["rready"]:
            beats.pop(0)
            count += 1
        if out["arvalid"]:
            first, length = out["araddr"] - (1 << 20), out["arlen"] + 1
            beats += [(first + 8 * i, i + 1 == length) for i in range(length)]
        for k in range(array.banks):
            if out["we"] >> k & 1:
                low = k % layout.banks_per_beat * layout.slot
                width = array.channels * array.weight_bits
                written[k, out["address"]] = out["data"] >> low & ((1 << width) - 1)
    return written, out


def test_loader_by_hand():
    """Two tiles of 3 rows of 4 beats in a ring of 4: the second waits for the first to end."""
    loader = Loader([3, 3], 4, 4, Ddr(latency=10, rate=128))
    # Asked for at clock 1; the first beat comes 10 clocks later, another every second clock.
    assert loader.ready(0) == 1 + 10 + 11 * 2 + 2
    loader.ended(0, 100)
    # Row 3 has come at clock 41; there is room for row 4 at 102, in which its first beat waits.
    assert loader.ready(1) == 102 + 7 * 2 + 2


def test_the_ring_has_room_for_two_tiles_where_that_is_cheap():
    array = ArrayParameters(16, 32, 4, 4, 8, 8)
    assert choose_ring(array, 288, 140) == 1024
    assert choose_ring(array, 288, 100) == 512
    assert choose_ring(array, 3, 140) == 512


@pytest.mark.parametrize("latency, rate", [(0, 256), (5, 0), (5, 257)])
def test_impossible_memories_are_refused(latency, rate):
    with pytest.raises(UserError, match=re.escape(f"latency {latency} and {rate} beats")):
        Ddr(latency, rate)


def test_ports_share_what_the_target_grants():
    array = ArrayParameters(16, 64, 4, 4, 14, 19)
    assert choose_ports(array, 1.47, 150) == 2
    assert choose_ports(array, 1.19, 150) == 1
    # A third of the beats would be padding.
    assert choose_ports(ArrayParameters(2, 8, 4, 4, 14, 19), 9, 150) == 1
    assert [Ddr.shared(1.47, 150, ports, 40).rate for ports in (1, 2, 4)] == [256, 156, 78]
    with pytest.raises(UserError, match="a DDR of 0.001 GB/s is impossible"):
        Ddr.shared(0.001, 150, 1, 40)


def test_each_port_has_its_part_of_the_stream():
    """Two ports read what one reads, each the banks that it has."""
    # So many banks that slots are no wider with two ports.
    tables = [read_program(program_of(streaming(9, banks=16, ports=p)[0])) for p in (1, 2)]
    one, two = (np.frombuffer(weight_stream(t), np.uint8) for t in tables)
    layouts = [row_layout(t.array) for t in tables]
    assert [layout.ports for layout in layouts] == [1, 2]
    assert layouts[0].bytes == layouts[1].bytes
    rows, part = sum(t.rows for t in tables[0].tiles), layouts[0].bytes // 2
    first = two[: rows * part].reshape(rows, part)
    second = two[part_bytes(rows * part // 8) :].reshape(rows, part)
    assert np.array_equal(one.reshape(rows, -1), np.hstack([first, second]))


@pytest.mark.parametrize("ring", [0, -1])
def test_every_clock_is_counted_to_a_part(ring):
    """The losses of a report add up, those for want of weights included."""
    module, frames = streaming(9, ring=ring)
    tables, neurons = read_program(program_of(module)), neurons_of(module)
    reference = run_program(module, frames, count_cycles=True, ddr=SLOW)
    constants, waited = timing(tables, neurons), 0
    for found in schedules(tables, constants, reference.trains, SLOW):
        assert np.array_equal(found.clocks, reference.layer_cycles[found.layer.label])
        if found.runs is None:
            continue
        losses = layer_losses(
            tables.array, constants.resolve, constants.flush, found.runs, found.phases,
            found.tile_ends, np.array([tile.channels for tile in found.tiles]), found.spikes,
        )  # fmt: skip
        assert np.array_equal(sum(losses.values()), found.clocks * peak(tables.array))
        waited += losses["weights"].min()
    assert waited > 0

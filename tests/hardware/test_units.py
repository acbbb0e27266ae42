"""Each unit of the array on its own, in the evaluator of hw modules, against some Python."""

from types import SimpleNamespace

import numpy as np
import pytest

from snnir.backends.verilog import verilog_files
from snnir.dialects.neurons import radix_neuron, rate_neuron, readout_neuron
from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware.adder_tree import lane_module
from snnir.hardware.array import channel_module, channel_multiplexer
from snnir.hardware.columns import Columns, Record
from snnir.hardware.emitter import queue
from snnir.hardware.language.builder import Module, design
from snnir.hardware.neuron import mode_groups, neuron_module
from snnir.hardware.pool import popcount
from snnir.hardware.products import product
from snnir.hardware.readout import readout_module
from snnir.hardware.tables import HardwareTables
from snnir.hardware.timing import fire_stages, tree_stages
from snnir.interpreters.comb import Simulator
from snnir.interpreters.neuron import run_neuron
from snnir.runtime import yosys
from snnir.schedule.program import READOUT, Layer, Mode, Tile


def simulator(m: Module) -> Simulator:
    module = design(m)
    module.verify()
    return Simulator(next(iter(module.body.block.ops)))


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("banks", [1, 2, 4, 8, 32])
def test_lane_adds_gated_weights_and_shifts_between_phases(banks):
    bits, acc_bits, shifts = 4, 14, (2, 4)
    rng = np.random.default_rng(banks)
    sim = simulator(lane_module(banks, bits, acc_bits, shifts))
    late = tree_stages(banks)
    sums, acc = [0] * late, 0
    for step in range(40):
        weights = rng.integers(-8, 8, banks)
        gates = rng.integers(0, 2, banks)
        clear, shift = int(step % 13 == 0), int(rng.choice([0, 0, 0, 1, 2]))
        inputs = {f"weight{k}": int(w) & 15 for k, w in enumerate(weights)}
        inputs |= {
            f"pair{k}": int(weights[2 * k] + weights[2 * k + 1]) & 31 for k in range(banks // 2)
        }
        inputs["gates"] = int((gates << np.arange(banks)).sum())
        out = sim.step(inputs, clear=clear, shift=shift)["accumulator"]
        if step > 0:
            assert signed(out, acc_bits) == acc
        # The sum that has passed the tree meets the accumulator together with clear and shift.
        base = 0 if clear else acc << ((0, *shifts)[shift])
        acc = signed((base + sums.pop(0)) & ((1 << acc_bits) - 1), acc_bits)
        sums.append(int((weights * gates).sum()))


@pytest.mark.skipif(yosys.find() is None, reason="Yosys is not installed")
def test_a_channel_is_small_and_has_no_dsp(tmp_path):
    array = ArrayParameters(16, 1, planes=4, weight_bits=4, acc_bits=10, membrane_bits=16)
    for name, text in verilog_files(design(channel_module(array, shifts=(4,)))).items():
        (tmp_path / name).write_text(text)
    cells = yosys.synth_xilinx(sorted(tmp_path.glob("*.v")), "channel", tmp_path / "yosys")
    assert cells["dsp"] == 0
    assert cells["lut"] <= 6 * array.synaptic_operations


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 16, 18])
def test_multiplexer_takes_two_clocks(channels):
    m = Module("drain_mux")
    m.clock()
    index = m.input("index", max(1, (channels - 1).bit_length()))
    shadows = [m.const(10 + c, 8) for c in range(channels)]
    m.output("chosen", channel_multiplexer(m, shadows, index))
    sim = simulator(m)
    seen = [sim.step(index=min(c, channels - 1))["chosen"] for c in range(channels + 2)]
    assert seen[2:] == [10 + c for c in range(channels)]


NEURONS = {
    "radix": radix_neuron("radix"),
    "soft": rate_neuron("soft"),
    "hard": rate_neuron("hard", reset="hard", compare="gt"),
    "after": rate_neuron("after", emission="after"),
    "sum_radix": readout_neuron("sum_radix", radix=True),
    "sum_rate": readout_neuron("sum_rate", radix=False),
}
PROGRAMS = [
    [Mode("radix", "direct", 4, 3, 2), Mode("radix", "radix", 3, 3, 0),
     Mode("sum_radix", "radix", 3, 3, 0)],
    [Mode("soft", "direct", 4, 2, 1, rate=True), Mode("soft", "rate", 2, 2, 0, rate=True),
     Mode("sum_rate", "rate", 2, 2, 0, rate=True)],
    [Mode("after", "direct", 2, 4, 0, rate=True), Mode("hard", "rate", 4, 4, 3, rate=True)],
    [Mode("sum_radix", "direct", 4, 1, 0)],
]  # fmt: skip


@pytest.mark.parametrize("modes", PROGRAMS, ids=lambda modes: modes[0].neuron)
def test_fire_is_what_the_interpreter_does(modes):
    array = ArrayParameters(2, 2, planes=4, weight_bits=4, acc_bits=8, membrane_bits=18)
    used = sorted({p for mode in modes for p in NEURONS[mode.neuron].param_names})
    sim = simulator(neuron_module(modes, NEURONS, used, array))
    groups, where = mode_groups(modes)
    late = fire_stages(tuple(modes), NEURONS)
    rng = np.random.default_rng(1)
    for index, mode in enumerate(modes):
        count = 8
        planes = rng.integers(-100, 100, (count, 4))
        params = {"theta": rng.integers(1, 300, count), "bias": rng.integers(-50, 50, count)}
        group, fraction = where[index]
        choice = {"group": group} if len(groups) > 1 else {}
        if max(len(fractions) for _, fractions in groups) > 1:
            choice["fraction"] = fraction
        results = []
        for step in range(count + late):
            n = min(step, count - 1)
            word = sum((int(v) & 255) << (8 * p) for p, v in enumerate(planes[n]))
            given = {p: int(params[p][n]) & ((1 << 18) - 1) for p in used}
            results.append(sim.step(accumulators=word, **given, **choice))
        neuron = NEURONS[mode.neuron]
        for n in range(count):
            currents = [planes[n, p].reshape(1, 1) for p in reversed(range(mode.planes))]
            spikes, membrane = run_neuron(
                neuron, currents, {p: params[p][n : n + 1] for p in neuron.param_names},
                coding=mode.coding, steps_in=mode.planes, steps_out=mode.steps,
                fraction=mode.fraction, rate=mode.rate,
            )  # fmt: skip
            result = results[n + late]
            assert signed(result["membrane"], 18) == membrane.item()
            train = 0
            for spike in spikes or []:
                train = 2 * train + int(spike.item())
            assert result["train"] == train


def test_modes_that_differ_in_fraction_share_a_pipeline():
    modes = [Mode("radix", coding, 4, 4, f) for coding, f in [("direct", 0), ("radix", 2)]]
    modes.append(Mode("sum_radix", "radix", 4, 4, 2))
    groups, where = mode_groups(modes)
    assert [fractions for _, fractions in groups] == [[0, 2], [2]]
    assert where == [(0, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize("a_bits, b, width", [(8, None, 12), (1, None, 4), (5, 6, 9), (3, 0, 3)])
def test_products(a_bits, b, width):
    m = Module("product")
    m.clock()
    a = m.input("a", a_bits)
    factor = m.input("b", 6) if b is None else m.const(b, 3)
    first, second = product(m, m.pipe, "p", a, factor, width)
    m.output("first", first)
    m.output("second", m.const(0, width) if second is None else second)
    sim = simulator(m)
    rng = np.random.default_rng(2)
    for _ in range(30):
        x, y = int(rng.integers(1 << a_bits)), int(rng.integers(64)) if b is None else b
        sim.step({"a": x} | ({"b": y} if b is None else {}))
        out = sim.step()
        assert (out["first"] + out["second"]) % (1 << width) == x * y % (1 << width)


def test_queue_keeps_order_and_says_when_it_is_full():
    m = Module("fifo")
    m.clock()
    m.input("rst", 1)
    push, word, pop = m.input("push", 1), m.input("word", 8), m.input("pop", 1)
    for name, signal in queue(m, "q", 4, push, word, pop, early=3)._asdict().items():
        m.output(name, signal)
    sim = simulator(m)
    sim.step(rst=1)
    rng = np.random.default_rng(3)
    entries: list[int] = []
    for value in range(200):
        seen = sim.evaluate(rst=0, push=0, pop=0)
        assert seen["waiting"] == bool(entries) and seen["full"] == (len(entries) == 4)
        assert not entries or seen["head"] == entries[0]
        pop_now = bool(entries) and rng.random() < 0.5
        push_now = len(entries) < 4 and rng.random() < 0.6
        seen = sim.step(push=int(push_now), word=value, pop=int(pop_now))
        entries = entries[int(pop_now) :] + [value] * int(push_now)
        assert seen["waiting_next"] == bool(entries)
        assert seen["full_next"] == (len(entries) == 4)
        assert not entries or seen["early"] == entries[0] & 7


@pytest.mark.parametrize("width", [1, 3, 8, 16])
def test_popcount(width):
    m = Module("count")
    m.output("ones", popcount(m.input("value", width)))
    sim = simulator(m)
    for value in {0, 1, (1 << width) - 1, 0b10110 % (1 << width)}:
        assert sim.evaluate(value=value)["ones"] == value.bit_count()


def test_columns_store_only_what_differs():
    table = Columns("t", {"a": [1, 5, 0], "same": [7, 7, 7], "b": [-3, 2, 0]})
    assert (table.width("a"), table.width("same"), table.width("b")) == (3, 3, 3)
    assert table.row_bits == 6 and table.stored == ["a", "b"]
    m = Module("reader")
    m.clock()
    row = m.instance("rom", table.memory(), raddr=m.input("row", 2))["rdata"]
    for key, field in table.fields(m, row).items():
        m.output(key, table.resize(key, field, 5))
    sim = simulator(m)
    for index, expected in enumerate([(1, 7, -3), (5, 7, 2), (0, 7, 0)]):
        sim.step(row=index)
        out = sim.evaluate()
        assert (out["a"], out["same"], signed(out["b"], 5)) == expected


def test_records_unpack_what_they_packed():
    record = Record({"x": 3, "y": 1, "z": 5})
    m = Module("record")
    inputs = {key: m.input(f"in_{key}", width) for key, width in record.widths.items()}
    for key, field in record.unpack(record.pack(inputs)).items():
        m.output(key, field)
    assert simulator(m).evaluate(in_x=5, in_y=1, in_z=17) == {"x": 5, "y": 1, "z": 17}


@pytest.mark.parametrize(
    "tiles, pixels, lanes",
    [((3, 3, 2), 3, 2), ((5,), 1, 4), ((4, 4, 1), 2, 4), ((3, 1), 4, 1), ((8, 8, 5), 2, 2)],
)
def test_readout_sends_channels_in_order(tiles, pixels, lanes):
    """Potentials come tile by tile, pixel by pixel, `lanes` channels at once."""
    bits, channels = 12, sum(tiles)
    array = ArrayParameters(8, tiles[0], 4, 4, 8, bits, drain=lanes)
    layer = Layer("out", READOUT, 0, len(tiles), channels, 1, pixels, 1, pixels)
    program = SimpleNamespace(
        array=array, layers=(layer,), tiles=tuple(Tile(0, 1, 0, 0, n) for n in tiles),
        potentials=channels * pixels, name="net", image=(1, 1, 1), batch=1, image_stride=(0, 0),
        modes=(Mode("sum_radix", "radix", 4, 1, 0),), moves=False, windows=1, recurs=False,
    )  # fmt: skip
    tables = HardwareTables.__new__(HardwareTables)
    object.__setattr__(tables, "program", program)
    sim = simulator(readout_module(tables))
    rng = np.random.default_rng(7)
    values = rng.integers(-(1 << bits - 1), 1 << bits - 1, (channels, pixels))
    idle = {"valid": 0, "membrane": 0, "last": 0, "tile_last": 0, "send": 0, "tready": 0}
    sim.step(rst=1, ready=0, **idle)
    sim.step(rst=0, ready=1, **idle)
    first = 0
    for count in tiles:
        for pixel in range(pixels):
            for channel in range(0, count, lanes):
                own = values[first + channel : first + min(channel + lanes, count), pixel]
                word = sum((int(v) & ((1 << bits) - 1)) << bits * i for i, v in enumerate(own))
                last = {
                    "last": int(channel + lanes >= count),
                    "tile_last": int(pixel + 1 == pixels),
                }
                sim.step(idle | last, ready=0, valid=1, membrane=word)
                if rng.random() < 0.3:
                    sim.step(idle)
        first += count
    sim.step(idle, send=1)
    seen = []
    while not seen or not seen[-1][1]:
        tready = int(rng.random() < 0.7)
        out = sim.step(idle, tready=tready)
        if tready and out["tvalid"]:
            seen.append((signed(out["tdata"], 32), out["tlast"]))
    assert [value for value, _ in seen] == values.ravel().tolist()

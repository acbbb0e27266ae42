"""The printed C: its spikes, potentials, events and clocks, its warnings, its sanitizers."""

import re
import subprocess
from io import StringIO

import numpy as np
import pytest
from c_programs import (
    SANITIZERS,
    build,
    example_module,
    example_program,
    needs_gcc,
    parse,
    run,
    schedule,
    write_sources,
)
from random_networks import network_from_seed
from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.parser import Parser

from snnir.backends.c import CTarget, c_sources
from snnir.backends.c import text as c_text
from snnir.backends.c.gather import gather_mode, integration_gain
from snnir.dialects.neurons import radix_neuron, rate_neuron, readout_neuron
from snnir.dialects.pe_layers import LayerOp
from snnir.dialects.snn import FireOp, YieldOp
from snnir.errors import UserError
from snnir.interpreters.pe import run_program
from snnir.pipeline.plugins import make_context
from snnir.runtime.cmodel import CEngine

QUICK = ("-O1",)
RNG = np.random.default_rng(5)
CONV = RNG.integers(-8, 8, (2, 3, 3))
DENSE = RNG.integers(-8, 8, (2, 2, 2, 2))
FRAMES = RNG.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8) * (RNG.random((6, 4, 4, 1)) < 0.7)

pytestmark = needs_gcc


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def engine(module, cache, options=QUICK):
    return CEngine.from_module(module, cache, options)


def example_by_hand(frames):
    """Trains and potentials of the example program, by sums over its pixels."""
    image = frames[..., 0].astype(np.int64)
    trains = np.zeros((len(image), 2, 2, 2), np.int64)
    for y in range(2):
        for x in range(2):
            window = image[:, y : y + 3, x : x + 3]
            v = (window[:, None] * CONV).sum((2, 3)) + [11, -30] + np.array([40, 70]) // 2
            trains[:, :, y, x] = np.clip(v // [40, 70], 0, 15)
    return trains, (trains[:, None] * DENSE).sum((2, 3, 4)) + [5, -6]


def test_example_equals_sums_by_hand(cache):
    result = engine(example_module(CONV, DENSE), cache).run(FRAMES)
    trains, potentials = example_by_hand(FRAMES)
    assert trains.max() > 2 and trains.min() == 0
    np.testing.assert_array_equal(result.trains["conv1"], trains)
    np.testing.assert_array_equal(result.potentials, potentials)
    np.testing.assert_array_equal(result.trains["input"], FRAMES.transpose(0, 3, 1, 2))
    assert list(result.cycles) == [
        sum(c[i] for c in result.layer_cycles.values()) for i in range(6)
    ]
    # Each of four windows sees the events of both words; the dense layer sees those of conv1.
    words = [FRAMES[..., 0] >> 4, FRAMES[..., 0] & 15]
    seen = sum((w[:, y : y + 3, x : x + 3] != 0).sum((1, 2))
               for w in words for y in range(2) for x in range(2))  # fmt: skip
    np.testing.assert_array_equal(result.events["conv1"], seen)
    np.testing.assert_array_equal(result.events["out"], (trains != 0).sum((1, 2, 3)))


def assert_equal_to_interpreter(module, frames, cache, options=QUICK):
    want = run_program(module, frames, count_cycles=True)
    c = engine(module, cache, options)
    got = c.run(frames)
    np.testing.assert_array_equal(got.potentials, want.potentials)
    assert set(got.trains) == set(want.trains)
    for label, trains in want.trains.items():
        np.testing.assert_array_equal(got.trains[label], trains, err_msg=label)
    assert set(got.layer_cycles) == set(want.layer_cycles)
    for label, cycles in want.layer_cycles.items():
        np.testing.assert_array_equal(got.layer_cycles[label], cycles, err_msg=label)
    for label, events in want.events.items():
        np.testing.assert_array_equal(got.events[label], events, err_msg=label)
    fast = c.run(frames, record=False, count=False)
    np.testing.assert_array_equal(fast.potentials, want.potentials)
    np.testing.assert_array_equal(list(fast.events.values()), list(got.events.values()))
    assert fast.cycles is None and fast.trains == {}


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_the_interpreter(seed, cache):
    """Every train, event and clock, in each coding and on small arrays of all shapes."""
    net = network_from_seed(100 + seed, images=3)
    module = schedule(net.module, net.pipeline)
    assert_equal_to_interpreter(module, net.frames, cache)


def test_optimised_for_this_machine(cache):
    net = network_from_seed(4, images=3)
    module = schedule(net.module, net.pipeline)
    assert_equal_to_interpreter(module, net.frames, cache, ("-O3", "-march=native", "-fopenmp"))


def test_network_of_a_readout_alone(cache, tmp_path):
    """Nothing fires, and no function is left over that a compiler would warn of."""
    nets = map(network_from_seed, range(200))
    net = next(n for n in nets if not any(isinstance(op, FireOp) for op in n.module.walk()))
    module = schedule(net.module, net.pipeline)
    assert [op.is_readout for op in module.walk() if isinstance(op, LayerOp)] == [True]
    build(write_sources(c_sources(module), tmp_path), "-O2")
    assert_equal_to_interpreter(module, net.frames, cache)


def test_several_threads_are_as_one(cache):
    c = engine(example_module(CONV, DENSE), cache, ("-O1", "-fopenmp"))
    frames = np.tile(FRAMES, (20, 1, 1, 1))
    many = c.run(frames)
    c.threads = 1
    one = c.run(frames)
    for name in ("potentials", "cycles"):
        np.testing.assert_array_equal(getattr(many, name), getattr(one, name))
    np.testing.assert_array_equal(many.trains["conv1"], one.trains["conv1"])


# Neurons ---------------------------------------------------------------------------------------


def everything_neuron():
    """A neuron that uses each op there is: `_strange` happens to every current."""
    neuron = radix_neuron("radix")

    def constant(value):
        return arith.ConstantOp(IntegerAttr(value, i64)).result

    block = neuron.integrate.block
    for op in reversed(list(block.ops)):
        op.detach()
        op.erase()
    v, i, theta, bias = block.args
    with ImplicitBuilder(block):
        halved = arith.ShRSIOp(v, constant(2)).result
        turned = arith.SubiOp(constant(0), i).result
        low = arith.MinSIOp(turned, arith.MaxSIOp(v, bias).result).result
        bits = arith.XOrIOp(
            arith.AndIOp(low, constant(0x5A)).result, arith.OrIOp(i, constant(-128)).result
        ).result
        positive = arith.CmpiOp(bits, theta, "sgt").result
        same = arith.CmpiOp(v, i, "eq").result
        count = arith.AddiOp(
            arith.ExtUIOp(arith.XOrIOp(positive, same).result, i64).result,
            arith.ShRUIOp(arith.AndIOp(i, constant(255)).result, constant(3)).result,
        ).result
        product = arith.MuliOp(count, constant(-3)).result
        arm = arith.SelectOp(positive, product, arith.ShLIOp(turned, constant(1)).result).result
        YieldOp(arith.AddiOp(arith.AddiOp(halved, arm).result, low).result)
    return neuron


def test_every_op_of_a_neuron(cache):
    neurons = everything_neuron(), readout_neuron("readout_radix", radix=True)
    module = parse(example_program(CONV, DENSE), *neurons)
    source = c_sources(module)["model.c"]
    assert "add_currents(s, t, oy, ox, BY_PLANE, 4" in source
    frames = RNG.integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
    options = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    assert_equal_to_interpreter(module, frames, cache, options)


def test_two_states_that_are_exchanged(cache):
    text = """
snn.neuron @radix after state ["v", "theta_2"] params ["theta", "bias"]
start {
^bb0(%theta: i64, %bias: i64):
  snn.yield %bias, %theta : i64, i64
}
integrate {
^bb0(%v: i64, %u: i64, %i: i64, %theta: i64, %bias: i64):
  %v2 = arith.addi %u, %i : i64
  snn.yield %v2, %v : i64, i64
}
settle {
^bb0(%v: i64, %u: i64, %theta: i64, %bias: i64):
  snn.yield %u, %v : i64, i64
}
fire {
^bb0(%v: i64, %u: i64, %theta: i64, %bias: i64, %left: i64):
  %s = arith.cmpi sgt, %v, %u : i64
  %w = arith.subi %v, %left : i64
  snn.yield %u, %w, %s : i64, i64, i1
}
"""
    neuron = next(iter(Parser(make_context(), text).parse_module().ops))
    neuron.detach()
    readout = readout_neuron("readout_radix", radix=True)
    module = parse(example_program(CONV, DENSE, theta=(4, 7)), neuron, readout)
    assert_equal_to_interpreter(module, FRAMES, cache)


@pytest.mark.parametrize(
    ("neuron", "gain"),
    [
        (radix_neuron(), 2),
        (rate_neuron(emission="after"), 1),
        (rate_neuron(reset="hard"), 1),
        (readout_neuron("r", radix=True), 2),
        (readout_neuron("r", radix=False), 1),
        (everything_neuron(), None),
    ],
)
def test_what_integration_is_linear(neuron, gain):
    assert integration_gain(neuron) == gain


def test_only_neurons_that_fire_step_by_step_need_planes():
    def mode(neuron, takes_sum=False, bits=16):
        return gather_mode(neuron, calls_take_sum=takes_sum, total_bits=bits)

    assert mode(radix_neuron()) == "BY_VALUE"
    assert mode(rate_neuron(emission="after")) == "BY_COUNT"
    assert mode(rate_neuron()) == "BY_PLANE"
    assert mode(rate_neuron(), takes_sum=True) == "BY_VALUE"
    assert mode(radix_neuron(), bits=33) == "BY_PLANE"
    assert mode(everything_neuron()) == "BY_PLANE"


# The text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 4])
def test_no_compiler_warns(seed, tmp_path):
    net = network_from_seed(seed, images=1)
    sources = c_sources(schedule(net.module, net.pipeline))
    folder = write_sources(sources, tmp_path)
    build(folder, "-O2", "-fopenmp")
    build(folder, "-O1", "-DNET_PORTABLE", "-funsigned-char")


def test_makefile(tmp_path):
    folder = write_sources(c_sources(example_module(CONV, DENSE)), tmp_path)
    result = run("make", "-C", folder, "CC=gcc", "CFLAGS=-O1 -Werror")
    assert result.returncode == 0, result.stderr
    np.save(folder / "x.npy", FRAMES)
    assert run(folder / "run", folder / "x.npy", "--quiet").stdout.startswith("6 images, ")


def test_sources_do_not_depend_on_the_run():
    module = example_module(CONV, DENSE)
    assert c_sources(module) == c_sources(module)


def test_one_file_under_sanitizers(tmp_path):
    """`-t c` prints one file that compiles and runs by itself."""
    net = network_from_seed(110, images=3)
    module = schedule(net.module, net.pipeline)
    stream = StringIO()
    CTarget().emit(Context(), module, stream)
    (tmp_path / "net.c").write_text(stream.getvalue())
    np.save(tmp_path / "x.npy", net.frames)
    want = run_program(module, net.frames).potentials
    for options in (SANITIZERS, (*SANITIZERS, "-mavx2") if has_avx2() else SANITIZERS):
        program = build(tmp_path, *options, sources=("net.c",))
        result = run(program, tmp_path / "x.npy", "-o", tmp_path / "y.npy", "--layers")
        assert result.returncode == 0, result.stderr
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), want)


def has_avx2() -> bool:
    try:
        with open("/proc/cpuinfo") as file:
            return " avx2 " in file.read()
    except OSError:
        return False


def test_weights_survive_as_strings(tmp_path):
    weights = np.concatenate([np.arange(-128, 128), RNG.integers(-128, 128, 3000)]).astype(np.int8)
    # Bytes that look like escapes, digits behind escapes, trigraphs.
    tricky = np.frombuffer(b'\x01234\\n"??/??=\x007%d', np.int8)
    weights = np.concatenate([weights, tricky, tricky])
    rows = c_text.weight_rows(weights)
    (tmp_path / "w.c").write_text(
        "#include <stdio.h>\n"
        f"static const signed char w[4][{c_text.WEIGHT_ROW}] = {{\n{rows}\n}};\n"
        f"int main(void) {{ return fwrite(w, 1, {weights.size}, stdout) != {weights.size}; }}\n"
    )
    program = build(tmp_path, sources=("w.c",))
    result = subprocess.run([program], capture_output=True, check=True)
    assert result.stdout == weights.tobytes()


def test_labels_of_any_kind(cache):
    module = example_module(CONV, DENSE)
    label = 'blk*/"1" name_x ???/ \u00e9'
    next(op for op in module.walk() if isinstance(op, LayerOp)).label = StringAttr(label)
    assert label in engine(module, cache).run(FRAMES).trains


def test_names_become_identifiers():
    module = example_module(CONV, DENSE)
    sources = c_sources(parse(str(module).replace("@net", '@"7-net.onnx"')))
    assert "void n7_net_onnx_run(n7_net_onnx_state *state" in sources["model.h"]
    assert "#define N7_NET_ONNX_IMAGE 16" in sources["model.h"]
    assert not re.search(r"\b(name|NAME)_|@\w+@", "".join(sources.values()))


# What users get wrong --------------------------------------------------------------------------


def test_program_without_addresses():
    text = re.sub(r"place #pe.place<[^>]*>", "", example_program(CONV, DENSE))
    neurons = radix_neuron("radix"), readout_neuron("readout_radix", radix=True)
    with pytest.raises(UserError, match="layer 'conv1' has no address"):
        c_sources(parse(text, *neurons))


def test_module_without_program():
    with pytest.raises(UserError, match="one pe.program, the module has 0"):
        c_sources(parse("builtin.module {}"))


def test_banks_that_differ():
    text = example_program(CONV, DENSE)
    weights = re.search(r"weights (dense<\[\[\[.*?\]\]\]>) : tensor<2x9x2xi8>", text)[1]
    numbers = np.array(eval(weights[6:-1]))
    numbers[1, 4, 0] ^= 1
    text = text.replace(weights, f"dense<{numbers.tolist()}>")
    neurons = radix_neuron("radix"), readout_neuron("readout_radix", radix=True)
    with pytest.raises(UserError, match="its banks differ"):
        c_sources(parse(text, *neurons))


def test_readout_that_fires():
    text = example_program(CONV, DENSE).replace("@readout_radix", "@radix")
    text = text.replace("params {bias", "params {theta = dense<1> : tensor<2xi32>, bias")
    with pytest.raises(UserError, match="a readout never fires, @radix has emission after"):
        c_sources(parse(text, radix_neuron("radix")))


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(UserError, match=r"no C compiler found \(no-such-compiler\)"):
        engine(example_module(CONV, DENSE), tmp_path)


def test_compiler_that_fails(tmp_path):
    sources = c_sources(example_module(CONV, DENSE))
    sources["model.c"] += "int broken(\n"
    with pytest.raises(UserError, match="compiling model.c failed with status 1: .*error"):
        CEngine(sources, tmp_path, QUICK)


def test_library_is_built_once(tmp_path):
    module = example_module(CONV, DENSE)
    first = engine(module, tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.so")}
    assert len(stamps) == 1 and first.labels == ["input.0", "input.1", "conv1", "out"]
    engine(module, tmp_path)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.so")}


@pytest.mark.parametrize("frames", [np.zeros((2, 4, 5, 1), np.uint8), np.zeros((2, 4, 4, 1))])
def test_wrong_frames(frames, cache):
    with pytest.raises(UserError, match=r"the network takes uint8 \(N, 4, 4, 1\)"):
        engine(example_module(CONV, DENSE), cache).run(frames)

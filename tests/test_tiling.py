"""Tiling and scheduling: whatever is cut and placed computes the very trains of the network."""

import numpy as np
import pytest
from c_programs import parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_networks import network_from_seed, random_network

from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.neurons import radix_neuron, readout_neuron
from snnir.errors import UserError
from snnir.interpreters.pe import LayoutError, program_of, run_program
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline
from snnir.schedule.places import Lifetime, first_fit
from snnir.schedule.reading import read_program
from snnir.tiling.geometry import Window, axis_taps
from snnir.tiling.weights import digits


def check_equal(network) -> None:
    """The scheduled program gives the trains and potentials of the network."""
    expected = run_snn(network.module, network.images)
    try:
        run_pipeline(network.module, network.pipeline)
    except UserError as error:
        # Some random networks cannot be walked, or leave 32 bits; that must be said, not computed.
        assert "overlapping windows" in error.what or "at most 32" in error.what, network.summary
        return
    run_pipeline(network.module, "verify-pe-schedule")
    found = run_program(network.module, network.frames)
    visited = {
        layer.label: layer.visited() for layer in read_program(program_of(network.module)).layers
    }
    shared = set(expected.trains) & set(found.trains)
    assert "input" in shared
    for label in shared:
        words = np.where(visited.get(label, True), expected.trains[label], 0)
        assert np.array_equal(found.trains[label], words), (label, network.summary)
    potentials = expected.potentials.reshape(len(network.frames), -1)
    assert np.array_equal(found.potentials, potentials), network.summary


@pytest.mark.parametrize("seed", range(40))
def test_program_computes_the_network(seed):
    check_equal(network_from_seed(seed))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_program_computes_any_network(data):
    check_equal(random_network(lambda o: data.draw(st.sampled_from(list(o))), 1))


@pytest.mark.parametrize("reuse", ["true", "false"])
def test_reuse_of_places_changes_no_train(reuse):
    network = network_from_seed(3)
    expected = run_snn(network.module, network.images)
    run_pipeline(network.module, network.pipeline.replace("schedule", f"schedule{{reuse={reuse}}}"))
    found = run_program(network.module, network.frames)
    assert np.array_equal(found.potentials.ravel(), expected.potentials.ravel())


def test_wrong_rows_are_noticed():
    """The interpreter runs from the tables, so a wrong one does not go unseen."""
    noticed = 0
    for seed in range(10):
        network = network_from_seed(seed)
        expected = run_snn(network.module, network.images)
        run_pipeline(network.module, network.pipeline)
        stream = program_of(network.module).layers[-1].tiles[-1].streams[-1]
        stream.runs = to_dense(from_dense(stream.runs) + np.array([0, 0, 0, 0, 1], np.int32))
        try:
            found = run_program(network.module, network.frames)
        except LayoutError:
            noticed += 1
            continue
        noticed += not np.array_equal(found.potentials.ravel(), expected.potentials.ravel())
    assert noticed >= 3


def conv_network(inputs: int, outputs: int):
    """A 1x1 convolution of an image of 4x4 pixels, and a dense readout of it."""
    params = f"dense<3> : tensor<{outputs}xi32>"
    image, hidden = f"{inputs}x4x4, direct, 4", f"{outputs}x4x4"
    text = f"""
func.func @net(%image: tensor<1x{inputs}x4x4xf32>) -> tensor<1x2xf32> {{
  %x = snn.encode %image : tensor<1x{inputs}x4x4xf32> -> !snn.train<{image}>
  %i = snn.conv %x weight_bits 4 weights dense<1> : tensor<{outputs}x{inputs}x1x1xi8>
      : !snn.train<{image}> -> !snn.current<{hidden}, direct, 4>
  %t = snn.fire %i with @radix name "conv1" params {{theta = {params}, bias = {params}}}
      : !snn.current<{hidden}, direct, 4> -> !snn.train<{hidden}, radix, 4>
  %j = snn.dense %t weight_bits 4 weights dense<3> : tensor<2x{outputs * 16}xi8>
      : !snn.train<{hidden}, radix, 4> -> !snn.current<2x1x1, radix, 4>
  %v = snn.readout %j with @readout_radix name "out" params {{bias = dense<0> : tensor<2xi32>}}
      : !snn.current<2x1x1, radix, 4> -> tensor<1x2xf32>
  func.return %v : tensor<1x2xf32>
}}
"""
    return parse(text, radix_neuron("radix"), readout_neuron("readout_radix", radix=True))


@pytest.mark.parametrize("seed", [2, 9, 14, 23])
def test_lanes_of_the_drain_change_clocks_only(seed):
    cycles = []
    for lanes in (1, 2, 4, 8):
        network = network_from_seed(seed)
        network.options |= {"banks": 8, "channels": 5, "drain": lanes}
        run_pipeline(network.module, network.pipeline)
        found = run_program(network.module, network.frames, count_cycles=True)
        if not cycles:
            first = found
        assert np.array_equal(found.potentials, first.potentials)
        assert all(np.array_equal(found.trains[key], first.trains[key]) for key in first.trains)
        cycles.append(found.cycles)
    assert (np.diff(cycles, axis=0) <= 0).all() and (cycles[-1] < cycles[0]).all()


def test_the_compiler_takes_lanes_where_layers_have_few_inputs():
    """A layer with fewer clocks of events than channels would wait for one lane."""
    drains = []
    for inputs, outputs in ((1, 64), (256, 8)):
        module = conv_network(inputs, outputs)
        run_pipeline(module, "tile-to-pe{banks=8 channels=16}")
        drains.append(program_of(module).array.data.drain)
    assert drains[0] > 1 and drains[1] == 1


# Geometry --------------------------------------------------------------------------------------


@given(st.integers(-(2**15), 2**15 - 1), st.integers(2, 8))
def test_digits_make_up_the_weight(weight, bits):
    pieces = digits(np.array([weight]), bits)
    assert sum(int(d.weights[0]) << d.shift for d in pieces) == weight
    assert all(-(1 << (bits - 1)) <= d.weights[0] < 1 << (bits - 1) for d in pieces)
    assert pieces[-1].shift == 0


def test_taps_of_a_window_are_one_run():
    taps = axis_taps(6, 6, Window(kernel=3, before=1), None, 6)
    assert taps.runs() == [(-1, (0, 1, 2))]
    assert (taps.stride, taps.bound) == (1, 6)


def test_dilated_taps_are_single_pixels():
    assert axis_taps(6, 2, Window(kernel=3, dilation=2), None, 6).runs() == [
        (0, (0,)),
        (2, (1,)),
        (4, (2,)),
    ]


def test_an_average_pool_repeats_the_kernel():
    taps = axis_taps(7, 2, Window(kernel=2), Window(kernel=2, stride=2), 3)
    assert taps.stride == 2
    assert sorted(zip(taps.offsets, taps.kernel, strict=True)) == [(0, 0), (1, 0), (2, 1), (3, 1)]


def test_the_rim_that_a_pool_leaves_out_is_out_of_bounds():
    # The pool of 7 covers 6; the padding of the window behind it must not see the seventh.
    taps = axis_taps(7, 3, Window(kernel=3, before=1), Window(kernel=2, stride=2), 3)
    assert taps.bound == 6


def test_taps_that_nothing_uses_are_left_out():
    assert axis_taps(2, 1, Window(kernel=5, before=2), None, 2).offsets == (0, 1)


def test_an_overlapping_pool_under_a_padded_window_is_refused():
    with pytest.raises(UserError, match="overlapping windows"):
        axis_taps(4, 4, Window(kernel=3, before=2), Window(kernel=3), 2)


# Places ----------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(1, 9)), min_size=1),
    st.booleans(),
)
def test_first_fit_keeps_maps_apart(maps, reuse):
    maps.sort(key=lambda m: m[0])
    lives = [Lifetime(None, born, born + length) for born, length, _ in maps]
    sizes = [size for _, _, size in maps]
    addresses = first_fit(lives, sizes, reuse)
    spans = list(zip(lives, addresses, sizes, strict=True))
    for index, (one, a, n) in enumerate(spans):
        for other, b, m in spans[:index]:
            if not reuse or one.meets(other):
                assert a + n <= b or b + m <= a


def test_first_fit_takes_the_lowest_gap():
    lives = [Lifetime(None, 0, 1), Lifetime(None, 1, 3), Lifetime(None, 2, 3)]
    assert first_fit(lives, [4, 2, 3], True) == [0, 4, 0]
    assert first_fit(lives, [4, 2, 3], False) == [0, 4, 6]

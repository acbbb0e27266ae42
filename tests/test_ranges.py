"""The range analysis: sound for whatever the neurons meet, exact where it says so."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects import arith
from xdsl.dialects.builtin import i64
from xdsl.ir import Block

import snnir.interpreters.neuron as interpreter
from snnir.analysis.intervals import RULES, signed_bits
from snnir.analysis.ranges import current_range, membrane_range, neuron_ranges
from snnir.dialects.assembly import integer, ints
from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice, rate_neuron
from snnir.dialects.snn import AddOp, ConvOp, DenseOp, OneToOneOp, SumPoolOp, YieldOp
from snnir.dialects.snn_types import CurrentType, SumType, TrainType
from snnir.errors import UserError

CHOICES = [
    NeuronChoice("radix"),
    *(NeuronChoice("rate", "causal", r, c) for r in ("soft", "hard") for c in ("ge", "gt")),
    NeuronChoice("rate", "after"),
    NeuronChoice("rate", "after", "soft", "gt"),
]


def trains(channels, height=1, width=1):
    block = Block(arg_types=[TrainType((channels, height, width), "radix", 4)])
    return block.args[0]


def dense(weights, source):
    weights = np.asarray(weights, np.int8)
    return DenseOp.build(
        operands=[source],
        properties={"weights": to_dense(weights), "weight_bits": integer(8)},
        result_types=[CurrentType((len(weights), 1, 1), "radix", 4)],
    )


@pytest.mark.parametrize("lo, hi, bits", [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-8, 7, 4), (-9, 7, 5)])
def test_signed_bits(lo, hi, bits):
    assert signed_bits(lo, hi) == bits
    assert -(2 ** (bits - 1)) <= lo and hi <= 2 ** (bits - 1) - 1


def test_dense_current_is_exact():
    weights = np.random.default_rng(1).integers(-9, 10, (3, 7))
    lo, hi = current_range(dense(weights, trains(7)))
    every = np.array(list(itertools.product([0, 1], repeat=7))) @ weights.T
    assert lo.tolist() == every.min(0).tolist() and hi.tolist() == every.max(0).tolist()


def test_grouped_convolution_adds_what_its_group_sends():
    weights = np.array([[[[1, -2]]], [[[3, 4]]]], np.int8)
    op = ConvOp.build(
        operands=[trains(2, 1, 2)],
        properties={
            "weights": to_dense(weights),
            "weight_bits": integer(4),
            "strides": ints([1, 1]),
            "pads": ints([0, 0, 0, 0]),
            "dilations": ints([1, 1]),
            "groups": integer(2),
        },
        result_types=[CurrentType((2, 1, 1), "radix", 4)],
    )
    lo, hi = current_range(op)
    assert lo.tolist() == [-2, 0] and hi.tolist() == [1, 7]


def test_average_pools_count_their_terms_and_joined_currents_add():
    source = trains(2, 2, 2)
    pool = SumPoolOp.build(
        operands=[source],
        properties={"kernel": ints([2, 2]), "strides": ints([1, 1]), "pads": ints([0, 0, 0, 0])},
        result_types=[SumType((2, 1, 1), "radix", 4, 4)],
    )
    one = OneToOneOp.build(
        operands=[pool.sum],
        properties={"weights": to_dense(np.array([5, -6], np.int8)), "weight_bits": integer(8)},
        result_types=[CurrentType((2, 1, 1), "radix", 4)],
    )
    other = dense([[1, -1], [2, 2]], trains(2))
    add = AddOp.build(operands=[[one.current, other.current]], result_types=[one.current.type])
    lo, hi = current_range(add)
    assert lo.tolist() == [-1, -24] and hi.tolist() == [21, 4]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_value_ever_leaves_its_range(data):
    """Runs neurons with random currents and watches each operation of their regions."""
    choice = data.draw(st.sampled_from(CHOICES))
    neuron = data.draw(st.sampled_from([choice.fire_neuron(), choice.readout_neuron()]))
    steps = data.draw(st.integers(1, 8))
    fraction = data.draw(st.integers(0, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    rate = choice.coding == "rate"
    coding = data.draw(st.sampled_from(["direct", choice.coding]))
    steps_in = data.draw(st.integers(1, 8)) if coding == "direct" else steps
    channels = 3
    lo = -rng.integers(0, 200, channels)
    hi = rng.integers(0, 200, channels)
    params = {"theta": rng.integers(1, 300, channels), "bias": rng.integers(-300, 300, channels)}
    how = dict(coding=coding, steps_in=steps_in, steps_out=steps, fraction=fraction, rate=rate)
    ranges = neuron_ranges(neuron, params, (lo, hi), **how)
    # Half of the currents sit at a bound, where overflows would happen.
    shape = (40, channels)
    currents = []
    for _ in range(steps_in):
        drawn = rng.integers(lo, hi + 1, shape)
        kind = rng.integers(0, 4, shape)
        currents.append(np.where(kind == 0, lo, np.where(kind == 1, hi, drawn)))
    met = {}
    original = interpreter.evaluate

    def watched(op, operands):
        result = original(op, operands)
        met.setdefault(op.results[0], []).append((int(np.min(result)), int(np.max(result))))
        return result

    interpreter.evaluate = watched
    try:
        interpreter.run_neuron(neuron, currents, params, **how)
    finally:
        interpreter.evaluate = original
    assert met
    for value, seen in met.items():
        if value.type == i64:
            low, high = ranges.values[value]
            assert low <= min(a for a, _ in seen) and max(b for _, b in seen) <= high


def test_radix_membrane_is_bounded_by_its_worst_sum():
    neuron = NeuronChoice("radix").fire_neuron()
    params = {"theta": np.array([10]), "bias": np.array([7])}
    current = (np.array([-3]), np.array([5]))
    how = dict(coding="radix", steps_in=4, steps_out=4, fraction=1, rate=False)
    lo, hi = membrane_range(neuron, params, current, **how)
    # 15 * 5 * 2 + 7 + 5 at most; at least -15 * 3 * 2 + 7 + 5, less 10 << 3 in the subtraction.
    assert (lo, hi) == (-90 + 7 + 5 - 80, 150 + 7 + 5)


def test_soft_reset_is_refined_by_its_comparison():
    """Without it the lower bound would sink by theta at every step."""
    params = {"theta": np.array([100]), "bias": np.array([0])}
    current = (np.array([0]), np.array([60]))
    how = dict(coding="rate", steps_in=16, steps_out=16, fraction=0, rate=True)
    lo, hi = membrane_range(rate_neuron(), params, current, **how)
    assert lo == -100 and hi <= 160


def test_a_rate_neuron_sees_the_whole_pixel_at_every_step():
    params = {"theta": np.array([1000]), "bias": np.array([0])}
    how = dict(coding="direct", steps_in=8, steps_out=2, fraction=0, rate=True)
    ranges = neuron_ranges(rate_neuron(), params, (np.array([0]), np.array([1])), **how)
    (argument,) = [a for a in ranges.values if a.name_hint == "i"]
    assert ranges.values[argument] == (0, 255)


def region_of(build):
    """A neuron whose integrate region is what `build` makes of (v, i)."""
    neuron = NeuronChoice("rate").readout_neuron()
    block = neuron.integrate.block
    for op in reversed(list(block.ops)):
        op.detach()
        op.erase()
    ops, result = build(block.args[0], block.args[1])
    block.add_ops([*ops, YieldOp(result)])
    return neuron


def integrate_range(build, current):
    neuron = region_of(build)
    how = dict(coding="rate", steps_in=1, steps_out=1, fraction=0, rate=True)
    current = tuple(np.array([bound]) for bound in current)
    ranges = neuron_ranges(neuron, {"bias": np.array([0])}, current, **how)
    return ranges.values[neuron.integrate.block.last_op.operands[0]]


@pytest.mark.parametrize("op_type", [t for t in RULES if t is not arith.ShRUIOp])
def test_binary_rules_hold_on_every_pair(op_type):
    function = interpreter.FUNCTIONS[op_type]
    shifts = op_type in (arith.ShLIOp, arith.ShRSIOp)
    for lo, hi in [(-5, 3), (0, 6), (-7, -2), (4, 4)]:

        def build(v, i, shifts=shifts):
            two = arith.ConstantOp(integer(2))
            op = op_type(i, two.result if shifts else i)
            return [two, op], op.results[0]

        low, high = integrate_range(build, (lo, hi))
        values = np.arange(lo, hi + 1)
        result = function(values, 2 if shifts else values)
        assert low <= result.min() and result.max() <= high


def test_unsigned_shift_of_a_negative_value_is_refused():
    def build(v, i):
        one = arith.ConstantOp(integer(1))
        op = arith.ShRUIOp(i, one.result)
        return [one, op], op.result

    assert integrate_range(build, (0, 9)) == (0, 4)
    with pytest.raises(UserError, match="depends on the width"):
        integrate_range(build, (-1, 9))


def test_unknown_ops_are_refused_by_name():
    def build(v, i):
        op = arith.DivSIOp(v, i)
        return [op], op.result

    with pytest.raises(UserError, match="no range rule for arith.divsi"):
        integrate_range(build, (0, 9))

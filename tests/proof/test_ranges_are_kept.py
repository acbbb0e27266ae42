"""The ranges are proved too: an analysis that is wrong is found out."""

import time

import pytest
from proof_units import channels_of
from xdsl.dialects import arith

from snnir.analysis import intervals, ranges
from snnir.neurons.library import load_neuron, shipped
from snnir.schedule.program import Mode

pytest.importorskip("z3", reason="z3-solver is not installed")

from snnir.proof.ranges import prove_ranges

MODE = Mode("alif", "rate", 3, 3, 0, True)
PARAMS = {
    "theta": [40, 90], "bias": [-3, 5], "leak": [2, 4], "recovery": [1, 2], "strength": [3, 3]
}  # fmt: skip


def proof_of(width: int = 16):
    channels = channels_of(MODE, -60, 60, **PARAMS)
    return prove_ranges(load_neuron("alif").op, [channels], width, 10, time.monotonic() + 60)


def test_ranges_are_proved():
    proof = proof_of()
    assert not proof.open and proof.questions > 20 and len(proof.groups) == 1


def test_channels_are_parted_where_the_box_around_them_is_too_large():
    """A large threshold with a bias below 0, and a small one with one above."""
    mode = Mode("if", "rate", 3, 3, 0, True)
    params = {"theta": [100, 10], "bias": [-90, 50]}
    channels = channels_of(mode, -60, 60, **params)
    how = (10, time.monotonic() + 60)
    wide = prove_ranges(load_neuron("if").op, [channels], 11, *how)
    narrow = prove_ranges(load_neuron("if").op, [channels], 10, *how)
    assert [len(found.groups) for found in (wide, narrow)] == [1, 2]
    assert not wide.open and not narrow.open


@pytest.mark.parametrize("kind", [arith.AddiOp, arith.ShRSIOp])
def test_a_wrong_rule_is_found(monkeypatch, kind):
    rule = intervals.RULES[kind]
    monkeypatch.setitem(intervals.RULES, kind, lambda a, b: (rule(a, b)[0], rule(a, b)[1] - 1))
    assert proof_of().open


def test_a_sum_with_no_width_of_its_own_is_seen():
    """What only the spike depends on needs a width as well."""
    from snnir.neurons.library import read_neuron

    text = "neuron n(theta, bias):\n    state v = 0\n    v = I\n    spike when v * v >= theta\n"
    how = dict(coding="rate", steps_in=1, steps_out=1, fraction=0, rate=True)
    channels = channels_of(Mode("n", "rate", 1, 1, 0, True), -100, 100, theta=[5], bias=[0])
    found = ranges.neuron_ranges(read_neuron(text).op, channels.params, channels.current, **how)
    assert found.hi == 10_000


def test_shipped_neurons_use_no_op_without_a_meaning():
    from snnir.proof.ranges import _INTEGER
    from snnir.proof.smt import _REGION

    others = {"arith.cmpi", "arith.select", "arith.constant", "arith.extui", "snn.lookup"}
    known = {op.name for op in _REGION} & {op.name for op in intervals.RULES} | others
    used = {
        op.name
        for name in shipped()
        for role in load_neuron(name).op.ROLES
        for op in load_neuron(name).op.role(role).block.ops
    }
    assert used - {"snn.yield"} <= known and _INTEGER

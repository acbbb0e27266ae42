"""Broken datapaths are not proved: each mutant gets the answer that trying all inputs gives."""

import itertools

import numpy as np
import pytest
from mutants import mutant_of, mutated
from proof_units import channels_of, unit_of
from xdsl.dialects import comb, hw, seq

from snnir.neurons.library import load_neuron, read_neuron
from snnir.schedule.program import Mode

pytest.importorskip("z3", reason="z3-solver is not installed")

from snnir.interpreters.neuron import run_neuron
from snnir.proof.circuit import Circuit, evaluate_nets
from snnir.proof.datapath import prove_datapath
from snnir.proof.smt import PROVED, REFUTED, UNKNOWN

MODE = Mode("if", "rate", 2, 2, 0, True)
LOW, HIGH = -2, 3
PARAMS = {"theta": [2, 3], "bias": [0, 1]}


def unit():
    return unit_of(load_neuron("if").op, MODE, acc_bits=4, membrane_bits=6)


def places(kind=None):
    """Where ops of a design can be mutated, as numbers of a walk."""
    found = []
    for number, op in enumerate(unit().design.walk()):
        if isinstance(op, seq.CompRegOp) if kind else mutated(op) is not None:
            found.append(number)
    return found


def mutant(number):
    return mutant_of(unit(), number)


def is_equal(broken) -> bool:
    """Whether the unit does what the neuron says, by trying all inputs."""
    circuit = Circuit(broken.design, split={"accumulators": [4, 4]}, depth=broken.clocks + 2)
    cases = list(itertools.product(range(LOW, HIGH + 1), range(LOW, HIGH + 1), (2, 3), (0, 1)))
    first, second, theta, bias = (np.array(column) for column in zip(*cases, strict=True))
    values = {"accumulators[1]": first, "accumulators[0]": second, "theta": theta, "bias": bias}
    given = {}
    for net in circuit.nets:
        if net.kind == "input":
            name, age = net.data
            assert age == broken.clocks, "a register is missing"
            given[net] = [int(v) & ((1 << net.width) - 1) for v in values[name]]
    nets = evaluate_nets(circuit.nets, given, len(cases))
    spikes, membrane = run_neuron(
        load_neuron("if").op, [first.reshape(1, -1), second.reshape(1, -1)],
        {"theta": theta, "bias": bias},
        coding="rate", steps_in=2, steps_out=2, fraction=0, rate=True,
    )  # fmt: skip
    train = (spikes[0].astype(int) << 1 | spikes[1]).ravel()
    same = nets[circuit.outputs["train"]] == tuple(train.tolist())
    return same and nets[circuit.outputs["membrane"]] == tuple((membrane.ravel() & 63).tolist())


def proof_of(broken):
    channels = channels_of(MODE, LOW, HIGH, **PARAMS)
    return prove_datapath(load_neuron("if").op, MODE, [channels], broken)


def test_the_unit_is_right():
    proof = proof_of(unit())
    assert proof.answer == PROVED and is_equal(unit())


def test_every_mutant_gets_the_right_answer():
    answers = {PROVED: 0, REFUTED: 0, UNKNOWN: 0}
    for number in places():
        broken = mutant(number)
        proof = proof_of(broken)
        answers[proof.answer] += 1
        assert proof.answer == (PROVED if is_equal(broken) else REFUTED), number
        if proof.example is not None:
            assert proof.example.region != proof.example.datapath
    assert answers[REFUTED] > 12 and answers[PROVED] > 5, answers


def test_a_register_that_is_missing_is_found():
    """What comes out is then partly of another neuron; its inputs are in the counter-example."""
    for number in places(seq.CompRegOp):
        proof = proof_of(mutant(number))
        assert proof.answer == REFUTED
    assert proof.example.region != proof.example.datapath


RARE = """
neuron rare(theta, bias):
    coding rate
    state v = 0
    v = v - (v >> 3) + I + bias
    spike when v >= theta
    on spike: v = v - theta
"""


def test_a_fault_that_no_random_input_meets_is_found():
    """The membrane is one too large in the second step, if it is just 12,345 in the first one."""
    neuron = read_neuron(RARE).op
    mode = Mode("rare", "rate", 2, 2, 0, True)
    broken = unit_of(neuron, mode, acc_bits=16, membrane_bits=20)
    channels = channels_of(mode, -30_000, 30_000, theta=[9_000, 21_000], bias=[-7, 300])
    assert prove_datapath(neuron, mode, [channels], broken).answer == PROVED
    op = next(op for op in broken.design.walk() if isinstance(op, comb.AddOp))
    use = next(iter(op.results[0].uses))
    for new in (
        wanted := hw.ConstantOp(12_345, 20),
        one := hw.ConstantOp(1, 20),
        met := comb.ICmpOp(op.results[0], wanted.result, "eq"),
        more := comb.AddOp([op.results[0], one.result]),
        chosen := comb.MuxOp(met.result, more.result, op.results[0]),
    ):
        op.parent.insert_op_before(new, op.parent.last_op)
    use.operation.operands[use.index] = chosen.result
    proof = prove_datapath(neuron, mode, [channels], broken)
    assert proof.answer == REFUTED
    assert proof.example.region != proof.example.datapath


def test_a_width_that_is_too_small_is_not_proved():
    """14 bits hold what happens in a step, but not what two steps add up to."""
    neuron = read_neuron(RARE).op
    mode = Mode("rare", "rate", 2, 2, 0, True)
    small = unit_of(neuron, mode, acc_bits=14, membrane_bits=14)
    channels = channels_of(mode, -8_000, 8_000, theta=[3_000], bias=[0])
    proof = prove_datapath(neuron, mode, [channels], small)
    assert proof.answer == REFUTED
    assert proof.open == ["range of layer: the ranges do not fit 14 bits"]


def test_an_answer_that_takes_too_long_is_no_proof():
    channels = channels_of(MODE, LOW, HIGH, **PARAMS)
    proof = prove_datapath(load_neuron("if").op, MODE, [channels], unit(), limit=1e-6)
    assert proof.answer == UNKNOWN and proof.open

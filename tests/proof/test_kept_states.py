"""Neurons that begin with states of the window before: proved for all that these may be."""

import functools
import itertools
import time

import numpy as np
import pytest
from mutants import mutant_of, mutated
from neuron_networks import REFRACTORY, parallel_network, renamed
from proof_units import channels_of, datapaths_of, unit_of
from window_networks import window_network
from xdsl.dialects import comb, seq

from snnir.analysis.network import encode_of
from snnir.dialects.assembly import integer
from snnir.neurons.library import load_neuron, read_neuron
from snnir.schedule.program import Mode

pytest.importorskip("z3", reason="z3-solver is not installed")

from snnir.proof.circuit import evaluate_nets
from snnir.proof.datapath import prove_datapath
from snnir.proof.life import Life
from snnir.proof.ranges import prove_ranges
from snnir.proof.smt import PROVED, REFUTED, UNKNOWN
from snnir.proof.unit import run_lives, signed

COUNTING = """
# Silent for a step behind each spike.
neuron counting(theta, bias):
    coding rate
    state v: int4 = theta >> 1
    state rest: uint1 = 0
    v = v + I + bias if rest == 0 else v
    spike when v >= theta and rest == 0
    rest = 0
    on spike:
        v = v - theta
        rest = 1
"""
MODE = Mode("counting", "rate", 1, 1, 0, True, True)
LOW, HIGH, BITS = -2, 3, 6
KEPT = (4, 2)


def counting():
    return unit_of(read_neuron(COUNTING).op, MODE, 4, BITS, KEPT, more=2)


def proof_of(broken, windows: int = 0):
    channels = channels_of(MODE, LOW, HIGH, windows, theta=[2, 3], bias=[0, 1])
    return prove_datapath(read_neuron(COUNTING).op, MODE, [channels], broken)


@functools.cache
def box():
    """What the states may be when a window begins."""
    channels = channels_of(MODE, LOW, HIGH, 0, theta=[2, 3], bias=[0, 1])
    neuron = read_neuron(COUNTING).op
    found = prove_ranges(neuron, [channels], BITS, 10, time.monotonic() + 60, KEPT)
    ((ends,),) = found.before
    assert not found.open
    return ends


def cases(life: Life):
    """All inputs: from any state that may be, or from whatever lies there if it is fresh."""
    words = [range(-(1 << (bits - 1)), 1 << (bits - 1)) for bits in KEPT]
    states = [range(low, high + 1) for low, high in box()]
    all_cases = [
        case
        for fresh, chosen in ((0, states), (1, words))
        for case in itertools.product(range(LOW, HIGH + 1), (2, 3), (0, 1), (fresh,), *chosen)
    ]
    columns = (np.array(column) for column in zip(*all_cases, strict=True))
    return dict(zip(life.inputs, columns, strict=True)), len(all_cases)


def is_equal(broken) -> bool:
    """Whether the unit does what the neuron says, by trying all inputs."""
    life = Life(read_neuron(COUNTING).op, MODE)
    values, count = cases(life)
    circuit = broken.circuit()
    names = {term.name.replace("current0", "accumulators[0]"): term for term in life.inputs}
    names |= {f"kept[{index}]": term for index, term in enumerate(life.before)}
    given = {}
    for net in circuit.nets:
        if net.kind == "input":
            name, age = net.data
            # What another neuron keeps is not looked at.
            column = values[names[name]] if name in names else np.zeros(count, int)
            assert age == broken.clocks or name == "fresh"
            given[net] = [int(v) & ((1 << net.width) - 1) for v in column]
    nets = evaluate_nets(circuit.nets, given, count)
    (spikes,), states = run_lives(life, values)
    read = [broken.kept_states(word) for word in nets[circuit.outputs["kept_next"]]]
    membrane = [signed(word, BITS) for word in nets[circuit.outputs["membrane"]]]
    return (
        np.array_equal(nets[circuit.outputs["train"]], spikes)
        and np.array_equal(membrane, states[0])
        and np.array_equal(np.array(read).T, states)
    )


def test_the_unit_is_right():
    proof = proof_of(counting())
    assert proof.answer == PROVED and proof.ranges, proof.open
    assert is_equal(counting())
    assert proof_of(counting(), windows=3).answer == PROVED


def test_mutants_get_the_right_answer():
    ops = [mutated(op) is not None for op in counting().design.walk()]
    answers = {PROVED: 0, REFUTED: 0, UNKNOWN: 0}
    kept = 0
    for number in list(itertools.compress(itertools.count(), ops))[::2]:
        broken = mutant_of(counting(), number)
        proof = proof_of(broken)
        answers[proof.answer] += 1
        assert proof.answer == (PROVED if is_equal(broken) else REFUTED), number
        kept += proof.example is not None and proof.example.states is not None
    assert answers[REFUTED] > 8 and answers[UNKNOWN] == 0 and kept > 3, (answers, kept)


def changed(kind):
    """The unit with a fault in what becomes of its states."""
    broken = counting()
    top, pipeline = list(broken.design.body.block.ops)[:2]
    match kind:
        case "always fresh" | "never fresh":
            choices = [op for op in pipeline.walk() if isinstance(op, comb.MuxOp)]
            fresh = [op for op in choices if op.cond.name_hint == "fresh"]
            assert len(fresh) == 2
            for op in fresh:
                op.operands[1 if kind == "never fresh" else 2] = op.operands[
                    2 if kind == "never fresh" else 1
                ]
        case "a clock late":
            register = next(
                op for op in top.walk()
                if isinstance(op, seq.CompRegOp) and op.data.name_hint == "kept_now"
            )  # fmt: skip
            register.data.replace_all_uses_with(register.input)
            register.detach()
            register.erase()
    return broken


@pytest.mark.parametrize("kind", ["always fresh", "never fresh", "a clock late"])
def test_a_fault_in_what_is_kept_is_found(kind):
    proof = proof_of(changed(kind))
    assert proof.answer == REFUTED
    assert proof.example.region != proof.example.datapath
    if kind != "a clock late":
        assert (proof.example.states is None) == (kind == "never fresh")


def test_a_word_that_is_too_narrow_is_not_proved():
    neuron = read_neuron(COUNTING).op
    proof = proof_of(unit_of(neuron, MODE, 4, BITS, (3, 2)))
    assert proof.answer != PROVED
    assert proof.open[0].startswith("range of layer: the ranges do not fit 6 bits or what is kept")


GROWING = Mode("if", "rate", 2, 2, 0, True, True)


def test_a_membrane_that_grows_is_proved_for_so_many_windows():
    """11 bits hold -1,024; 10 windows of 2 steps get there, if half of 48 is the beginning."""
    neuron = load_neuron("if").op
    for windows in (10, 11, 0):
        channels = channels_of(GROWING, -50, 50, windows, theta=[48], bias=[0])
        proof = prove_datapath(neuron, GROWING, [channels], unit_of(neuron, GROWING, 8, 11, (11,)))
        if windows == 10:
            assert proof.answer == PROVED, proof.open
        else:
            assert proof.answer != PROVED and "do not fit 11 bits" in proof.open[0]


def test_neurons_of_several_states_go_on():
    """Random numbers, spikes that are delayed, and counters are states like others."""
    neurons = [renamed(load_neuron(name).op, f"{name}_0") for name in ("alif", "glm")]
    network = parallel_network([*neurons, read_neuron(REFRACTORY).op], "rate", 2)
    encode_of(network).properties["windows"] = integer(3)
    seen = set()
    for neuron, mode, layers, unit in datapaths_of(network, 4):
        proof = prove_datapath(neuron, mode, layers, unit)
        assert proof.answer == PROVED and proof.ranges, (mode.neuron, proof.open)
        seen |= {mode.neuron} if mode.kept else set()
    assert {"alif_0", "glm_0", "tired"} < seen


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_of_windows(seed):
    net = window_network(seed, spikes=seed % 2 == 1, most_steps=4)
    for neuron, mode, layers, unit in datapaths_of(net.module, 16):
        proof = prove_datapath(neuron, mode, layers, unit)
        assert proof.answer == PROVED and proof.ranges, (mode, proof.open)

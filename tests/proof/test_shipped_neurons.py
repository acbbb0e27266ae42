"""The datapath of every shipped neuron, with all its options, is proved to be the neuron."""

import pytest
from neuron_networks import REFRACTORY, parallel_network, renamed
from proof_units import channels_of, datapaths_of, unit_of

from snnir.neurons.library import load_neuron, read_neuron, shipped
from snnir.schedule.program import Mode

pytest.importorskip("z3", reason="z3-solver is not installed")

from snnir.proof.datapath import prove_datapath
from snnir.proof.smt import PROVED

RATE = (
    ("if", {}),
    ("if", {"reset": "hard", "compare": "gt"}),
    ("if", {"when_to_fire": "at_the_end"}),
    ("ahead", {}),
    ("ahead", {"ahead": "3", "margin": "1"}),
    ("lif", {}),
    ("lif", {"leak": "13", "reset": "hard"}),
    ("lif", {"leak": "0", "compare": "gt"}),
    ("cuba_lif", {}),
    ("alif", {}),
    ("glm", {}),
    ("glm_window", {"points": "6", "filter": "own"}),
    ("izhikevich", {}),
    ("sigma_delta", {}),
)
RADIX = (("radix", {}), ("ttfs", {}))


def own(index: int, name: str, options: dict[str, str]):
    """A neuron by a name that no other one of the network has."""
    return renamed(load_neuron(name, options).op, f"{name}_{index}")


def proofs(coding: str):
    names = RATE if coding == "rate" else RADIX
    neurons = [own(index, *each) for index, each in enumerate(names)]
    if coding == "rate":
        # One that is not shipped, with states of its own and a refractory counter.
        neurons.append(read_neuron(REFRACTORY).op)
    network = parallel_network(neurons, coding, 4)
    found = {mode.neuron: (neuron, mode, layers, unit)
             for neuron, mode, layers, unit in datapaths_of(network, 4)}  # fmt: skip
    assert {neuron.sym_name.data for neuron in neurons} < set(found)
    return found


def test_all_shipped_neurons_are_here():
    readouts = {"readout_rate", "readout_radix", "readout_leak", "readout_first_spike"}
    assert set(shipped()) == {name for name, _ in (*RATE, *RADIX)} | readouts


@pytest.mark.parametrize("coding", ["rate", "radix"])
def test_every_datapath_is_its_neuron(coding):
    """One unit with all neurons; the readouts and the first layer's neuron are in it, too."""
    for name, (neuron, mode, layers, unit) in proofs(coding).items():
        proof = prove_datapath(neuron, mode, layers, unit)
        assert proof.answer == PROVED and proof.ranges, (name, proof.open)
        assert proof.example is None and not proof.open
        assert 0 < proof.cuts <= proof.terms, name


@pytest.mark.parametrize(
    "options", [{"points": "7"}, {"ties": "strongest", "silent": "nothing"}], ids=str
)
def test_the_readout_of_first_spikes(options):
    neuron = load_neuron("readout_first_spike", options).op
    mode = Mode("readout_first_spike", "rate", 2, 2, 0, True)
    channels = channels_of(mode, -300, 400, bias=[-20, 35], seed=[1, 112], last=[2, 2])
    unit = unit_of(neuron, mode, acc_bits=12, membrane_bits=26)
    proof = prove_datapath(neuron, mode, [channels], unit)
    assert proof.answer == PROVED, proof.open


def test_sixteen_steps_of_one_sum():
    """The random inputs must tell steps apart, or each is taken for others by turns."""
    neuron = load_neuron("glm").op
    mode = Mode("glm", "direct", 8, 16, 0, True)
    params = {"theta": [2659, 4376], "bias": [-1556, 872], "gain": [197, 120], "decay": [1, 1]}
    channels = channels_of(mode, -444, 479, seed=[38, 334], **params)
    unit = unit_of(neuron, mode, acc_bits=11, membrane_bits=23)
    proof = prove_datapath(neuron, mode, [channels], unit)
    assert proof.answer == PROVED and proof.cuts > 900, proof.open

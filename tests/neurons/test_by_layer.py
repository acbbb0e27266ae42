"""Layers of one network with neurons of their own, from the command line to equal spikes."""

import json
from pathlib import Path

import pytest
from c_programs import needs_gcc

from snnir.errors import UserError
from snnir.neurons.own import OwnNeurons
from snnir.runtime.build import BuildFolder
from snnir.tools import snnc
from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@needs_gcc
def test_layers_fire_with_their_own_neurons(tmp_path, capsys):
    folder = str(tmp_path / "build")
    words = ["compile", str(EXAMPLES / "digits.onnx"), "-o", folder, "--input-scale", "1/16"]
    words += ["--calibration", str(EXAMPLES / "digits_calibration.npz"), "--no-verilog"]
    words += ["--neuron", "conv1=alif,add1=cuba_lif", "--neuron", "lif"]
    words += ["--neuron-values", "leak=5,add1.leak=3", "--array", "4,4,4"]
    assert run_tool(snnc.run, words) == 0
    fired = {
        op.label.data: op.neuron.string_value()
        for op in BuildFolder(folder).snn.walk()
        if op.name == "snn.fire"
    }
    lif = "leaky_integrate_and_fire"
    assert fired == {"conv1": "alif", "add1": "cuba_lif", "conv3": lif}
    capsys.readouterr()
    data = str(EXAMPLES / "digits_test.npz")
    words = ["verify", folder, "--input", data, "--limit", "4", "--json"]
    assert run_tool(snnc.run, words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] and found["engines"] == ["interp", "c"]


def test_values_go_to_all_that_take_them():
    own = OwnNeurons.read(("a=alif", "b=cuba_lif", "lif"), "leak=3,b.leak=1:2,synapse_leak=2")
    assert own.others.neuron.options["leak"] == 3
    assert own.layers["a"].values == {("", "leak"): (3,)}
    assert own.layers["b"].values == {
        ("", "leak"): (3,), ("b", "leak"): (1, 2), ("", "synapse_leak"): (2,)
    }  # fmt: skip
    assert not OwnNeurons.read(None) and list(OwnNeurons.read("lif"))


def test_two_neurons_of_one_name(tmp_path):
    file = tmp_path / "mine.neuron"
    file.write_text("neuron alif(theta):\n    state v = 0\n    v = I\n    spike when v >= theta\n")
    with pytest.raises(UserError, match="neuron @alif is in alif and in .*mine.neuron"):
        OwnNeurons.read(("alif", f"conv1={file}"))

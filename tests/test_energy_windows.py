"""`--energy` of networks that keep states: each neuron reads and writes its word in each window."""

import json

import pytest
from digits import CALIBRATION, EXAMPLES, MODEL

from snnir.runtime.build import BuildFolder
from snnir.schedule.kept import KeptStates
from snnir.tools import snnc
from snnir.tools.errors import run_tool

PER_BIT = 10 / 64
"""cmos-45nm, on the chip [pJ]."""


@pytest.fixture(scope="module", params=["3", "endless", "1"])
def build(request, tmp_path_factory) -> BuildFolder:
    folder = tmp_path_factory.mktemp("energy") / "build"
    words = ["compile", MODEL, "-o", folder, "--calibration", CALIBRATION, "--array", "2,4,2,2"]
    words += ["--coding", "rate", "--timesteps", "2", "--neuron", "lif", "--input-scale", "1/16"]
    words += ["--windows", request.param, "--no-verilog"]
    assert run_tool(snnc.run, list(map(str, words))) == 0
    return BuildFolder(folder)


def test_states_are_counted_once_each_way(build, capsys):
    words = ["report", build.path, "--input", EXAMPLES / "digits_test.npz", "--limit", "2"]
    capsys.readouterr()
    assert run_tool(snnc.run, [*map(str, words), "--energy", "--json"]) == 0
    energy = json.loads(capsys.readouterr().out)["energy"]
    assert run_tool(snnc.run, [*map(str, words), "--energy"]) == 0
    text = capsys.readouterr().out
    one = build.windows == 1
    assert ("states read, written" in text and "of that states" in text) == (not one)
    rows = {layer.label: layer for layer in build.tables.layers if layer.kept}
    for layer in energy["layers"]:
        row, states = rows.get(layer["name"]), layer["energy_pj"]["snn"]["states"]
        if row is None:
            assert layer["states"] == layer["state_bits"] == states == 0
            assert one or (build.windows == 0 and layer["name"] == "logits")
            continue
        # All its neurons, in the order of the state memory.
        neurons = row.channels * row.height * row.width
        assert (layer["states"], layer["state_bits"]) == (neurons, sum(row.kept))
        assert states == pytest.approx(2 * neurons * sum(row.kept) * PER_BIT)
        assert states < layer["energy_pj"]["snn"]["on_chip"]
        assert layer["energy_pj"]["quantised"]["states"] == 0
    total = energy["total"]
    # Lanes of the drain take all channels here, so that no word of the memory is left out.
    kept = KeptStates(build.tables)
    assert total["states"] == kept.depth * build.tables.array.drain
    assert total["energy_pj"]["snn"]["states"] == pytest.approx(
        sum(layer["energy_pj"]["snn"]["states"] for layer in energy["layers"])
    )

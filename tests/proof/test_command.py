"""`snnc prove` from the outside: what it prints and returns."""

import json
import sys
from pathlib import Path

import pytest
from xdsl.dialects import comb

from snnir.runtime.build import BuildFolder
from snnir.tools import snnc
from snnir.tools.errors import run_tool

pytest.importorskip("z3", reason="z3-solver is not installed")

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def compiled(folder: Path, *options: str) -> str:
    words = ["compile", str(EXAMPLES / "digits.onnx"), "-o", str(folder), *options]
    words += ["--calibration", str(EXAMPLES / "digits_calibration.npz"), "--input-scale", "1/16"]
    assert run_tool(snnc.run, words) == 0
    return str(folder)


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("prove") / "build"
    return compiled(folder, "--timesteps", "3", "--array", "2,2,3")


def asked(capsys, *words: str, status: int) -> str:
    capsys.readouterr()
    assert run_tool(snnc.run, ["prove", *words]) == status
    output, errors = capsys.readouterr()
    assert errors == ""
    return output


def test_a_build_is_proved(build, capsys):
    output = asked(capsys, build, status=0)
    assert "PROVED: for all currents and parameters in their ranges" in output
    found = json.loads(asked(capsys, build, "--json", "--neuron", "radix", status=0))
    assert found["proved"] and {path["neuron"] for path in found["datapaths"]} == {"radix"}
    layers = [name for path in found["datapaths"] for name in path["layers"]]
    assert layers == ["conv1", "add1", "conv3"]
    for path in found["datapaths"]:
        assert path["answer"] == "proved" and path["ranges_proved"] and not path["open"]


def test_a_wrong_datapath_ends_in_a_counter_example(build, capsys, monkeypatch):
    stage = BuildFolder.stage

    def broken(self, role):
        module = stage(self, role)
        if role == "hw":
            unit = next(op for op in module.ops if op.sym_name.data.startswith("fire_"))
            op = next(op for op in unit.walk() if isinstance(op, comb.SubOp))
            op.operands = op.operands[::-1]
        return module

    monkeypatch.setattr(BuildFolder, "stage", broken)
    assert run_tool(snnc.run, ["prove", build]) == 1
    assert "not the Verilog of its own IR; compile again" in capsys.readouterr().err
    monkeypatch.setattr("snnir.tools.commands.prove._check_printed", lambda *_: None)
    output = asked(capsys, build, status=1)
    assert "by both interpreters" in output and "NOT PROVED: 2 of 3 datapaths" in output
    spikes = [line.split() for line in output.splitlines() if line.startswith("spikes")]
    assert all(len(neuron) == len(datapath) == 3 for _, neuron, datapath in spikes)
    found = json.loads(asked(capsys, build, "--json", status=1))
    example = next(p for p in found["datapaths"] if p["answer"] == "refuted")["counter_example"]
    assert example["neuron"] != example["datapath"] and set(example["params"]) == {"theta", "bias"}


def test_a_machine_whose_program_is_data(tmp_path, capsys):
    folder = compiled(
        tmp_path / "build", "--timesteps", "2", "--array", "2,2,2", "--reconfigurable"
    )
    found = json.loads(asked(capsys, folder, "--json", status=0))
    neurons = [path["neuron"] for path in found["datapaths"]]
    assert neurons == ["radix", "radix", "readout_radix"]
    assert all(path["answer"] == "proved" for path in found["datapaths"])


def test_states_that_are_kept(tmp_path, capsys):
    options = ("--coding", "rate", "--timesteps", "2", "--windows", "endless", "--neuron", "lif")
    folder = compiled(tmp_path / "build", *options, "--array", "2,2,2")
    found = json.loads(asked(capsys, folder, "--json", status=0))
    neurons = [path["neuron"] for path in found["datapaths"]]
    assert neurons == ["leaky_integrate_and_fire"] * 2 + ["readout_rate"]
    assert all(path["answer"] == "proved" for path in found["datapaths"])


@pytest.mark.parametrize(
    "words, line",
    [
        (["none"], "no such build folder"),
        (["BUILD", "--neuron", "lif"], "no neuron 'lif' in it; its neurons are radix, readout"),
        (["BUILD", "--limit", "0"], "--limit: error: a limit of 0 s; give seconds"),
    ],
)
def test_bad_input(build, words, line, capsys):
    assert run_tool(snnc.run, ["prove", *(build if w == "BUILD" else w for w in words)]) == 1
    output, errors = capsys.readouterr()
    assert output == "" and line in errors and len(errors.splitlines()) == 1


def test_without_the_solver(build, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "z3", None)
    assert run_tool(snnc.run, ["prove", build]) == 1
    errors = capsys.readouterr().err
    assert "pip install 'snnir[prove]'" in errors and len(errors.splitlines()) == 1


def test_without_verilog(tmp_path, capsys):
    folder = compiled(tmp_path / "build", "--no-verilog")
    capsys.readouterr()
    assert run_tool(snnc.run, ["prove", folder]) == 1
    assert "compile without --no-verilog" in capsys.readouterr().err

"""The shipped network the whole way: compiled, simulated, compared spike by spike, synthesised."""

import json
import shutil
from pathlib import Path

import pytest

from snnir.runtime import verilator, yosys
from snnir.runtime.build import BuildFolder
from snnir.tools import snnc
from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent / "examples"
TEST = str(EXAMPLES / "digits_test.npz")

needs_simulator = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None, reason="needs Verilator and g++"
)
needs_synthesis = pytest.mark.skipif(yosys.find() is None, reason="needs Yosys")


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("digits") / "build")
    words = [
        "compile", str(EXAMPLES / "digits.onnx"), "-o", folder, "--array", "2,4,4",
        "--calibration", str(EXAMPLES / "digits_calibration.npz"), "--input-scale", "1/16",
    ]  # fmt: skip
    assert run_tool(snnc.run, words) == 0
    return folder


@needs_simulator
def test_every_spike_and_clock_is_equal(build, capsys):
    capsys.readouterr()
    assert run_tool(snnc.run, ["verify", build, "--input", TEST, "--limit", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] is True and found["engines"] == ["interp", "c", "rtl"]
    assert found["cycles_equal"] is True
    assert found["cycles"]["c"] == found["cycles"]["rtl"] > 0


@needs_simulator
def test_the_simulated_hardware_predicts(build, capsys):
    capsys.readouterr()
    words = ["run", build, "--input", TEST, "--limit", "5", "--engine", "rtl", "--json"]
    assert run_tool(snnc.run, words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["engine"] == "rtl" and found["accuracy"] == 1.0


@needs_synthesis
def test_it_fits_without_a_dsp(build, capsys):
    capsys.readouterr()
    assert run_tool(snnc.run, ["synth", build, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["used"]["dsp"] == 0 and found["fits"] is True
    assert found["used"].keys() == found["available"].keys() == {"lut", "ff", "bram36", "dsp"}
    assert 0 < found["used"]["lut"] < found["available"]["lut"]
    # The lanes are those of the device's cells, which the simulated Verilog does not have.
    manifest = BuildFolder(build).manifest
    assert "verilog/synthesis/lane.v" in manifest["synthesis"]
    assert "verilog/lane.v" in manifest["verilog"]
    assert not {"verilog/lane.v", "verilog/synthesis/lane.v"} <= {*manifest["synthesis"]}
    assert len(manifest["verilog"]) < len(manifest["synthesis"])
    # Asked again, it answers from the cache of the build folder.
    assert run_tool(snnc.run, ["synth", build, "--json", "--timing"]) == 0
    timing = json.loads(capsys.readouterr().out)["timing"]
    assert timing["slack_ns"] >= 0 and len(timing["paths"]) == 10
    assert run_tool(snnc.run, ["synth", build]) == 0
    assert "DSP" in capsys.readouterr().out

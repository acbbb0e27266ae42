"""Whatever rounds the weights, interpreter, C and RTL make the same trains in the same clocks."""

import json
import shutil
from pathlib import Path

import pytest

from snnir.runtime import verilator
from snnir.tools.snnc import run as snnc

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)


@pytest.mark.parametrize("coding", ["radix", "rate"])
def test_engines_agree(coding, tmp_path, capsys):
    """In one folder, so that a simulator is built again only where the Verilog differs."""
    folder, spikes = str(tmp_path / "build"), set()
    choices = {"gptq": [], "mse": [], "minmax": [], "auto": ["--budget", "weights=2.6b"]}
    if coding == "rate":
        choices = {"gptq": []}
    for method, budget in choices.items():
        given = ["--calibration", str(EXAMPLES / "digits_calibration.npz"), "--rounding", method]
        given += ["--input-scale", "0.0625", "--weight-bits", "3", "--coding", coding, *budget]
        given += ["--timesteps", "3", "--array", "2,4,3", "--samples", "64"]
        assert snnc(["compile", str(EXAMPLES / "digits.onnx"), "-o", folder, *given]) == 0
        capsys.readouterr()
        data = ["--input", str(EXAMPLES / "digits_test.npz"), "--limit", "2"]
        assert snnc(["verify", folder, *data, "--engines", "interp,c,rtl", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["equal"] and found["engines"] == ["interp", "c", "rtl"]
        assert found["cycles"]["c"] == found["cycles"]["rtl"] > 0
        spikes.add(str([layer["spikes"] for layer in found["layers"]]))
    # The methods round differently, or equality would say little.
    assert len(spikes) == len(choices)

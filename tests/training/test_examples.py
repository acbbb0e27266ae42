"""The shipped trained networks on real MNIST: what the C program makes of 1,000 images."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from snnir.tools import snnc
from snnir.tools.errors import run_tool

ROOT = Path(__file__).parents[2]
DATA = os.environ.get("SNNIR_DATA")

pytestmark = [
    pytest.mark.skipif(not DATA, reason="SNNIR_DATA is not set"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]


@pytest.mark.parametrize("name", ["lenet5_radix4", "lenet5_rate8"])
def test_four_bits_are_as_good_as_floats(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    from datasets import mnist

    images, labels = mnist(Path(DATA), "test")
    np.savez(tmp_path / "test.npz", x=images[:1000], y=labels[:1000])
    folder = str(tmp_path / "build")
    model = str(ROOT / "examples" / f"{name}.onnx")
    assert run_tool(snnc.run, ["compile", model, "-o", folder, "--no-verilog"]) == 0
    capsys.readouterr()
    words = ["run", folder, "--input", str(tmp_path / "test.npz"), "--engine", "fast", "--json"]
    assert run_tool(snnc.run, words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 1000 and found["accuracy"] >= 0.99
    if found["float_accuracy"] is not None:
        # onnxruntime runs the same file, with the same integers.
        assert found["float_accuracy"] == found["accuracy"]

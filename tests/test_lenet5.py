"""LeNet-5 on real MNIST: compiled with 4-bit weights, all on chip, accuracy and equality."""

import gzip
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from snnir.runtime import verilator
from snnir.tools import snnc
from snnir.tools.errors import run_tool

DATA = os.environ.get("SNNIR_DATA")
EXAMPLES = Path(__file__).parent.parent / "examples"
IMAGES = 1000

pytestmark = [
    pytest.mark.skipif(not DATA, reason="SNNIR_DATA is not set"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]


def _mnist(name: str, header: int, count: int) -> np.ndarray:
    data = gzip.decompress((Path(DATA) / "data" / "mnist" / f"{name}-ubyte.gz").read_bytes())
    return np.frombuffer(data, np.uint8, count, header)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lenet5")
    for split, name, count in (("test", "t10k", IMAGES), ("calibration", "train", 256)):
        x = _mnist(f"{name}-images-idx3", 16, count * 784).reshape(count, 1, 28, 28)
        np.savez(folder / f"{split}.npz", x=x, y=_mnist(f"{name}-labels-idx1", 8, count))
    words = [
        "compile", str(EXAMPLES / "lenet5.onnx"), "-o", str(folder / "build"),
        "--calibration", str(folder / "calibration.npz"), "--input-scale", "1/255",
        "--weight-bits", "4", "--array", "4,8,4",
    ]  # fmt: skip
    assert run_tool(snnc.run, words) == 0
    return folder


def _json(capsys, *words: str) -> dict:
    capsys.readouterr()
    assert run_tool(snnc.run, [*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_four_bits_lose_less_than_half_a_point(folder, capsys):
    test = str(folder / "test.npz")
    found = _json(capsys, "run", str(folder / "build"), "--input", test)
    assert found["samples"] == IMAGES
    assert found["accuracy"] >= 0.985


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None, reason="needs Verilator and g++"
)
def test_every_spike_and_clock_is_equal(folder, capsys):
    test = str(folder / "test.npz")
    found = _json(capsys, "verify", str(folder / "build"), "--input", test, "--limit", "3")
    assert found["equal"] is True and found["cycles_equal"] is True
    assert found["engines"] == ["interp", "c", "rtl"]

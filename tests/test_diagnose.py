"""What `snnc diagnose` says: parts put back to float, one at a time and together."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from digits import CALIBRATION, EXAMPLES, MODEL, balanced, quantised

from snnir.calibration.diagnosis import CAUSES, FLOAT, Dissected
from snnir.errors import UserError
from snnir.interpreters.snn import run_snn
from snnir.tools.charts import line_chart
from snnir.tools.snnc import run as snnc

IMAGES = np.load(EXAMPLES / "digits_test.npz")["x"][:60]

CODINGS = [
    "timesteps=4",
    "timesteps=4 input-mean=0.375 input-std=0.3",
    "coding=rate timesteps=6",
    "coding=rate timesteps=6 emission=after input-mean=0.375",
    "coding=rate timesteps=5 reset=hard compare=gt",
]


def made(convert: str, bits: int = 4) -> tuple:
    floating = balanced(convert, samples=64)
    return floating, quantised(floating, f"weight-bits={bits} calibration={CALIBRATION} samples=64")


@pytest.mark.parametrize("convert", CODINGS)
def test_nothing_put_back_is_the_integer_network(convert):
    balanced, quantised = made(convert)
    parts = Dissected(balanced, quantised, IMAGES)
    exact = run_snn(quantised, IMAGES)
    scale = np.abs(exact.outputs).max()
    assert np.allclose(parts.as_compiled, exact.outputs, atol=1e-5 * scale)
    for value, train in parts.base.items():
        if hasattr(value.owner, "label"):
            words = exact.trains[value.owner.label.data]
            held = train.words if train.words is not None else train.level
            if convert.startswith("coding=rate") and train.words is None:
                continue
            assert np.array_equal(held, words)


@pytest.mark.parametrize("convert", CODINGS)
def test_everything_put_back_is_the_float_network(convert):
    balanced, quantised = made(convert)
    parts = Dissected(balanced, quantised, IMAGES)
    expected = run_snn(balanced, IMAGES).outputs
    found = parts.outputs(dict.fromkeys(parts.labels, FLOAT))
    assert np.allclose(found, expected, atol=0.01 * np.abs(expected).max())
    assert not np.allclose(parts.as_compiled, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("convert", CODINGS[:3])
def test_each_part_matters(convert):
    balanced, quantised = made(convert, bits=2)
    parts = Dissected(balanced, quantised, IMAGES)
    for cause in CAUSES if "rate" in convert else CAUSES[:3]:
        changed = [
            not np.array_equal(parts.outputs({label: frozenset({cause})}), parts.as_compiled)
            for label in parts.labels
        ]
        assert any(changed), cause


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("diagnose") / "build"
    options = ["--calibration", str(CALIBRATION), "--input-scale", "0.0625", "--no-verilog"]
    options += ["--weight-bits", "2", "--rounding", "minmax", "--samples", "64"]
    snnc(["compile", str(MODEL), "-o", str(path), *options])
    return str(path)


def test_command_names_the_cause(folder, tmp_path, capsys):
    """Two-bit weights cost most, and all figures are of the network as it was compiled."""
    given = ["diagnose", folder, "--input", str(EXAMPLES / "digits_test.npz")]
    given += ["--limit", "40", "--json", "--plots", str(tmp_path / "plots")]
    capsys.readouterr()
    assert snnc(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best_repair"]["cause"] == "weights" and "gptq" in found["best_repair"]["option"]
    assert found["best_repair"]["error"] < 0.5 * found["compiled"]["error"]
    labels = [row["layer"] for row in found["layers"]]
    assert labels[0] == "conv1" and found["best_single_repair"]["layer"] in labels
    # Behind the last layer nothing is left to put back: that is the network as compiled.
    assert found["layers"][-1]["predictions_that_differ"] == found["compiled"]["differ"]
    assert set(found["accuracy_by_timesteps"]) == {"radix", "rate, causal", "rate, after"}
    for name in ("error.svg", "accuracy.svg"):
        ElementTree.fromstring((tmp_path / "plots" / name).read_text())


def test_command_without_labels(folder, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", x=IMAGES[:5])
    assert snnc(["diagnose", folder, "--input", str(tmp_path / "x.npz")]) == 0
    text = capsys.readouterr().out
    assert "conv1" in text and "mends most" in text and "unevenness" not in text


def test_plots_need_a_folder(folder, tmp_path):
    (tmp_path / "file").touch()
    given = ["diagnose", folder, "--input", str(EXAMPLES / "digits_test.npz")]
    with pytest.raises(UserError, match="cannot write"):
        snnc([*given, "--plots", str(tmp_path / "file")])


def test_chart_holds_all_points_and_escapes_names():
    text = line_chart("a < b", "x", "y", {"one & two": [(0, 1), (1, 3), (2, 2)]})
    tree = ElementTree.fromstring(text)
    circles = [e for e in tree.iter() if e.tag.endswith("circle")]
    assert len(circles) == 4
    heights = [float(e.get("cy")) for e in circles[:3]]
    assert heights[1] < heights[2] < heights[0]

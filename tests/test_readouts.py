"""A readout of one's own: by name or file, in all engines; one that leaks decides all along."""

import json

import numpy as np
import pytest
from c_programs import needs_gcc
from comparing import differences
from digits import CALIBRATION, EXAMPLES, MODEL

from snnir.interpreters.snn import run_snn
from snnir.runtime import verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.engines import run_engine
from snnir.tools import snnc
from snnir.tools.errors import run_tool

OPTIONS = ["--calibration", CALIBRATION, "--coding", "rate", "--timesteps", "2", "--neuron", "lif"]
OPTIONS += ["--input-scale", "1/16", "--array", "2,4,2,2"]


def tool(capsys, *words):
    capsys.readouterr()
    status = run_tool(snnc.run, [str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> BuildFolder:
    folder = tmp_path_factory.mktemp("readouts") / "build"
    words = ["compile", MODEL, "-o", folder, *OPTIONS, "--windows", "endless"]
    words += ["--readout", "readout_leak", "--readout-values", "leak=2"]
    assert run_tool(snnc.run, list(map(str, words))) == 0
    return BuildFolder(folder)


def digits(*numbers: int) -> np.ndarray:
    data = np.load(EXAMPLES / "digits_test.npz")
    chosen = [np.flatnonzero(data["y"] == number)[0] for number in numbers]
    return data["x"][chosen]


@needs_gcc
def test_a_running_decision_follows_what_is_seen(running):
    """Six windows of a three, then eight of an eight: old evidence fades."""
    x = digits(3, 8)
    stream = np.concatenate([np.repeat(x[:1], 6, 0), np.repeat(x[1:], 8, 0)])[None]
    want = run_engine("interp", running, stream, trains=True)
    said = want.potentials.argmax(axis=1)
    assert said[3:6].tolist() == [3] * 3 and said[-3:].tolist() == [8] * 3
    # Each step is v - (v >> 2) + I + bias, whatever the windows.
    alone = run_snn(running.snn, stream[0, :1], windows=1)
    assert np.array_equal(alone.potentials.ravel(), want.potentials[0])
    assert not np.array_equal(want.potentials[1], want.potentials[0])
    for engine in ("c", "fast"):
        found = run_engine(engine, running, stream, trains=True)
        assert differences(found, want, ("trains",)) == []
        assert np.array_equal(found.potentials, want.potentials)


@needs_gcc
@pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")
def test_the_hardware_decides_alike(running):
    stream = np.repeat(digits(5, 2)[:, None], 2, axis=1)
    c = run_engine("c", running, stream, trains=True)
    rtl = run_engine("rtl", running, stream, trains=True)
    assert differences(c, rtl) == []
    assert np.array_equal(rtl.cycles, c.cycles)


@needs_gcc
def test_run_tells_the_last_decision(running, tmp_path, capsys):
    x = digits(3, 8)
    np.savez(tmp_path / "x.npz", x=np.stack([np.repeat(x, 8, axis=0)]), y=np.array([8]))
    status, out, _ = tool(capsys, "run", running.path, "--input", tmp_path / "x.npz", "--json")
    found = json.loads(out)
    assert status == 0 and found["predictions"] == [8] and found["accuracy"] == 1
    assert found["windows"]["predictions"][0][4] == 3


@needs_gcc
def test_a_file_of_ones_own(tmp_path, capsys):
    (tmp_path / "peak.neuron").write_text(
        "neuron peak(bias, cap = 900):\n    emission none\n    state best = 0\n    state v = 0\n"
        "    v = v + I + bias\n    best = min(max(best, v), cap)\n"
    )
    words = ["compile", MODEL, "-o", tmp_path / "b", *OPTIONS, "--no-verilog"]
    words += ["--readout", tmp_path / "peak.neuron", "--readout-values", "cap=700"]
    assert tool(capsys, *words)[0] == 0
    build = BuildFolder(tmp_path / "b")
    x = digits(0, 1, 2, 3)
    want = run_engine("interp", build, x, trains=False).potentials
    assert want.max() == 700 and want.min() >= 0
    for engine in ("c", "fast"):
        assert np.array_equal(run_engine(engine, build, x, trains=False).potentials, want)


def test_bad_input(tmp_path, capsys):
    given = ["compile", MODEL, "-o", tmp_path / "no", *OPTIONS]
    cases = [
        (["--readout", "lif"], "neuron @leaky_integrate_and_fire fires, and a readout never does"),
        (["--readout", "nope"], "no neuron is called 'nope'"),
        (["--readout-values", "leak=2"], "readout-values are those of a readout"),
        (["--readout", "readout_leak", "--readout-values", "leek=2"], "no parameter or option"),
        (["--readout", "readout_leak", "--readout-values", "leak=99"], "leak"),
        (
            ["--readout", "readout_rate", "--windows", "endless"],
            "state v of neuron @readout_rate has no bound for a sample of any length",
        ),
        (
            ["--readout", "readout_leak", "--coding", "radix", "--neuron", "radix"],
            "readout @readout_leak reads rate trains, not radix",
        ),
    ]
    for words, message in cases:
        base = given if "radix" not in words else [w for w in given if w not in ("lif", "--neuron")]
        status, _, err = tool(capsys, *base, *words)
        assert status == 1, words
        assert message in err and err.count("\n") == 1, (words, err)

"""Recordings of address events: bins by hand and of every kind, and the commands that take them."""

import json
from pathlib import Path

import numpy as np
import pytest

from snnir.errors import UserError
from snnir.runtime.events import Binning, Events, bin_events, read_events
from snnir.tools import snnc
from snnir.tools.errors import run_tool

EXAMPLES = Path(__file__).parent.parent / "examples"

RECORDING = {
    "x": [0, 1, 0, 2, 2, 0],
    "y": [0, 0, 0, 1, 1, 0],
    "t": [100, 104, 105, 110, 119, 131],
    "p": [1, 0, 1, 0, 1, 0],
}
"""On 3 x 2 pixels."""


def events(**changed) -> Events:
    columns = RECORDING | changed
    return Events(**{name: np.array(columns[name], np.int64) for name in "xytp"})


@pytest.fixture
def file(tmp_path) -> Path:
    np.savez(tmp_path / "rec.npz", **{k: np.array(v) for k, v in RECORDING.items()})
    return tmp_path / "rec.npz"


def test_a_window_of_equal_bins():
    # 32 units of time, from 100 to 131, in 4 bins of 8.
    (words,) = bin_events(events(), (2, 2, 3), 4, Binning())
    off, on = words
    assert on.tolist() == [[0b1000, 0, 0], [0, 0, 0b0010]]
    assert off.tolist() == [[0b0001, 0b1000, 0], [0, 0, 0b0100]]


def test_windows_of_bins_of_a_length():
    # Bins of 5: 100..104, 105..109, 110..114, 115..119, ...; windows of 2 bins.
    words = bin_events(events(), (1, 2, 3), 2, Binning(length=5))
    assert words[:, 0].tolist() == [
        [[0b11, 0b10, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0b11]],
        [[0, 0, 0], [0, 0, 0]],
        [[0b10, 0, 0], [0, 0, 0]],
    ]
    first = bin_events(events(), (1, 2, 3), 2, Binning(length=5, windows=2))
    assert np.array_equal(first, words[:2])
    assert np.array_equal(bin_events(events(), (1, 2, 3), 2, Binning(length=5, windows=9)), words)


def test_bins_of_as_many_events():
    words = bin_events(events(), (1, 2, 3), 2, Binning(events=2))
    assert words[:, 0].tolist() == [
        [[0b11, 0b10, 0], [0, 0, 0b01]],
        [[0b10, 0, 0], [0, 0, 0b10]],
    ]


@pytest.mark.parametrize("binning", [Binning(), Binning(length=7), Binning(events=9)])
@pytest.mark.parametrize("steps", [1, 3, 8])
def test_bins_against_plain_loops(binning, steps):
    rng = np.random.default_rng(steps)
    count = 200
    t = np.sort(rng.integers(0, 1000, count))
    given = Events(rng.integers(0, 5, count), rng.integers(0, 4, count), t,
                   rng.integers(0, 2, count))  # fmt: skip
    words = bin_events(given, (2, 4, 5), steps, binning)
    expected = np.zeros_like(words)
    for i in range(count):
        since = int(t[i] - t[0])
        if binning.length:
            number = since // binning.length
        elif binning.events:
            number = i // binning.events
        else:
            number = since * steps // (int(t[-1] - t[0]) + 1)
        place = number // steps, given.p[i], given.y[i], given.x[i]
        expected[place] |= 1 << (steps - 1 - number % steps)
    assert np.array_equal(words, expected) and words[-1].any()


def test_recordings_are_read_in_the_order_of_time(tmp_path, file):
    found = read_events(file)
    order = np.array([3, 0, 5, 1, 4, 2])
    shuffled = {name: np.array(values)[order] for name, values in RECORDING.items()}
    np.savez(tmp_path / "mixed.npz", **shuffled)
    kind = [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")]
    table = np.array(list(zip(*(shuffled[name] for name, _ in kind), strict=True)), kind)
    np.savez(tmp_path / "table.npz", events=table)
    np.save(tmp_path / "table.npy", table)
    signed = shuffled | {"p": np.where(shuffled["p"], 1, -1)}
    np.savez(tmp_path / "signed.npz", **signed)
    for name in ("mixed.npz", "table.npz", "table.npy", "signed.npz"):
        again = read_events(tmp_path / name)
        for column in "xytp":
            assert np.array_equal(getattr(again, column), getattr(found, column)), name
    del shuffled["p"]
    np.savez(tmp_path / "plain.npz", **shuffled)
    assert not read_events(tmp_path / "plain.npz").p.any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"t": None}, "no array 't' of events"),
        ({"x": [0]}, "differ in length"),
        ({"t": [0.5] * 6}, "'t' is float64"),
        ({"x": [[0]] * 6}, "'x' is int64 of shape"),
        ({"p": [0, 1, 2, 0, 1, 2]}, "polarities are"),
        ({"t": [0, 1, 2, 3, 4, 2**60]}, "'t' holds values beyond 2"),
        ({name: [] for name in "xytp"}, "no events"),
    ],
)
def test_broken_recordings(tmp_path, changed, message):
    columns = {k: v for k, v in (RECORDING | changed).items() if v is not None}
    arrays = {k: np.array(v, None if v else np.int64) for k, v in columns.items()}
    np.savez(tmp_path / "rec.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read_events(tmp_path / "rec.npz")


@pytest.mark.parametrize(
    ("shape", "steps", "binning", "message"),
    [
        ((3, 2, 3), 4, Binning(), "events have 1 or 2 channels"),
        ((2, 2, 2), 4, Binning(), "x = 2, y = 1 lies outside 2 x 2 pixels"),
        ((2, 2, 3), 9, Binning(), "9 steps, allowed are 1 to 8"),
        ((2, 2**14, 2**14), 1, Binning(length=1), "more than 1 GiB"),
    ],
)
def test_bins_that_do_not_fit(shape, steps, binning, message):
    with pytest.raises(UserError, match=message):
        bin_events(events(), shape, steps, binning)


# The commands -------------------------------------------------------------------------------------


def test_events_become_samples(tmp_path, file, capsys):
    out = tmp_path / "x.npz"
    words = ["events", file, file, "-o", out, "--size", "2x2x3", "--timesteps", "2", "--bin", "5"]
    assert run_tool(snnc.run, [*map(str, words), "--labels", "3,0", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["recordings"], found["samples"], found["shape"]) == (2, 8, [2, 2, 3])
    made = np.load(out)
    assert made["y"].tolist() == [3] * 4 + [0] * 4
    expected = bin_events(events(), (2, 2, 3), 2, Binning(length=5))
    assert np.array_equal(made["x"], np.concatenate([expected, expected]))
    assert found["spikes"] == np.bitwise_count(made["x"]).sum()
    assert run_tool(snnc.run, list(map(str, words))) == 0
    assert "8 samples of 2x2x3, 2 steps" in capsys.readouterr().out


def test_a_network_runs_on_a_recording(tmp_path, capsys):
    rng = np.random.default_rng(3)
    count = 3000
    np.savez(tmp_path / "rec.npz", x=rng.integers(0, 8, count), y=rng.integers(0, 8, count),
             t=np.sort(rng.integers(0, 100_000, count)))  # fmt: skip
    binned = ["events", tmp_path / "rec.npz", "-o", tmp_path / "x.npz", "--size", "1x8x8"]
    assert run_tool(snnc.run, [*map(str, binned), "--timesteps", "4", "--bin", "2000"]) == 0
    build = str(tmp_path / "out")
    words = ["compile", EXAMPLES / "digits.onnx", "-o", build, "--coding", "rate", "--no-verilog"]
    words += ["--input-coding", "spikes", "--calibration", tmp_path / "x.npz"]
    assert run_tool(snnc.run, list(map(str, words))) == 0
    answers = []
    recording = ["--events", str(tmp_path / "rec.npz"), "--bin", "2000"]
    for given in (["--input", str(tmp_path / "x.npz")], recording):
        capsys.readouterr()
        assert run_tool(snnc.run, ["run", build, *given, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out)["predictions"])
    assert answers[0] == answers[1] and len(answers[0]) == 13
    for given, message in (
        ([], "give --input X.npz or --events FILE"),
        ([*recording, "--input", "x.npz"], "both inputs and events are given"),
        (["--input", "x.npz", "--bin", "3"], "--bin: error: has no effect without --events"),
        ([*recording, "--bin-events", "3"], "--bin and --bin-events exclude each other"),
    ):
        assert run_tool(snnc.run, ["run", build, *given]) == 1
        assert message in capsys.readouterr().err

"""snnc explore from the outside, on the shipped network."""

import json
import shlex
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from snnir.tools import snnc
from snnir.tools.errors import run_tool

ROOT = Path(__file__).parent.parent.parent
MODEL = str(ROOT / "examples" / "digits.onnx")
TEST = str(ROOT / "examples" / "digits_test.npz")
CALIBRATION = str(ROOT / "examples" / "digits_calibration.npz")
PIXELS = ["--calibration", CALIBRATION, "--input-scale", "1/16"]
ONE = ["--coding", "radix", "--timesteps", "4", "--weight-bits", "4"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("explore")


@pytest.fixture
def explore(capsys, cache):
    """Run the command, which must succeed; its JSON."""

    def run(*words) -> dict:
        capsys.readouterr()
        words = ["explore", MODEL, "--cache", str(cache), *map(str, words), "--json"]
        assert run_tool(snnc.run, words) == 0
        output, errors = capsys.readouterr()
        assert errors == "" or errors.startswith("warning: no calibration data")
        return json.loads(output)

    return run


def refusal(capsys, *words) -> str:
    assert run_tool(snnc.run, ["explore", *map(str, words)]) == 1
    output, errors = capsys.readouterr()
    lines = [line for line in errors.splitlines() if not line.startswith("warning: no calibration")]
    assert output == "" and len(lines) == 1
    return lines[0]


def test_the_front_is_sorted_and_within_the_limits(explore):
    found = explore(*PIXELS, *ONE, "--data", TEST, "--workers", 1, "--max-luts", 9000)
    front = found["front"]
    speeds = [point["images_per_second"] for point in front]
    assert speeds == sorted(speeds, reverse=True) and len(front) > 5
    assert all(point["lut"] <= 9000 and point["bram36"] <= 140 for point in front)
    assert found["settings"][0]["samples"] == 540
    assert all(point["accuracy"] == found["settings"][0]["accuracy"] > 0.95 for point in front)
    chosen = front[found["chosen"]]
    assert 1.15 * chosen["images_per_second"] >= speeds[0]
    assert found["fitting"] < found["considered"]


def test_the_command_of_a_row_makes_that_design(explore, tmp_path, capsys):
    found = explore(*PIXELS, *ONE, "--workers", 1)
    point = found["front"][found["chosen"]]
    words = shlex.split(point["command"])
    assert words[:3] == ["snnc", "compile", MODEL]
    words[words.index("build")] = str(tmp_path / "build")
    assert run_tool(snnc.run, [*words[1:], "--no-verilog", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["array"] == point["array"]
    # The estimate is within what docs/rationale_explore.md states.
    calibration = str(tmp_path / "few.npz")
    np.savez(calibration, x=np.load(CALIBRATION)["x"][:8])
    report = ["report", str(tmp_path / "build"), "--input", calibration, "--json"]
    assert run_tool(snnc.run, report) == 0
    cycles = json.loads(capsys.readouterr().out)["totals"]["cycles"]
    assert point["cycles"] == pytest.approx(cycles, rel=0.03)
    built = sum(m["bram36"] for m in made["memory"])
    assert point["bram36"] == pytest.approx(built, rel=0.2, abs=2)


def test_processes_find_the_same(explore):
    words = [*PIXELS, *ONE, "--banks", "4,8", "--channels", "8,16"]
    assert explore(*words, "--workers", 2) == explore(*words, "--workers", 1)


def test_a_cluster_finds_the_same(explore, tmp_path):
    distributed = pytest.importorskip("distributed")
    words = [*PIXELS, "--coding", "radix,rate", "--timesteps", "4", "--weight-bits", "4",
             "--banks", "4", "--channels", "8,16"]  # fmt: skip
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=50,
        local_directory=str(tmp_path),
    )
    with cluster:
        address = cluster.scheduler_address
        found = explore(*words, "--workers", address, "--cache", tmp_path / "fresh")
    assert found == explore(*words, "--workers", 1)
    assert len(found["settings"]) == 2 and found["front"]


def test_a_scheduler_that_is_not_there_is_one_line(capsys):
    pytest.importorskip("distributed")
    from snnir.explore import workers

    workers.PATIENCE, before = 1, workers.PATIENCE
    try:
        text = refusal(capsys, MODEL, "--workers", "tcp://127.0.0.1:9")
    finally:
        workers.PATIENCE = before
    assert "no Dask scheduler answers" in text and "dask scheduler" in text


def test_dask_that_is_missing_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    text = refusal(capsys, MODEL, "--workers", "tcp://127.0.0.1:8786")
    assert "pip install 'snnir[cluster]'" in text


def test_measurements_are_kept(explore, tmp_path, monkeypatch):
    words = [*PIXELS, *ONE, "--banks", "4", "--channels", "8", "--workers", 1]
    first = explore(*words, "--cache", tmp_path)
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    monkeypatch.setattr("snnir.explore.search.measure", None)
    assert explore(*words, "--cache", tmp_path) == first
    monkeypatch.undo()
    # What cannot be read is measured anew.
    kept[0].write_bytes(b"nothing of use")
    assert explore(*words, "--cache", tmp_path) == first
    explore(*words, "--cache", tmp_path, "--samples", 100)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_the_machine_refuses_is_told(explore):
    found = explore(*PIXELS, "--coding", "radix", "--timesteps", "4,8", "--weight-bits", "4",
                    "--planes", "4", "--workers", 1)  # fmt: skip
    refused = {one["timesteps"]: one["refused"] for one in found["settings"]}
    assert refused[4] is None and "8 steps" in refused[8]
    assert {point["timesteps"] for point in found["front"]} == {4}


def test_without_data_nothing_is_measured(explore):
    found = explore(*ONE, "--input-scale", "1/16", "--workers", 1, "--banks", "4")
    assert found["settings"][0] | {"accuracy": None, "samples": 0} == found["settings"][0]
    assert found["objectives"] == ["speed", "luts"]


def test_objectives_change_the_front(explore):
    words = [*PIXELS, *ONE, "--workers", 1]
    small = explore(*words, "--by", "bram")
    assert len(small["front"]) == 1
    assert small["front"][0]["bram36"] <= min(p["bram36"] for p in explore(*words)["front"])


def test_the_plot_is_a_drawing(cache, tmp_path, capsys):
    file = tmp_path / "front.svg"
    words = [MODEL, *PIXELS, *ONE, "--cache", cache, "--workers", 1, "--plot", file]
    assert run_tool(snnc.run, ["explore", *map(str, words)]) == 0
    text = capsys.readouterr().out
    assert "The chosen one (*):\nsnnc compile" in text and "--array" in text
    root = ElementTree.parse(file).getroot()
    dots = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(dots) > 50
    assert root.find(".//{http://www.w3.org/2000/svg}polyline") is not None


def test_a_long_front_is_cut_and_keeps_the_chosen_one(cache, capsys):
    words = [MODEL, *PIXELS, *ONE, "--cache", cache, "--workers", 1, "--rows", 3]
    assert run_tool(snnc.run, ["explore", *map(str, words)]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if "--array" in line and "images" not in line]
    assert len([row for row in rows if not row.startswith("snnc")]) == 3
    assert any(row.startswith("*") for row in rows)


@pytest.mark.parametrize(
    "words, part",
    [
        (["--banks", "3"], "powers of two"),
        (["--coding", "ttfs"], "takes radix, rate"),
        (["--by", "beauty"], "takes speed, luts"),
        (["--workers", "two"], "address like tcp://host:8786"),
        (["--plot", "front.png"], "name a .svg file"),
        (["--target", "pynq"], "did you mean 'pynq-z2'"),
        (["--min-accuracy", "0.5"], "no labels"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--coding", "radix", "--reset", "hard"], "rate-coded"),
        (["--max-luts", "50", *ONE], "at most 50 LUTs"),
        (["--banks", "8", "--channels", "4", "--drain", "8", *ONE], "no array of these sizes"),
    ],
)
def test_a_mistake_is_one_line(capsys, cache, words, part):
    if "50" in words or "--drain" in words:
        words = [*words, "--cache", str(cache), "--workers", "1", "--input-scale", "1/16"]
    assert part in refusal(capsys, MODEL, *words)


def test_too_much_accuracy_is_one_line(capsys, cache):
    words = [MODEL, *PIXELS, *ONE, "--data", TEST, "--cache", cache, "--workers", 1]
    text = refusal(capsys, *words, "--min-accuracy", "1")
    assert "no setting reaches an accuracy of 1" in text

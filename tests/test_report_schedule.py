"""Where clocks go and when: the losses of `snnc report` and its trace, against the C program."""

import json
import shutil
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from c_programs import needs_gcc, schedule
from random_networks import network_from_seed
from trace_format import problems

from snnir.dialects.pe_types import ArrayParameters
from snnir.hardware.timing import timing
from snnir.interpreters.pe import neurons_of, program_of
from snnir.interpreters.pe_schedule import schedules
from snnir.runtime import verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.cmodel import CEngine
from snnir.runtime.engines import run_engine
from snnir.runtime.losses import count_losses
from snnir.runtime.timeline import model_timeline
from snnir.runtime.trace import EMITTERS, LAYERS, trace_events, trace_text
from snnir.schedule.cycles import PhaseClocks, WalkedRuns, layer_clocks, row_visits, visits
from snnir.schedule.losses import PARTS, layer_losses, peak
from snnir.schedule.program import FIRE, RECEIVE, Layer
from snnir.schedule.reading import read_program
from snnir.tools import snnc
from snnir.tools.errors import run_tool

pytestmark = needs_gcc
needs_verilator = pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None or shutil.which("make") is None,
    reason="Verilator, g++ or make is not installed",
)

EXAMPLES = Path(__file__).parent.parent / "examples"
SEEDS = range(12)
RESOLVE, FLUSH = 7, 11
ARRAY = ArrayParameters(2, 4, 3, weight_bits=8, acc_bits=16, membrane_bits=20)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=SEEDS)
def ran(request, cache):
    """A random network's scheduled module, its tables, and what C says of three images."""
    net = network_from_seed(request.param, images=3)
    module = schedule(net.module, net.pipeline)
    result = CEngine.from_module(module, cache, ("-O1",)).run(net.frames)
    return module, read_program(program_of(module)), result


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "build"
    words = ["compile", EXAMPLES / "digits.onnx", "-o", folder, "--input-scale", "1/16"]
    words += ["--calibration", EXAMPLES / "digits_calibration.npz", "--no-verilog"]
    assert run_tool(snnc.run, list(map(str, words))) == 0
    return folder


def slices(events, track=None):
    return [e for e in events if e["ph"] == "X" and track in (None, e["tid"])]


def end_of(event) -> int:
    return event["args"]["clock"] + event["args"]["clocks"]


# The schedule -------------------------------------------------------------------------------------


def test_the_schedule_has_the_clocks_of_c(ran):
    module, tables, result = ran
    begin = 0
    for row in schedules(tables, timing(tables, neurons_of(module)), result.trains):
        assert np.array_equal(row.clocks, result.layer_cycles[row.layer.label])
        assert np.array_equal(row.begin, np.zeros(3) + begin)
        begin = begin + row.clocks
        if row.layer.kind == RECEIVE:
            continue
        assert np.array_equal(row.runs.events.sum(axis=(1, 2)), result.events[row.layer.label])
        assert row.tile_ends[-1] == len(row.phases.end) == row.runs.phase_end.sum()
        ends = row.phases.end
        assert (row.phases.start[1:] == ends[:-1] + 1).all()
        assert (row.phases.emitted <= ends).all() and (row.phases.emitted >= row.phases.start).all()
        assert (row.phases.resolved < row.phases.emitted).all()
    assert np.array_equal(np.zeros(3) + begin, result.cycles)


def test_an_event_has_a_spike_or_more(ran):
    module, tables, result = ran
    for row in schedules(tables, timing(tables, neurons_of(module)), result.trains):
        if row.layer.kind == RECEIVE:
            continue
        events = result.events[row.layer.label]
        spikes = row.spikes.sum(axis=1)
        assert (events <= spikes).all() and (spikes <= events * tables.array.planes).all()


def test_rows_share_the_visits():
    layer = Layer("a", FIRE, 0, 1, 1, 5, 4, 3, 2, (3, 2), (2, 2), (1, 0))
    assert row_visits(layer).tolist() == [8, 12, 8]
    assert row_visits(layer).sum() == len(visits(layer))


# Losses -------------------------------------------------------------------------------------------


def test_the_parts_add_up_to_the_clocks(ran):
    module, tables, result = ran
    found = count_losses(tables, module, result.trains)
    assert found["samples"] == 3
    assert [row["name"] for row in found["layers"]] == list(result.layer_cycles)
    for row in [*found["layers"], found["total"]]:
        clocks = result.layer_cycles[row["name"]] if "name" in row else result.cycles
        assert row["cycles"] == pytest.approx(clocks.mean())
        assert all(row[part] >= 0 for part in PARTS)
        assert sum(row[part] for part in PARTS) == pytest.approx(row["cycles"])
        assert row["sustained"] == pytest.approx(row["work"] / row["cycles"])


def test_work_and_idle_lanes_fill_the_clocks_of_the_events(ran):
    """An event occupies its bank's channels and planes for a clock, whatever they do with it."""
    module, tables, result = ran
    array = tables.array
    for row in count_losses(tables, module, result.trains)["layers"]:
        lanes = (row["work"] + row["planes"] + row["channels"]) * peak(array)
        events = result.events[row["name"]].mean()
        assert lanes == pytest.approx(events * array.channels * array.planes)


def test_losses_are_the_same_in_parts(ran, monkeypatch):
    module, tables, result = ran
    wanted = count_losses(tables, module, result.trains)
    monkeypatch.setattr("snnir.runtime.losses.images_at_once", lambda tables: 2)
    assert count_losses(tables, module, result.trains) == wanted


def parts_of(runs, channels=2, spikes=0):
    """Parts of a layer of one tile with these runs (events per bank, phase ends, pixel ends)."""
    events, phase_end, pixel_end = (list(column) for column in zip(*runs, strict=True))
    drain = np.full(len(runs), channels)
    walked = WalkedRuns(np.array([events]), np.array(phase_end), np.array(pixel_end), drain)
    found: list[PhaseClocks] = []
    clocks = layer_clocks(walked, 4, RESOLVE, FLUSH, found)
    phases = PhaseClocks(*map(np.stack, zip(*found, strict=True)))
    ends, spikes = np.array([len(found)]), np.array([[spikes]])
    parts = layer_losses(ARRAY, RESOLVE, FLUSH, walked, phases, ends, np.array([channels]), spikes)
    assert sum(parts.values())[0] == clocks[0] * peak(ARRAY)
    return {part: Fraction(int(value[0]), peak(ARRAY)) for part, value in parts.items()}


def test_the_longest_list_is_waited_for():
    found = parts_of([((1, 6), True, True)], spikes=10)
    assert found["imbalance"] == 6 - Fraction(7, 2)
    assert found["work"] == Fraction(10 * 2, peak(ARRAY))
    assert found["planes"] == Fraction((7 * 3 - 10) * 2, peak(ARRAY))
    assert found["channels"] == Fraction(7 * 3 * (4 - 2), peak(ARRAY))
    assert found["ends"] == found["resolver"] == 0
    assert found["drain"] == 2 and found["pipeline"] == RESOLVE + FLUSH


def test_queues_wait_for_the_resolver_and_are_told_of_the_end():
    # Two runs without events take their clocks, the last one an entry in each bank.
    found = parts_of([((0, 0), False, False)] * 2 + [((0, 0), True, True)])
    assert found["resolver"] == 2 and found["ends"] == 1 and found["imbalance"] == 0


def test_the_shadow_is_waited_for():
    pixels = [((1, 1), True, True)] * 2
    assert parts_of(pixels, channels=4)["drain"] == 3 + 4
    assert parts_of(pixels, channels=1)["drain"] == 0 + 1


def test_work_of_a_convolution(digits):
    """Each spike of the image reaches 12 channels in each of the 3x3 windows that it lies in."""
    build = BuildFolder(digits)
    result = run_engine("c", build, np.load(EXAMPLES / "digits_test.npz")["x"][:4], trains=True)
    windows = np.convolve(np.ones(8), np.ones(3))[1:-1]
    spikes = np.bitwise_count(result.trains["input"]).sum(axis=1) * np.outer(windows, windows)
    found = count_losses(build.tables, build.pe, result.trains)["layers"]
    work = {row["name"]: row["work"] * peak(build.tables.array) for row in found}
    assert work["conv1"] == pytest.approx(12 * spikes.sum() / 4)


def trace_of(tables, module, result, mhz):
    return trace_events(tables, model_timeline(tables, module, result.trains), mhz)


# Trace --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spans", [6000, 30, 0])
def test_the_trace_ends_with_the_clocks_of_c(ran, spans, monkeypatch):
    module, tables, result = ran
    monkeypatch.setattr("snnir.runtime.trace.SPANS", spans)
    events = trace_of(tables, module, result, 150.0)
    cycles = int(result.cycles[0])
    assert max(map(end_of, slices(events))) == cycles
    assert end_of(slices(events)[-1]) == cycles
    last = slices(events)[-1]
    assert last["ts"] + last["dur"] == pytest.approx(cycles / 150, abs=1e-3)
    names = [event["name"] for event in slices(events, LAYERS)]
    assert names == [layer.label for layer in tables.layers]
    for event in slices(events, LAYERS):
        assert event["args"]["clocks"] == result.layer_cycles[event["name"]][0]
    tiles = [event for event in slices(events, EMITTERS) if " tile " in event["name"]]
    consumed = sum(int(values[0]) for values in result.events.values())
    assert sum(event["args"]["events"] for event in tiles) == consumed


@pytest.mark.parametrize("mhz", [150.0, 133.3, 1000.0])
def test_a_viewer_takes_the_trace(ran, mhz):
    module, tables, result = ran
    events = trace_of(tables, module, result, mhz)
    assert problems(json.loads(trace_text(events, {"cycles": 1}))) == []
    for event in slices(events):
        assert event["args"]["clocks"] >= 0
        assert event["ts"] == pytest.approx(event["args"]["clock"] / mhz, abs=1e-3)


META = {"ph": "M", "pid": 0, "tid": 0, "name": "process_name", "args": {"name": "p"}}
TRACK = META | {"name": "thread_name"}
SLICE = {"ph": "X", "pid": 0, "tid": 0, "name": "a", "ts": 1.0, "dur": 2.0, "args": {}}
COUNT = {"ph": "C", "pid": 0, "name": "c", "ts": 1.0, "args": {"value": 1}}


@pytest.mark.parametrize(
    "events, problem",
    [
        ([META, TRACK, SLICE, COUNT], None),
        ([META, TRACK, SLICE | {"ts": "1.0"}], "ts is no time"),
        ([META, TRACK, SLICE | {"dur": -1.0}], "dur is no time"),
        ([META, TRACK, SLICE | {"ph": "Y"}], "unknown phase Y"),
        ([META, TRACK, SLICE | {"tid": 1}], "has no name"),
        ([TRACK, SLICE], "process 0 has no name"),
        ([META, META, TRACK, SLICE], "is there twice"),
        ([META, TRACK, SLICE, SLICE | {"ts": 2.0}], "overlaps"),
        ([META, COUNT | {"args": {"value": "1"}}], "a counter without numbers"),
        ([META | {"args": {"name": 1}}], "args.name is no str"),
    ],
)
def test_the_checker_sees_what_is_wrong(events, problem):
    found = problems({"displayTimeUnit": "ns", "traceEvents": events})
    assert found == [] if problem is None else any(problem in line for line in found)


# The command --------------------------------------------------------------------------------------


def test_report_writes_a_trace_and_the_losses(digits, tmp_path, capsys):
    file = tmp_path / "trace.json"
    words = ["report", digits, "--trace", file, "--limit", "5"]
    words += ["--input", EXAMPLES / "digits_test.npz"]
    capsys.readouterr()
    assert run_tool(snnc.run, list(map(str, [*words, "--json"]))) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trace"] == str(file) and found["losses"]["samples"] == 5
    assert found["losses"]["total"]["cycles"] == pytest.approx(found["totals"]["cycles"])
    assert 0 < found["losses"]["total"]["sustained"] < 1

    trace = json.loads(file.read_text())
    assert problems(trace) == []
    assert file.stat().st_size < 1 << 20
    assert end_of(slices(trace["traceEvents"])[-1]) == trace["otherData"]["cycles"]
    run = ["run", digits, "--input", EXAMPLES / "digits_test.npz", "--limit", "1", "--json"]
    assert run_tool(snnc.run, list(map(str, run))) == 0
    assert json.loads(capsys.readouterr().out)["cycles_per_sample"] == trace["otherData"]["cycles"]
    names = {event["name"] for event in slices(trace["traceEvents"])}
    assert {"input.0", "conv1 tile 0", "add1 flush", "row 3", "pixel 0", "phase 1"} <= names

    assert run_tool(snnc.run, list(map(str, words))) == 0
    text = capsys.readouterr().out
    assert "imbalance" in text and f"{file}, to be opened at" in text


def test_report_has_no_losses_without_data(tmp_path, capsys):
    words = ["compile", EXAMPLES / "digits.onnx", "-o", tmp_path / "out", "--input-scale", "1/16"]
    assert run_tool(snnc.run, [*map(str, words), "--no-verilog"]) == 0
    capsys.readouterr()
    assert run_tool(snnc.run, ["report", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["losses"] is None and found["trace"] is None and found["plot"] is None
    assert run_tool(snnc.run, ["report", str(tmp_path / "out"), "--trace", "t.json"]) == 1
    assert "give inputs: --input X.npz" in capsys.readouterr().err
    for option in (["--plot", "p.svg"], ["--engine", "rtl"]):
        assert run_tool(snnc.run, ["report", str(tmp_path / "out"), *option]) == 1
        assert "give inputs: --input X.npz" in capsys.readouterr().err


def test_a_trace_that_cannot_be_written(digits, tmp_path, capsys):
    file = tmp_path / "none" / "trace.json"
    assert run_tool(snnc.run, ["report", str(digits), "--limit", "1", "--trace", str(file)]) == 1
    assert "cannot write: No such file or directory" in capsys.readouterr().err


def test_a_chart_of_the_losses(digits, tmp_path, capsys):
    file = tmp_path / "losses.svg"
    words = ["report", digits, "--plot", file, "--limit", "2", "--json"]
    capsys.readouterr()
    assert run_tool(snnc.run, list(map(str, words))) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["plot"] == str(file) and found["activity"]["engine"] == "model"
    svg = ElementTree.parse(file).getroot()
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in svg.iter(f"{space}text")]
    assert "digits: where the clocks go" in texts and "bank imbalance" in texts
    assert "weights from DDR" not in texts
    for row in [*found["losses"]["layers"], {"name": "total", **found["losses"]["total"]}]:
        assert row["name"] in texts and f"{row['cycles']:,.0f}" in texts
    told = [rect.find(f"{space}title") for rect in svg.iter(f"{space}rect")]
    bars = [title.text for title in told if title is not None]
    # The parts of a bar fill it.
    for label in ("conv1", "total"):
        shares = [float(t.split()[-2]) for t in bars if t.startswith(f"{label}: ")]
        assert sum(shares) == pytest.approx(100, abs=0.5)


def test_report_without_verilog(digits, capsys):
    words = ["report", str(digits), "--engine", "rtl", "--limit", "1"]
    assert run_tool(snnc.run, words) == 1
    assert "no Verilog" in capsys.readouterr().err


@needs_verilator
def test_report_of_both_engines(tmp_path, capsys):
    folder, file = tmp_path / "build", tmp_path / "trace.json"
    words = ["compile", EXAMPLES / "digits.onnx", "-o", folder, "--input-scale", "1/16"]
    words += ["--calibration", EXAMPLES / "digits_calibration.npz", "--array", "4,8,4,2"]
    assert run_tool(snnc.run, list(map(str, words))) == 0
    told = {}
    for engine in ("both", "model", "rtl"):
        words = ["report", folder, "--limit", "2", "--engine", engine, "--trace", file, "--json"]
        capsys.readouterr()
        assert run_tool(snnc.run, list(map(str, words))) == 0
        losses = json.loads(capsys.readouterr().out)["losses"]
        trace = json.loads(file.read_text())
        assert problems(trace) == []
        told[engine] = losses, trace["traceEvents"]
    assert told["both"][0] == told["model"][0] == told["rtl"][0]
    assert told["both"][1] == told["model"][1] + told["rtl"][1]
    names = [e["args"]["name"] for e in told["both"][1] if e["name"] == "process_name"]
    assert names == ["digits, cycle model, 150 MHz", "digits, Verilog, 150 MHz"]

    def without_process(events):
        return [{k: v for k, v in e.items() if k != "pid"} for e in events if e["ph"] != "M"]

    assert without_process(told["model"][1]) == without_process(told["rtl"][1])

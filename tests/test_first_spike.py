"""First-to-spike networks: the same scores, classes and steps in numpy, ONNX and every engine."""

import json

import numpy as np
import pytest
from c_programs import needs_gcc

from snnir.runtime import float_model, verilator
from snnir.runtime.build import BuildFolder
from snnir.runtime.decision import decide, spent, stop_when_decided
from snnir.runtime.encode import real_outputs
from snnir.runtime.engines import run_engine
from snnir.runtime.windows import decided
from snnir.tools import snnc
from snnir.tools.errors import run_tool
from snnir.training.first_spike import (
    FirstToSpike,
    GlmLayer,
    chance,
    export_first_to_spike,
    levels,
    random_numbers,
    thresholds,
)

needs_verilator = pytest.mark.skipif(verilator.find() is None, reason="verilator is not installed")
needs_runtime = pytest.mark.skipif(
    not float_model.available(), reason="onnxruntime is not installed"
)

CASES = {
    "one layer": {"sizes": [12, 5], "steps": 9, "window": 3, "points": 5, "seed": 0},
    "a hidden layer": {
        "sizes": [12, 6, 4], "steps": 6, "window": 2, "points": 6,
        "ties": "strongest", "silent": "none", "bias": -200, "seed": 15,
    },
}  # fmt: skip


def network(sizes, steps, window, points, bias=-180, seed=2, **rules) -> FirstToSpike:
    rng = np.random.default_rng(seed)
    top = 1 << points
    layers = [
        GlmLayer(
            rng.integers(-top, top, (window, outputs, inputs)).clip(-127, 127).astype(np.int8),
            bias + rng.integers(-20, 20, outputs),
            points,
            rng.integers(1, 1 << 16, outputs),
        )
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    return FirstToSpike(levels(steps), layers, **rules)


@pytest.fixture(scope="module", params=CASES)
def built(request, tmp_path_factory):
    """A network, pixels, and its build folder; the first one has Verilog."""
    folder = tmp_path_factory.mktemp("first")
    net = network(**CASES[request.param])
    pixels = np.random.default_rng(3).integers(0, 256, (60, 1, 3, 4), np.uint8)
    export_first_to_spike(net, folder / "net.onnx", (1, 3, 4))
    np.savez(folder / "x.npz", x=pixels, y=np.maximum(net.decide(pixels)[0], 0))
    words = ["compile", folder / "net.onnx", "-o", folder / "build", "--array", "2,4,9"]
    extra = [] if request.param == "one layer" else ["--no-verilog"]
    assert run_tool(snnc.run, [*map(str, words), *extra]) == 0
    return net, pixels, folder


@needs_gcc
def test_every_engine_makes_the_same_scores(built):
    net, pixels, folder = built
    build, want = BuildFolder(folder / "build"), net.scores(pixels)
    classes, steps = net.decide(pixels)
    assert len(set(classes)) > 2 and len(set(steps)) > 2
    for engine in ("interp", "c", "fast"):
        found = run_engine(engine, build, pixels, trains=engine == "c")
        np.testing.assert_array_equal(found.potentials, want)
        for mine, wanted in zip(
            decide(build.manifest["output"], found.potentials), (classes, steps), strict=True
        ):
            np.testing.assert_array_equal(mine, wanted)
        np.testing.assert_array_equal(
            real_outputs(build.manifest["output"], found.potentials), want
        )


@needs_runtime
def test_any_onnx_runtime_makes_them_too(built):
    net, pixels, folder = built
    found = float_model.FloatModel(folder / "net.onnx").outputs(pixels.astype(np.float32))
    np.testing.assert_array_equal(found, net.scores(pixels))


@needs_gcc
def test_run_says_what_was_spent(built, capsys):
    net, pixels, folder = built
    words = ["run", folder / "build", "--input", folder / "x.npz", "--engine", "fast"]
    capsys.readouterr()
    assert run_tool(snnc.run, [*map(str, words), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    classes, steps = net.decide(pixels)
    assert found["predictions"] == classes.tolist() and found["steps"] == steps.tolist()
    decision = found["decision"]
    assert (decision["ties"], decision["silent"]) == (net.ties, net.silent)
    assert decision["steps_per_sample"] == pytest.approx(steps.mean())
    assert (decision["undecided"] > 0) == (net.scores(pixels).max(1) < 256).any()
    assert run_tool(snnc.run, [*map(str, words)]) == 0
    assert f"of {len(net.levels)} a sample" in capsys.readouterr().out


@needs_gcc
@needs_verilator
def test_verilog_is_equal(built):
    _, pixels, folder = built
    if not (folder / "build" / "verilog").exists():
        pytest.skip("made without Verilog")
    words = ["verify", folder / "build", "--input", folder / "x.npz", "--limit", "6"]
    assert run_tool(snnc.run, [*map(str, words), "--engines", "interp,c,rtl"]) == 0


def test_its_datapaths_are_proved(built, capsys):
    pytest.importorskip("z3", reason="z3-solver is not installed")
    _, _, folder = built
    if not (folder / "build" / "verilog").exists():
        pytest.skip("made without Verilog")
    assert run_tool(snnc.run, ["prove", str(folder / "build")]) == 0


def test_fewer_steps_are_the_first_ones():
    net = network(**CASES["one layer"])
    pixels = np.random.default_rng(3).integers(0, 256, (40, 12), np.uint8)
    classes, steps = net.decide(pixels)
    early, spent_early = net.within(5).decide(pixels)
    soon = steps <= 5
    assert soon.any() and (early[soon] == classes[soon]).all()
    assert (spent_early == np.minimum(steps, 5)).all()


def test_random_numbers_and_chances():
    numbers = random_numbers(np.array([1, 77, 0]), 2000)
    assert numbers.min() >= 0 and numbers.max() == 1023
    assert abs(numbers.mean() - 511.5) < 12 and not (numbers[:, 0] == numbers[:, 1]).all()
    # What is no seed is seed 1.
    assert (numbers[:, 0] == numbers[:, 2]).all()
    u = np.arange(-128, 128)
    sigmoid = 1 / (1 + np.exp(-u / 16))
    assert np.abs(chance(u) / 1024 - sigmoid).max() < 0.02
    assert (np.diff(chance(u)) >= 0).all() and chance(u)[48] == 0 and chance(u)[208] == 1024
    least = thresholds(np.array([5]), 300)[:, 0]
    spikes = random_numbers(np.array([5]), 300) < chance(u)
    assert (spikes == (u >= least[:, None])).all()


def test_levels_halve_what_is_left():
    assert levels(4) == [127, 63, 191, 31] and len(set(levels(16))) == 16
    assert 0 <= min(levels(16)) <= max(levels(16)) < 255


def test_who_decides_where_nobody_spikes():
    output = {"decision": {"steps": 4, "bits": 8, "ties": "lowest", "silent": "none"}}
    scores = np.array([[0, 1024, 512], [100, 30, 200], [256, 0, 0]])
    classes, steps = decide(output, scores)
    assert classes.tolist() == [1, -1, 0] and steps.tolist() == [1, 4, 4]
    assert spent(output, scores)["undecided"] == pytest.approx(1 / 3)
    output["decision"]["silent"] = "potential"
    assert decide(output, scores)[0].tolist() == [1, 2, 0]
    assert decide({}, scores)[1] is None and spent({}, scores) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": [1, 2, 255]}, "levels are pixels from 0 to 254"),
        ({"levels": list(range(17))}, "17 levels, one for each of 1 to 16 steps"),
        ({"delay": 9}, "delay is 9, allowed are 1 to steps - 1"),
        ({"ties": 2}, "its ties are not 0 or 1"),
        ({"points": 3}, "points"),
    ],
)
def test_broken_files(change, message, tmp_path, capsys):
    import onnx
    from onnx import helper

    export_first_to_spike(network([4, 3], 3, 2, 5), tmp_path / "net.onnx", (4,))
    model = onnx.load(tmp_path / "net.onnx")
    for node in model.graph.node:
        for index, attribute in enumerate(node.attribute):
            if attribute.name in change:
                new = helper.make_attribute(attribute.name, change[attribute.name])
                node.attribute[index].CopyFrom(new)
    onnx.save(model, tmp_path / "net.onnx")
    words = ["compile", tmp_path / "net.onnx", "-o", tmp_path / "out"]
    assert run_tool(snnc.run, list(map(str, words))) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1] and len([line for line in lines if "error" in line]) == 1


@needs_gcc
@pytest.mark.parametrize(
    ("sizes", "window", "seed"), [([16, 4], 1, 1), ([16, 4], 3, 8), ([16, 6, 4], 4, 2)]
)
def test_windows_behind_the_decision_are_not_run(sizes, window, seed, tmp_path, capsys):
    """What is computed in four windows is what it is in one, and a decided sample stops."""
    rng = np.random.default_rng(seed)
    layers = [
        GlmLayer(
            rng.integers(-60, 60, (window, outputs, inputs)).astype(np.int8),
            -150 + rng.integers(-20, 20, outputs),
            5,
            rng.integers(1, 1 << 16, outputs),
        )
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True)
    ]
    whole = FirstToSpike(levels(4) * 4, layers)
    pixels = rng.integers(0, 256, (30, 1, 4, 4), np.uint8)
    classes, steps = whole.decide(pixels)
    export_first_to_spike(FirstToSpike(levels(4), layers), tmp_path / "net.onnx", (1, 4, 4))
    np.savez(tmp_path / "x.npz", x=pixels, y=classes)
    words = ["compile", tmp_path / "net.onnx", "-o", tmp_path / "build", "--array", "2,4,4"]
    assert run_tool(snnc.run, [*map(str, words), "--windows", "4"]) == 0
    build = BuildFolder(tmp_path / "build")
    output = build.manifest["output"]
    samples = np.repeat(pixels[:, None], 4, axis=1)
    windows = -(-steps // 4)
    assert len(set(windows)) == 4
    clocks = {}
    engines = ("interp", "c", "rtl") if verilator.find() is not None else ("interp", "c")
    for engine in engines:
        found = run_engine(engine, build, samples, trains=False, stop=stop_when_decided(output))
        assert found.spent.tolist() == windows.tolist()
        mine = decide(output, decided(found, build.windows))
        assert mine[0].tolist() == classes.tolist() and mine[1].tolist() == steps.tolist()
        clocks[engine] = found.cycles
    every = run_engine("c", build, samples, trains=False).cycles
    run = (np.arange(4) < windows[:, None]).ravel()
    assert (clocks["c"] == np.where(run, every, 0)).all()
    assert all((clocks[engine] == clocks["c"]).all() for engine in engines[1:])
    words = ["run", tmp_path / "build", "--input", tmp_path / "x.npz", "--json"]
    capsys.readouterr()
    assert run_tool(snnc.run, [*map(str, words)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == 1 and found["steps"] == steps.tolist()
    assert found["cycles_per_sample"] == pytest.approx(clocks["c"].sum() / 30)
    words = ["compile", tmp_path / "net.onnx", "-o", tmp_path / "out", "--windows", "endless"]
    assert run_tool(snnc.run, list(map(str, words))) == 1
    assert "samples have no last one" in capsys.readouterr().err

"""The page of results: nothing on it but what was measured, and a row measured anew."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from snnir.runtime import verilator

ROOT = Path(__file__).parent.parent


needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


@pytest.fixture
def results(monkeypatch):
    """The module tools/results.py."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import results

    return results


@pytest.fixture
def run(results, monkeypatch, tmp_path):
    """Runs the tool on a store of its own; returns what is in it."""
    monkeypatch.setattr(results, "STORE", tmp_path / "results.json")

    def run(*words: str) -> dict:
        monkeypatch.setattr(sys, "argv", ["results.py", *words, "--work", str(tmp_path / "work")])
        results.main()
        return json.loads((tmp_path / "results.json").read_text())

    return run


def test_the_page_says_what_is_kept(results):
    kept = results.load()
    assert results.PAGE.read_text() == results.page(kept), "run: python tools/results.py --page"
    for name in results.FIGURES:
        assert (results.PAGE.parent / name).read_text() == results.figure(name, kept)


def test_what_makes_a_network_stands_once_and_before_it_is_read(results):
    lines = results.PAGE.read_text().splitlines()
    of_vgg11 = lines[lines.index("### VGG-11 on CIFAR-10") :]
    made = [line.strip() for line in of_vgg11[2 : of_vgg11.index("", 2)]]
    assert len(made) == len(set(made)) > 3
    for number, command in enumerate(made):
        assert command.startswith("python tools/") and " -o $MODELS/vgg11_" in command
        folder = command.rpartition(" -o ")[2]
        assert not any(f"{folder}/" in earlier for earlier in made[:number])
        assert lines.count(f"    {command}") == 1


def test_every_row_kept_is_of_the_table(results):
    assert set(results.load()) <= set(results.all_rows() | results.all_systems())


def test_what_was_measured_otherwise_is_not_shown(results):
    from results_page import measured

    row = results.all_rows()["digits-radix4-w8"]
    kept = results.load()
    assert measured(row, kept) is kept[row.name]
    other = {**kept[row.name], "commands": ["snnc compile something else"]}
    assert measured(row, {row.name: other}) is None
    assert "not measured" in results.page({row.name: other})
    assert "99.44" not in results.page({row.name: other})


def test_at_a_glance_stands_the_row_that_keeps_the_bound(results):
    from results_glance import glance
    from results_rows import Network, Row, radix, rate

    network = Network("net", "Net, trained", "cifar10", "net.onnx")
    same = {"bits": 4, "within": 0.5}

    def found(held_out: int, test: int) -> dict:
        of = {"held-out": (10_000, held_out), "test": (1_000, test)}
        return {"accuracy": {split: {"samples": n, "float_right": n, "right": n - wrong}
                             for split, (n, wrong) in of.items()}}  # fmt: skip

    def row(how: dict, mark: str, **more) -> Row:
        return Row(network, **{**how, "options": (), **more}, mark=mark)

    rows = [
        (row(radix(4, 4), "half", **same), found(0, 6)),
        (row(radix(8, 4), "late", **same), found(-9, -9)),
        (row(radix(6, 4), "more", **same), found(40, 5)),
        (row(radix(6, 4), "least", **same), found(50, 1)),
        (row(rate(8, 4), "rate", **same), found(51, 0)),
        (row(rate(8, 4), "2 ahead", **same), found(0, 5)),
        (row(radix(4, 8), "free"), found(0, 0)),
    ]
    kept, lost, ahead = [line for line in glance(rows).splitlines() if line.startswith("| Net ")]
    assert kept.startswith("| Net | radix T = 6 | 4 bits | 0.5 | 0.50 (held-out), 0.10 (test) | re")
    assert kept.endswith("| reached | `net-radix6-w4-least` |")
    assert lost.endswith(" 0.51 (held-out), 0.00 (test) | missed | `net-rate8-w4-rate` |")
    assert ahead.startswith("| Net | rate T = 8, 2 ahead | 4 bits | 0.5 | 0.00 (held-out), 0.50 ")


@pytest.mark.skipif(
    verilator.find() is None or shutil.which("g++") is None, reason="needs Verilator and g++"
)
def test_a_row_is_measured_anew(results, run):
    found = run("--row", "digits-radix4-w8")["digits-radix4-w8"]
    kept = results.load()["digits-radix4-w8"]
    assert found["verify"]["equal"] is True and found["verify"]["cycles_equal"] is True
    assert found["verify"]["engines"] == ["interp", "c", "fast", "rtl"]
    assert found["commands"] == kept["commands"] and found["verify"] == kept["verify"]
    assert found["spikes"]["neurons"] == kept["spikes"]["neurons"]
    assert found["spikes"]["total"] > 0
    # Another BLAS may round a threshold otherwise: a few images of 540.
    of, before = found["accuracy"]["test"], kept["accuracy"]["test"]
    assert of["samples"] == before["samples"] == 540
    assert abs(of["right"] - before["right"]) < 4


@needs_compiler
def test_a_part_that_is_kept_is_of_the_same_integers(results, run, monkeypatch):
    name = "digits-radix4-w4"
    kept = run("--row", name, "--only", "accuracy")[name]
    assert "verify" not in kept
    told = {"equal": True, "cycles_equal": True, "samples": 5}
    anew = {"test": {"samples": 540, "float_right": 7, "right": 7}}
    monkeypatch.setattr(results, "verified", lambda *words: told)
    monkeypatch.setattr(results, "accuracies", lambda *words: anew)
    assert run("--row", name, "--only", "verify")[name] == {**kept, "verify": told}
    results.save(name, {**kept, "integers": "others"})
    assert run("--row", name, "--only", "verify")[name]["accuracy"] == anew


def test_an_unknown_row_is_one_line(run):
    with pytest.raises(SystemExit, match="^error: no row 'vgg12'; --list names them all$"):
        run("--row", "vgg12")


def test_a_row_without_its_file_is_one_line(results, run, monkeypatch):
    row = results.all_rows()["lenet5-radix4-w4-trained"]
    monkeypatch.setattr(results, "ROOT", ROOT / "nowhere")
    with pytest.raises(SystemExit, match=f"^{row.name}: not measured: .*not there; made by: ") as e:
        run("--row", row.name)
    assert "\n" not in str(e.value)


# Rows of systems ----------------------------------------------------------------------------------


def test_the_page_has_what_was_measured_of_systems(results):
    from systems_page import commands

    row = results.all_systems()["glm-mnist-windows"]
    told = {"equal": True, "cycles_equal": True, "samples": 24}
    rtl = {"samples": 24, "equal": True, "cycles": 1091.4, "cycles_of_all": 4193.1}
    found = {
        "commands": commands(row), "samples": 200, "right": 151, "spent": 3.5, "silent": 0.1,
        "over": [100, 60, 30, 10], "cycles": 1207.3, "cycles_of_all": 4202.9, "rtl": rtl,
        "verify": told,
    }  # fmt: skip
    line = "| 200 | 75.50 % | 3.50 | 50.00 %, 30.00 %, 15.00 %, 5.00 % | 1,207 | 4,203 | 1,091 | 4"
    assert line in results.page({row.name: found})
    assert "24 | equal |" in results.page({row.name: found})
    assert "NOT EQUAL" in results.page({row.name: {**found, "rtl": {**rtl, "equal": False}}})
    assert line not in results.page({row.name: {**found, "commands": ["snnc other"]}})


@needs_compiler
def test_a_system_is_measured(results, monkeypatch, tmp_path):
    """A tiny first-to-spike network by allowed steps; its figures are those of numpy."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import numpy as np
    import results_systems
    from systems_page import energy_lines

    from snnir.training.first_spike import FirstToSpike, GlmLayer, export_first_to_spike
    from snnir.training.plain import export_plain

    rng = np.random.default_rng(4)
    weights = rng.integers(-60, 60, (2, 3, 6)).astype(np.int8)
    net = FirstToSpike([90, 160], [GlmLayer(weights, np.full(3, -30), 5, np.array([7, 8, 9]))])
    x, y = rng.integers(0, 256, (40, 6), np.uint8), rng.integers(0, 3, 40)
    export_first_to_spike(net, tmp_path / "net.onnx", (6,))
    export_plain(torch.nn.Sequential(torch.nn.Linear(4, 3)), tmp_path / "float.onnx", (4,))
    np.savez(tmp_path / "x.npz", x=x, y=y)
    row = results_systems.FirstToSpikeRow(
        "tiny", "tiny", str(tmp_path / "net.onnx"), str(tmp_path / "x.npz"), "2,4,2", "",
        ("--no-verilog",), verified=3, counted=5, float_model=str(tmp_path / "float.onnx"),
        features=4,
    )  # fmt: skip
    monkeypatch.setattr(results_systems, "STEPS", 2)
    monkeypatch.setattr(results_systems.System, "verifying", lambda row: [
        "verify", row.build, "--input", row.samples, "--limit", "3", "--engines", "interp,c"
    ])  # fmt: skip
    found = row.measure(lambda word: word.replace("$W", str(tmp_path)))
    for one in found["allowed"]:
        classes, steps = net.within(one["steps"]).decide(x)
        assert one["right"] == (classes == y).sum() and one["spent"] == pytest.approx(steps.mean())
        assert one["cycles"] > 0
    assert [one["steps"] for one in found["allowed"]] == [1, 2]
    assert found["verify"] == {
        "samples": 3, "engines": ["interp", "c"], "equal": True, "cycles_equal": None
    }  # fmt: skip
    assert [one["name"] for one in found["energy"]["spinaps"]] == ["SRAM", "STT-RAM, binary cells"]
    lines = energy_lines(row, {**found, "cycles": 12})
    assert len(lines) == len(found["energy"]["ace_snn"]) == 4 and "equal, 3" in lines[0]


def test_a_system_without_its_file_is_one_line(run, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mnist_test.npz").touch()
    message = "^glm-mnist: not measured: .*mnist.onnx.*not there; made by: python tools/train_glm"
    with pytest.raises(SystemExit, match=message) as e:
        run("--row", "glm-mnist", "--models", str(tmp_path))
    assert "\n" not in str(e.value)

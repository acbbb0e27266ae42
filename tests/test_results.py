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

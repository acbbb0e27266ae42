"""snnc from the outside: what each command prints, writes and returns, on the shipped network."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bad_input.files import KERNEL, conv, write_model

from snnir.runtime.build import BuildFolder
from snnir.tools import snn_opt, snnc
from snnir.tools.errors import run_tool

ROOT = Path(__file__).parent.parent
MODEL = str(ROOT / "examples" / "digits.onnx")
TEST = str(ROOT / "examples" / "digits_test.npz")
CALIBRATION = str(ROOT / "examples" / "digits_calibration.npz")
OPTIONS = ["--calibration", CALIBRATION, "--input-scale", "1/16", "--no-verilog"]


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("snnc") / "build"
    assert run_tool(snnc.run, ["compile", MODEL, "-o", str(folder), *OPTIONS]) == 0
    return folder


@pytest.fixture
def ask(capsys):
    """Run a command that must succeed (or end in `status`); its JSON."""

    def run(*words, status: int = 0) -> dict:
        capsys.readouterr()
        assert run_tool(snnc.run, [*map(str, words), "--json"]) == status
        output, errors = capsys.readouterr()
        assert errors == ""
        return json.loads(output)

    return run


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cache" not in path.parts
    }


# The tool itself ----------------------------------------------------------------------------------


def test_help_comes_at_once():
    """What takes long to import is not needed to print it."""
    command = [sys.executable, "-X", "importtime", "-m", "snnir.tools.snnc", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "snnir.tools" in imported
    assert not imported & {"numpy", "onnx", "onnxruntime", "lark", "xdsl", "torch"}
    for name in snnc.COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("command", snnc.COMMANDS)
def test_help_of_a_command_imports_little(command):
    source = (
        "import sys; from snnir.tools.snnc import run\n"
        f"try: run(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'onnx', 'xdsl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


def test_version(capsys):
    with pytest.raises(SystemExit):
        snnc.run(["--version"])
    assert re.fullmatch(r"snnc \d+\.\d+\.\d+\n", capsys.readouterr().out)


# check --------------------------------------------------------------------------------------------


def test_check_says_how_each_node_is_handled(ask, capsys):
    found = ask("check", MODEL)
    assert found["supported"] is True and found["problems"] == []
    assert [node["op_type"] for node in found["nodes"]][:3] == [
        "Conv",
        "BatchNormalization",
        "Relu",
    ]
    assert all(node["supported"] and node["how"] for node in found["nodes"])
    assert run_tool(snnc.run, ["check", MODEL]) == 0
    assert "all 13 nodes are supported" in capsys.readouterr().out


def test_check_finds_what_is_wrong_between_nodes(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model(
        [conv("x", "w", "a"), conv("a", "v", "y")], [("w", KERNEL), ("v", KERNEL[..., :1, :1])]
    )
    found = ask("check", "model.onnx", status=1)
    first, second = found["nodes"]
    assert first["supported"] and not second["supported"]
    assert "Relu" in second["hint"]


# compile ------------------------------------------------------------------------------------------


def test_compile_says_what_it_made(ask, tmp_path):
    found = ask("compile", MODEL, "-o", tmp_path / "out", *OPTIONS)
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "add1", "conv3", "logits"]
    assert found["layers"][0]["parameters"] == 12 * 9 + 12
    assert found["layers"][0]["macs"] == 12 * 9 * 64
    assert {"import", "quantise", "event-schedule", "total"} <= found["seconds"].keys()
    assert {"c/model.c", "c/model.h", "model.onnx", "ir/00-import.mlir"} <= set(found["files"])


def test_a_build_holds_weights_that_lay_beside_the_model(build, ask, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    import onnx

    monkeypatch.chdir(tmp_path)
    model = onnx.load(MODEL)
    onnx.save_model(
        model, "big.onnx", save_as_external_data=True, location="big.bin", size_threshold=0
    )
    ask("compile", "big.onnx", "-o", "out", *OPTIONS)
    Path("big.bin").unlink()
    found = ask("run", "out", "--input", TEST, "--limit", 50)
    assert (
        found["float_accuracy"]
        == ask("run", build, "--input", TEST, "--limit", 50)["float_accuracy"]
    )


def test_compiling_twice_gives_the_same_bytes(build, ask, tmp_path):
    ask("compile", MODEL, "-o", tmp_path / "out", *OPTIONS)
    assert tree(tmp_path / "out") == tree(build)


def test_the_printed_line_makes_the_same_ir(build, capsys):
    manifest = BuildFolder(build).manifest
    tool, *words = shlex.split(manifest["snn_opt"])
    assert tool == "snn-opt"
    assert run_tool(snn_opt.run, words) == 0
    assert capsys.readouterr().out == (build / manifest["ir"][-1]["file"]).read_text()


def test_every_stage_is_read_back(build, capsys):
    for entry in BuildFolder(build).manifest["ir"]:
        file = build / entry["file"]
        assert run_tool(snn_opt.run, [str(file)]) == 0
        assert capsys.readouterr().out == file.read_text()


def test_compiling_anew_keeps_the_cache_and_nothing_else(build, ask, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(build, folder)
    (folder / ".cache").mkdir(exist_ok=True)
    (folder / ".cache" / "kept").touch()
    (folder / "c" / "stale.c").touch()
    ask("compile", MODEL, "-o", folder, *OPTIONS, "--timesteps", 3)
    assert (folder / ".cache" / "kept").exists() and not (folder / "c" / "stale.c").exists()
    assert BuildFolder(folder).manifest["options"]["timesteps"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failing_compilation_leaves_the_old_build(build, tmp_path, capsys):
    folder = tmp_path / "out"
    shutil.copytree(build, folder)
    before = tree(folder)
    words = ["compile", MODEL, "-o", str(folder), "--array", "8,16,2", *OPTIONS]
    assert run_tool(snnc.run, words) == 1
    assert tree(folder) == before and list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    "options",
    [
        ["--coding", "rate", "--timesteps", "8"],
        ["--coding", "rate", "--timesteps", "6", "--emission", "after"],
        ["--coding", "rate", "--reset", "hard", "--compare", "gt"],
        ["--weight-bits", "4", "--balance", "percentile", "--percentile", "99"],
        ["--per-channel", "--balance", "max", "--samples", "32", "--rounding", "minmax"],
        ["--array", "4,8,8", "--timesteps", "7"],
    ],
    ids=" ".join,
)
def test_options_reach_the_network(ask, tmp_path, options):
    ask("compile", MODEL, "-o", tmp_path / "out", *OPTIONS, *options)
    found = ask("verify", tmp_path / "out", "--input", TEST, "--limit", 5)
    assert found["equal"] is True


# run ----------------------------------------------------------------------------------------------


def test_run_gives_accuracy_beside_the_float_models(build, ask):
    pytest.importorskip("onnxruntime")
    found = ask("run", build, "--input", TEST)
    assert found["samples"] == 540 and found["engine"] == "c"
    assert found["float_accuracy"] == pytest.approx(537 / 540)
    assert found["accuracy"] >= found["float_accuracy"] - 0.005
    assert found["cycles_per_sample"] > 0 and found["seconds_per_sample"] > 0
    assert len(found["predictions"]) == 540


def test_the_program_by_itself_counts_the_same_clocks(ask, tmp_path):
    folder = tmp_path / "out"
    ask("compile", MODEL, "-o", folder, *OPTIONS, "--array", "4,8,4,2", "--weights", "stream")
    found = ask("run", folder, "--input", TEST, "--limit", 20)
    np.save(tmp_path / "x.npy", np.load(TEST)["x"][:20])
    subprocess.run(["make", "-s", "-C", folder / "c"], check=True, capture_output=True)
    said = subprocess.run(
        [folder / "c" / "run", tmp_path / "x.npy", "--quiet"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert f" {found['cycles_per_sample']:.1f} clocks each" in said
    assert found["ddr"]["latency"] == 40 and found["ddr"]["rate"] < 256


def test_run_leaves_the_float_model_alone(build, ask, capsys, monkeypatch):
    from snnir.runtime import float_model

    monkeypatch.setattr(float_model, "FloatModel", None)
    words = ("run", build, "--input", TEST, "--limit", 20, "--no-float")
    found = ask(*words)
    assert found["float_accuracy"] is None and found["accuracy"] > 0.9
    assert run_tool(snnc.run, list(map(str, words))) == 0
    assert re.search(r"^float model +left out$", capsys.readouterr().out, re.MULTILINE)


def test_engines_agree_on_predictions_and_outputs(build, ask, tmp_path):
    outputs = []
    for engine in ("c", "interp"):
        file = tmp_path / f"{engine}.npz"
        found = ask(
            "run", build, "--input", TEST, "--engine", engine, "--limit", 9, "--outputs", file
        )
        assert found["samples"] == 9
        outputs.append(np.load(file))
    for name in ("outputs", "potentials", "predictions"):
        assert np.array_equal(outputs[0][name], outputs[1][name])
    assert outputs[0]["outputs"].shape == (9, 10)


def test_float_inputs_mean_the_same_as_pixels(build, ask, tmp_path):
    x = np.load(TEST)["x"][:20]
    np.savez(tmp_path / "floats.npz", x=x.astype(np.float32) / 16)
    np.savez(tmp_path / "flat.npz", x=x.reshape(20, -1))
    wanted = ask("run", build, "--input", TEST, "--limit", 20)["predictions"]
    for name in ("floats.npz", "flat.npz"):
        found = ask("run", build, "--input", tmp_path / name)
        assert found["predictions"] == wanted
        assert found["accuracy"] is None and found["float_accuracy"] is None


def test_run_lists_a_few_samples(build, capsys):
    assert run_tool(snnc.run, ["run", str(build), "--input", TEST, "--limit", "3"]) == 0
    text = capsys.readouterr().out
    assert "100.00 %" in text and "cycles a sample" in text
    assert len(re.findall(r"^ +\d +\d +\d ", text, re.MULTILINE)) == 3


# verify -------------------------------------------------------------------------------------------


def test_verify_compares_every_layer(build, ask, capsys):
    found = ask("verify", build, "--input", TEST, "--limit", 4)
    assert found["equal"] is True and found["samples"] == 4
    assert found["engines"] == ["interp", "c"] and found["first_difference"] is None
    names = [layer["name"] for layer in found["layers"]]
    assert names == ["input", "conv1", "add1", "add1.pool", "conv3", "logits"]
    assert all(layer["mismatches"] == 0 and layer["compared"] > 0 for layer in found["layers"])
    assert found["cycles"]["interp"] is None and found["cycles"]["c"] > 0
    assert run_tool(snnc.run, ["verify", str(build), "--input", TEST]) == 0
    assert "EQUAL: every spike" in capsys.readouterr().out


def test_verify_names_the_first_difference(build, ask, monkeypatch, capsys):
    from snnir.runtime import engines

    right = engines._ENGINES["c"]

    def wrong(*arguments):
        result = right(*arguments)
        result.trains["conv3"] = result.trains["conv3"].copy()
        result.trains["conv3"][2, 7, 1, 3] ^= 0b0100
        return result

    monkeypatch.setitem(engines._ENGINES, "c", wrong)
    found = ask("verify", build, "--input", TEST, "--limit", 4, status=1)
    assert found["equal"] is False
    assert {layer["name"]: layer["mismatches"] for layer in found["layers"]}["conv3"] == 1
    first = found["first_difference"]
    assert (first["layer"], first["sample"], first["neuron"], first["step"]) == (
        "conv3", 2, [7, 1, 3], 1,
    )  # fmt: skip
    assert sorted(first["values"].values()) == [0, 1]
    assert run_tool(snnc.run, ["verify", str(build), "--input", TEST]) == 1
    assert "First difference: layer conv3, sample 2" in capsys.readouterr().out


# report -------------------------------------------------------------------------------------------


def test_report_counts_on_the_calibration_samples(build, ask):
    found = ask("report", build)
    assert found["activity"]["samples"] == 64
    assert found["totals"]["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    cycles = [layer["cycles"] for layer in found["layers"]] + [found["input"]["cycles"]]
    assert sum(cycles) == pytest.approx(found["totals"]["cycles"])
    hidden = found["layers"][:-1]
    assert all(0 < layer["silent"] < 1 and layer["spikes"] > 0 for layer in hidden)
    assert found["fit"]["fits"] is True


def test_report_without_data_says_how_to_get_it(ask, tmp_path, capsys):
    options = ["--input-scale", "1/16", "--no-verilog"]
    assert run_tool(snnc.run, ["compile", MODEL, "-o", str(tmp_path / "out"), *options]) == 0
    found = ask("report", tmp_path / "out")
    assert found["activity"] is None and found["totals"]["cycles"] is None
    assert run_tool(snnc.run, ["report", str(tmp_path / "out")]) == 0
    assert "give --input X.npz" in capsys.readouterr().out


# One machine, many networks -----------------------------------------------------------------------


def test_another_network_for_the_machine_of_a_build(tmp_path, ask):
    """The Verilog is the same, byte for byte; program and weights are others."""
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--calibration", CALIBRATION, "--input-scale", "1/16", "--weight-bits", "4"]
    made = ask("compile", MODEL, "-o", first, *common, "--array", "4,8,4", "--reconfigurable")
    assert {"machine.json", "program.bin", "weights.bin"} <= set(made["files"])
    assert "convert-pe-to-hw{machine=auto}" in made["pipeline"]
    again = ask("compile", MODEL, "-o", second, *common, "--rounding", "minmax", "--array", first)
    assert f"machine={first / 'machine.json'}" in again["pipeline"]
    assert again["array"] == made["array"]
    one, other = tree(first), tree(second)
    verilog = [name for name in one if name.startswith("verilog/")]
    assert verilog == [name for name in other if name.startswith("verilog/")]
    assert all(one[name] == other[name] for name in (*verilog, "machine.json"))
    assert one["program.bin"] != other["program.bin"]
    assert one["weights.bin"] != other["weights.bin"]
    assert one["program.bin"][:16] == other["program.bin"][:16]
    machine = json.loads(one["machine.json"])
    manifest = json.loads(other["manifest.json"])
    assert manifest["machine"]["identity"] == machine["identity"]
    report = ask("report", second)
    assert report["array"] == made["array"]

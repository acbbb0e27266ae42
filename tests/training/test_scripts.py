"""The recipes on a handful of images: what they write, going on, one line for what is wrong."""

import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from snnir.frontend.onnx import import_model  # noqa: E402
from snnir.pipeline.run import run_pipeline  # noqa: E402
from snnir.training import data  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Runs a script of tools/ in this process with data of noise; 40 images to train on."""
    random = np.random.default_rng(1)
    for split, count in (("trn", 40), ("tst", 10)):
        rows = random.integers(20, 160, (count, 37))
        rows[:, 36] = random.choice([1, 2, 3, 4, 5, 7], count)
        np.savetxt(tmp_path / f"sat.{split}", rows, "%d")
    for split, count in (("train", 40), ("t10k", 10)):
        for what, array in (
            ("images-idx3", random.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            ("labels-idx1", random.integers(0, 10, count, dtype=np.uint8)),
        ):
            sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
            head = bytes([0, 0, 8, array.ndim]) + sizes
            (tmp_path / f"{split}-{what}-ubyte").write_bytes(head + array.tobytes())
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    out = str(tmp_path / "out")

    def run(name: str, *words: str, data: Path = tmp_path) -> Path:
        more = ["--data", str(data), "-o", out, "--threads", "1"]
        monkeypatch.setattr(sys, "argv", [name, *words, *more])
        runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
        return tmp_path / "out"

    return run


def compiles(model: Path) -> None:
    module = import_model(str(model))
    run_pipeline(
        module,
        "simplify-onnx,fold-batchnorm,verify-onnx-convertible,convert-onnx-to-snn,"
        "threshold-balance,quantise,verify-snn-integer",
    )


def test_first_to_spike(script, capsys, tmp_path):
    out = script("train_glm.py", "mnist", "--epochs", "1", "--window", "2")
    compiles(out / "mnist.onnx")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("float network") and lines[-1].split()[0] == "16"
    words = ("mnist", "--epochs", "1", "--hidden", "4", "--levels", "100")
    words += ("--anytime", "1", "--shares", "4=3,16=33")
    out = script("train_glm.py", *words, "--window", "1,16", "--choose")
    compiles(out / "mnist4.onnx")
    assert len(np.load(out / "mnist_test.npz")["y"]) == 40 - 33
    for wrong, message in (
        (("--window", "1,2,3"), "one for each of 2 layers"),
        (("--levels", "255"), "0 to 254"),
    ):
        with pytest.raises(SystemExit, match=message):
            script("train_glm.py", *words, *wrong)
    for wrong in ("17=1", "4", "4=-1"):
        with pytest.raises(SystemExit):
            script("train_glm.py", *words, "--shares", wrong)
    random = np.random.default_rng(2)
    rows = [
        [str(i), "7", *map(str, random.integers(0, 9, 43)), random.choice(["Sit", "Walk"])]
        for i in range(60)
    ]
    rows[3][5] = "?"
    text = "@data\n" + "\n".join(map(",".join, rows))
    (tmp_path / "WISDM_ar_v1.1_transformed.arff").write_text(text)
    out = script("train_glm.py", "wisdm", "--epochs", "1", "--hidden", "3")
    compiles(out / "wisdm3.onnx")
    assert np.load(out / "wisdm_test.npz")["x"].shape == (12, 44)
    (tmp_path / "WISDM_ar_v1.1_transformed.arff").write_text("@data\n1,2\n")
    with pytest.raises(SystemExit, match="a window has a number"):
        script("train_glm.py", "wisdm")


def test_lif(script, capsys):
    words = ("patchnet", "--float-epochs", "2", "--epochs", "1")
    out = script("train_lif.py", *words)
    first = capsys.readouterr()
    assert "epoch 2 of 2" in first.err and "lif, 1 epochs:" in first.out
    assert first.out.count("leaks a step: 0.0") == 1
    compiles(out / "patchnet.onnx")
    before = (out / "patchnet.onnx").read_bytes()
    # Everything is in the checkpoints: nothing is trained again, and the file is the same.
    script("train_lif.py", *words)
    again = capsys.readouterr()
    assert "epoch" not in again.err and again.out == first.out
    assert (out / "patchnet.onnx").read_bytes() == before


def test_lenet5(script, capsys):
    compiles(script("train_lenet5.py", "--epochs", "1") / "lenet5.onnx")
    assert re.fullmatch(r"test: \d+ of 10 right, \d+\.00 %\n", capsys.readouterr().out)


def test_qat(script, capsys):
    start = str(ROOT / "examples" / "lenet5.onnx")
    out = script("train_qat.py", "lenet5", "--start", start, "--epochs", "1", "--coding", "rate",
                 "--steps-epochs", "1", "--bits", "3", "--teach", "0.5",
                 "--teacher", f"lenet5={start}", "--teach-layers", "0.1")  # fmt: skip
    found = capsys.readouterr()
    assert found.err.count("epoch 1 of 1") == 2 and found.out.count("10 images (test)") == 3
    compiles(out / "lenet5.onnx")
    # What one coding has learnt is where another starts.
    shutil.move(out / "lenet5.steps.checkpoint", out / "rate.checkpoint")
    more = ("train_qat.py", "lenet5", "--start", start, "--epochs", "0", "--weights")
    script(*more, str(out / "rate.checkpoint"), "--bits", "3")
    learnt = (out / "lenet5.onnx").read_bytes()
    # Of several, the mean: of x, 4 x and x it is 2 x.
    rate = torch.load(out / "rate.checkpoint")["averaged"]
    for times in (2, 4):
        averaged = {name: times * value for name, value in rate.items()}
        torch.save({"averaged": averaged}, out / f"{times}.checkpoint")
    script(*more, str(out / "2.checkpoint"), "--bits", "3")
    double = (out / "lenet5.onnx").read_bytes()
    assert double != learnt
    one, four = str(out / "rate.checkpoint"), str(out / "4.checkpoint")
    script(*more, one, "--weights", four, "--weights", one, "--bits", "3")
    assert double == (out / "lenet5.onnx").read_bytes()
    capsys.readouterr()
    script(*more[:-1], "--bits", "3", "--no-report")
    assert learnt != (out / "lenet5.onnx").read_bytes() and not capsys.readouterr().out
    for file, what in ((Path(start), "no checkpoint"), (wrong(out), "another form")):
        with pytest.raises(SystemExit, match=f"^error: .*{what}"):
            script(*more, str(file))


def test_qat_in_bfloat16(script):
    start = str(ROOT / "examples" / "lenet5.onnx")
    words = ("train_qat.py", "lenet5", "--start", start, "--epochs", "1", "--coding", "rate",
             "--steps-epochs", "1", "--images", "16", "--batch", "4", "--average", "0",
             "--teach", "0.5", "--teach-layers", "0.1", "--no-report")  # fmt: skip
    found = []
    for more in ((), ("--bf16",)):
        out = script(*words, *more)
        compiles(out / "lenet5.onnx")
        found.append(torch.load(out / "lenet5.steps.checkpoint")["net"])
        shutil.rmtree(out)
    # The trained numbers stay float32, and are not those of a training in float32.
    assert {value.dtype for value in found[1].values()} == {v.dtype for v in found[0].values()}
    assert not all(torch.equal(a, b) for a, b in zip(*map(dict.values, found), strict=True))


def test_qat_on_its_grid(script, capsys):
    start = str(ROOT / "examples" / "lenet5.onnx")
    out = script("train_qat.py", "lenet5", "--start", start, "--epochs", "1", "--optimiser", "grid",
                 "--rate", "0.02", "--average", "0.5", "--teach", "1", "--images", "16",
                 "--batch", "4", "--equalise", "--mix", "0.5")  # fmt: skip
    assert "epoch 1 of 1" in capsys.readouterr().err
    assert torch.load(out / "lenet5.even.checkpoint")["step"] == 4
    compiles(out / "lenet5.onnx")
    for words in (("--images", "0"), ("--images", "41"), ("--average", "1")):
        with pytest.raises(SystemExit, match=f"^(train_qat.py: )?error: .*{words[0]}"):
            script("train_qat.py", "lenet5", "--start", start, *words)


def test_a_float_network_learns_from_others(script, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "HELD_OUT", 8)
    random = np.random.default_rng(3)
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"):
        records = random.integers(0, 256, (8, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    words = ("train_cifar10.py", "vgg6", "--epochs", "1", "--batch", "16", "--average", "0.5")
    out = script(*words)
    first = (out / "vgg6.onnx").read_bytes()
    assert "vgg6, float: " in capsys.readouterr().out
    shutil.move(out / "vgg6.onnx", tmp_path / "teacher.onnx")
    (out / "vgg6.checkpoint").unlink()
    taught = ("--teacher", f"vgg6={tmp_path / 'teacher.onnx'}", "--optimiser", "muon", "--bf16")
    script(*words, *taught)
    assert (out / "vgg6.onnx").read_bytes() != first
    compiles(out / "vgg6.onnx")
    shutil.rmtree(out)
    for name in ("vgg6", "vgg7=x.onnx"):
        with pytest.raises(SystemExit, match=f"^error: --teacher {name}: .*MODEL=FILE.onnx"):
            script(*words, "--teacher", name)
    for wrong, says in {
        "--epochs": ("-1", "above 0"),
        "--batch": ("0", "1 or more"),
        "--coarse": ("1.5", "a share, 0 to 1"),
        "--average": ("1", "0 to below 1"),
        "--images": ("33", "1 to 32"),
        "--device": ("tpu", "takes cpu"),
    }.items():
        with pytest.raises(SystemExit, match=f"^(train_cifar10.py: )?error: .*{wrong}.* {says[1]}"):
            script(*words, wrong, says[0])
    assert not out.exists()


def test_what_cannot_be_trained_is_refused_before_anything_is_written(script, tmp_path):
    words = ("train_qat.py", "lenet5", "--start", str(ROOT / "examples" / "lenet5.onnx"))
    for wrong, says in (
        (("--bits", "1"), "argument --bits: takes a whole number, 2 to 8, not '1'"),
        (("--steps", "0"), "argument --steps: takes a whole number, 1 to 16"),
        (("--settle", "8"), "error: --settle: only networks of rate coding"),
        (("--ahead", "2"), "error: only neurons of rate coding"),
        (("--rate", "nan"), "argument --rate: takes a number"),
        (("--weights", "missing.checkpoint"), "missing.checkpoint"),
        (("--teacher", "vgg6=x.onnx"), "error: --teacher: .* --teach"),
        (("--mix", "0.5", "--teach", "0.9"), "error: --mix: .* use --teach 1"),
        (("--mix", "1.5", "--teach", "1"), "argument --mix: takes a share"),
    ):
        with pytest.raises(SystemExit, match=says):
            script(*words, *wrong)
    assert not (tmp_path / "out").exists()


def test_the_mean_of_networks(monkeypatch, tmp_path):
    example = str(ROOT / "examples" / "lenet5.onnx")
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])

    def run(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["average_networks.py", *words])
        runpy.run_path(str(ROOT / "tools" / "average_networks.py"), run_name="__main__")

    mean = tmp_path / "new" / "mean.onnx"
    run(example, example, "-o", str(mean))
    compiles(mean)
    other = str(ROOT / "examples" / "digits.onnx")
    with pytest.raises(SystemExit, match="^error: .*digits.onnx is not of the form of"):
        run(example, other, "-o", str(tmp_path / "none.onnx"))
    assert not (tmp_path / "none.onnx").exists()


def wrong(out: Path) -> Path:
    """A checkpoint of another network."""
    torch.save({"averaged": {}}, out / "wrong.checkpoint")
    return out / "wrong.checkpoint"


@pytest.mark.parametrize(
    "words, what",
    [
        (["train_qat.py", "lenet5", "--start", "none.onnx"], "none.onnx"),
        (["train_qat.py", "lenet5", "--start", str(ROOT / "README.md")], "not an ONNX model"),
        (["train_qat.py", "vgg11", "--start", "none.onnx"], "data_batch_1.bin"),
        (["train_lif.py", "patchnet", "--bits", "9", "--start", "x"], "2 to 8, not '9'"),
        (["train_lif.py", "lenet5", "--start", str(ROOT / "examples" / "digits.onnx")], "layers"),
        (["train_lenet5.py", "--epochs", "0"], "1 or more, not '0'"),
        (["train_digits.py", "--epochs", "many"], "not 'many'"),
    ],
)
def test_what_is_wrong_is_one_line(script, words, what, capsys):
    with pytest.raises(SystemExit) as caught:
        script(*words)
    text = str(caught.value.code)
    assert re.match(r"(\S+: )?error: ", text) and what in text and "\n" not in text


def test_without_torch_one_line_says_what_to_install(script, monkeypatch):
    for name in ("extras", "recipes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SystemExit) as caught:
        script("train_lif.py", "patchnet")
    assert caught.value.code == "error: training needs torch: pip install 'snnir[train]'"

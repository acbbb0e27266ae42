"""What calibration gathers: once for all passes, kept by content, made anew when damaged."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from snnir.analysis.network import encode_of
from snnir.calibration import gathering
from snnir.calibration.images import load_calibration
from snnir.frontend.onnx import import_model
from snnir.interpreters.snn import run_snn
from snnir.pipeline.run import run_pipeline
from snnir.tools.snnc import run as snnc

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "examples" / "digits.onnx"
CALIBRATION = ROOT / "examples" / "digits_calibration.npz"


def network(convert: str = ""):
    module = import_model(str(MODEL))
    before = "simplify-onnx,fold-batchnorm"
    run_pipeline(module, f"{before},convert-onnx-to-snn{{{convert} input-scale=0.0625}}")
    return module, load_calibration(str(CALIBRATION), 70, encode_of(module))


def test_holds_what_the_float_network_makes(monkeypatch):
    """Currents at the places, in the order of all images, however they are cut into batches."""
    monkeypatch.setattr(gathering, "PLACES", 900)
    module, images = network()
    seen = {}
    run_snn(module, images, observe=lambda op, value: seen.setdefault(op, value))
    found = gathering.gather(module, images)
    for layer, currents in zip(gathering.layers(module), found.currents, strict=True):
        whole = seen[layer.current.owner][0]
        n, channels, height, width = whole.shape
        places = gathering.chosen_places(n * height * width)
        flat = whole.transpose(1, 0, 2, 3).reshape(channels, -1)[:, places]
        assert np.allclose(currents, flat, atol=1e-5 * np.abs(flat).max())
        assert len(places) >= min(600, n * height * width)
    assert [h.counts.sum() > 0 for h in found.histograms] == [True] * (len(found.currents) - 1)


def test_the_key_is_of_what_matters():
    module, images = network()
    key = gathering.key_of(module, images)
    assert key == gathering.key_of(network("coding=rate timesteps=9")[0], images)
    balanced = module.clone()
    run_pipeline(balanced, f"threshold-balance{{calibration={CALIBRATION} method=max}}")
    assert key == gathering.key_of(balanced, images)
    other = images.copy()
    other.flat[3] += 1
    assert key != gathering.key_of(module, other)
    assert key != gathering.key_of(module, images[1:])
    moved = module.clone()
    run_pipeline(moved, "equalise")
    assert key != gathering.key_of(moved, images)


@pytest.fixture
def runs(monkeypatch):
    """Counts how often the float network is run."""
    made = []
    real = gathering._run
    monkeypatch.setattr(gathering, "_run", lambda *given: made.append(1) or real(*given))
    return made


def compiled(folder: Path, *options: str, data: Path = CALIBRATION) -> bytes:
    given = ["--calibration", str(data), "--input-scale", "0.0625", "--no-verilog"]
    assert snnc(["compile", str(MODEL), "-o", str(folder), *given, *options]) == 0
    stages = json.loads((folder / "manifest.json").read_text())["ir"]
    quantised = next(stage["file"] for stage in stages if stage["stage"] == "quantise")
    return (folder / quantised).read_bytes()


def kept(folder: Path) -> list[Path]:
    return sorted((folder / ".cache" / "calibration").iterdir())


def test_a_second_compile_finds_what_the_first_gathered(runs, tmp_path):
    folder = tmp_path / "build"
    first = compiled(folder, "--weight-bits", "4")
    assert len(runs) == 1 and len(kept(folder)) == 1
    compiled(folder, "--weight-bits", "3", "--balance", "max", "--timesteps", "6")
    assert compiled(folder, "--weight-bits", "4") == first
    assert len(runs) == 1


def test_other_data_is_run_anew_and_old_files_go(runs, tmp_path):
    folder, x = tmp_path / "build", np.load(CALIBRATION)["x"]
    for shift in range(4):
        np.savez(tmp_path / "other.npz", x=np.roll(x, shift, axis=-1))
        compiled(folder, data=tmp_path / "other.npz")
        assert len(runs) == shift + 1
    assert len(kept(folder)) == gathering.KEPT


@pytest.mark.parametrize("damage", ["byte", "end", "empty", "text"])
def test_damaged_files_are_made_anew(damage, runs, tmp_path):
    folder = tmp_path / "build"
    first = compiled(folder, "--weight-bits", "4")
    (file,) = kept(folder)
    whole = bytearray(file.read_bytes())
    if damage == "byte":
        whole[len(whole) // 2] ^= 1
    wrong = {"byte": whole, "end": whole[: len(whole) // 2], "empty": b"", "text": b"no archive"}
    file.write_bytes(wrong[damage])
    assert compiled(folder, "--weight-bits", "4") == first
    assert len(runs) == 2 and len(kept(folder)) == 1
    compiled(folder, "--weight-bits", "4")
    assert len(runs) == 2


def test_a_file_that_cannot_be_kept_is_no_error(runs, tmp_path):
    (tmp_path / "file").touch()
    module, images = network()
    with gathering.gathering(tmp_path / "file", lambda items, total: iter(items)):
        found = gathering.gather(module, images)
        assert gathering.gather(module, images) is found
    assert len(runs) == 1
    shutil.rmtree(tmp_path)


def test_work_is_counted(tmp_path):
    told = []

    def counted(items, total):
        told.append(total)
        return iter(items)

    module, _ = network()
    with gathering.gathering(tmp_path, counted):
        given = f"calibration={CALIBRATION} samples=70"
        run_pipeline(module, f"threshold-balance{{{given}}},quantise{{{given}}}")
    layers = len(list(gathering.layers(module)))
    assert told == [-(-70 // gathering.BATCH), layers]

"""Means of networks that were trained on from one another."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from snnir.training.averaging import averaged

torch = pytest.importorskip("torch", reason="needs torch")

from snnir.training.models import MODELS  # noqa: E402
from snnir.training.plain import export_plain  # noqa: E402


def files(folder, *seeds: int) -> list:
    paths = []
    for seed in seeds:
        torch.manual_seed(seed)
        paths.append(folder / f"{seed}.onnx")
        export_plain(MODELS["patchnet"](), paths[-1], (4, 3, 3))
    return paths


def test_the_mean_of_networks(tmp_path):
    paths = files(tmp_path, 1, 2, 3)
    mean = averaged(paths)
    onnx.checker.check_model(mean)
    for index, tensor in enumerate(mean.graph.initializer):
        arrays = [numpy_helper.to_array(onnx.load(p).graph.initializer[index]) for p in paths]
        np.testing.assert_allclose(
            numpy_helper.to_array(tensor), np.mean(arrays, 0, np.float64), rtol=1e-6
        )


def test_networks_of_other_forms_have_no_mean(tmp_path):
    (path,) = files(tmp_path, 1)
    export_plain(MODELS["lenet5"](), tmp_path / "other.onnx", (1, 28, 28))
    with pytest.raises(ValueError, match="other.onnx is not of the form of .*1.onnx"):
        averaged([path, tmp_path / "other.onnx"])
    with pytest.raises(ValueError, match="at least two"):
        averaged([path])

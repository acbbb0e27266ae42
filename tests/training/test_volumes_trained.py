"""Trained networks over volumes: the trains of torch are those of the compiled network."""

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.frontend.onnx import import_model  # noqa: E402
from snnir.interpreters.onnx import run_onnx  # noqa: E402
from snnir.interpreters.snn import run_snn  # noqa: E402
from snnir.pipeline.run import run_pipeline  # noqa: E402
from snnir.runtime.build import BuildFolder  # noqa: E402
from snnir.runtime.engines import run_engine  # noqa: E402
from snnir.tools import snnc  # noqa: E402
from snnir.tools.errors import run_tool  # noqa: E402
from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.export import export_onnx  # noqa: E402
from snnir.training.fit import Recipe, fit  # noqa: E402
from snnir.training.models import HybridSN, PatchNet3d  # noqa: E402
from snnir.training.plain import export_plain  # noqa: E402
from snnir.training.start import start_from  # noqa: E402
from snnir.training.trains import Pixels, words  # noqa: E402

TOOLS = Path(__file__).parents[2] / "tools"
PIPELINE = (
    "simplify-onnx,fold-batchnorm,verify-onnx-convertible,convert-onnx-to-snn,threshold-balance,"
    "quantise,verify-snn-integer"
)
PIXELS = Pixels((0.33,), (0.1,))


def pooled() -> nn.Module:
    """Pools over volumes, slices that become channels in front of a pool of maps."""
    return nn.Sequential(
        nn.Conv3d(1, 4, (2, 3, 3), padding=(0, 1, 1)),
        nn.BatchNorm3d(4),
        nn.ReLU(),
        nn.MaxPool3d((2, 1, 1), stride=(1, 1, 1)),
        nn.AvgPool3d((1, 2, 2)),
        nn.Conv3d(4, 3, (2, 1, 1)),
        nn.ReLU(),
        nn.Flatten(1, 2),
        nn.MaxPool2d(2, stride=1),
        nn.Conv2d(3, 5, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5, 3),
    )


NETWORKS = {
    "hybrid": (PatchNet3d, (1, 4, 3, 3)),
    "pools": (pooled, (1, 4, 6, 6)),
    "HybridSN": (lambda: HybridSN(13, 9, 4), (1, 13, 9, 9)),
}


def images(shape: tuple[int, ...], count: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randint(30, 160, (count, *shape), dtype=torch.uint8, generator=generator)


def plain(name: str) -> tuple[nn.Module, torch.Tensor]:
    make, shape = NETWORKS[name]
    torch.manual_seed(1)
    net, x = make(), images(shape)
    with torch.no_grad():
        net.train()(PIXELS.real(x))
    return net.eval(), x


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("coding, steps", [("rate", 5), ("radix", 3)])
def test_trains_are_those_of_the_interpreter(name, coding, steps, tmp_path):
    net, x = plain(name)
    network = spiking(net, PIXELS, x, coding=coding, steps=steps, bits=6, leaky=coding == "rate")
    network.evenly = False
    if name == "pools":
        recipe = Recipe(epochs=1, batch=16, rate=0.05)
        labels = torch.arange(len(x)) % 3
        fit(network, x, labels, recipe, prepare=lambda batch, _: PIXELS.real(batch))
    export_onnx(network, tmp_path / "net.onnx", tuple(x.shape[1:]))
    module = import_model(str(tmp_path / "net.onnx"))
    run_pipeline(module, PIPELINE)
    found = run_snn(module, x.numpy())
    with torch.no_grad():
        trains = network.eval().run(PIXELS.real(x))
    assert np.array_equal(trains[-1].values.numpy(), found.potentials)
    labels = [label for label in found.trains if label != "input"]
    for train, label in zip(trains, labels, strict=False):
        wanted = words(train).numpy().reshape(found.trains[label].shape)
        assert wanted.any() and np.array_equal(wanted, found.trains[label]), label


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_trains_are_those_of_c(tmp_path):
    net, x = plain("hybrid")
    network = spiking(net, PIXELS, x, coding="rate", steps=5, bits=6, leaky=True)
    export_onnx(network, tmp_path / "net.onnx", tuple(x.shape[1:]))
    line = [str(tmp_path / "net.onnx"), "-o", str(tmp_path / "build"), "--no-verilog"]
    assert run_tool(snnc.run, ["compile", *line, "--array", "4,16,5,2"]) == 0
    build = BuildFolder(tmp_path / "build")
    with torch.no_grad():
        wanted = network.eval().run(PIXELS.real(x))[-1].values.numpy()
    for engine in ("interp", "fast", "c"):
        found = run_engine(engine, build, x.numpy(), trains=False)
        assert np.array_equal(found.potentials, wanted), engine


@pytest.mark.parametrize("name", NETWORKS)
def test_the_plain_file_is_the_network(name, tmp_path):
    net, x = plain(name)
    export_plain(net, tmp_path / "net.onnx", tuple(x.shape[1:]))
    real = PIXELS.real(x)
    with torch.no_grad():
        wanted = net(real).numpy()
    found = run_onnx(import_model(str(tmp_path / "net.onnx")), real.numpy())
    assert np.allclose(found, wanted, atol=1e-4)
    other = NETWORKS[name][0]()
    start_from(other, tmp_path / "net.onnx")
    with torch.no_grad():
        assert np.allclose(other.eval()(real).numpy(), wanted, atol=1e-5)


def test_a_scene(tmp_path, monkeypatch, capsys):
    """The recipe for hyperspectral scenes on a small one: what it writes is what it says."""
    io = pytest.importorskip("scipy.io", reason="needs scipy")
    random = np.random.default_rng(3)
    truth = 1 + (np.indices((36, 36)).sum(0) // 9 % 2)
    spectra = random.normal(0, 1, (3, 16))[truth]
    cube = (900 + 100 * spectra + random.normal(0, 25, (36, 36, 16))).astype(np.int16)
    io.savemat(tmp_path / "cube.mat", {"cube": cube})
    io.savemat(tmp_path / "gt.mat", {"gt": truth.astype(np.uint8)})
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    line = ["train_hyperspectral.py", "--cube", tmp_path / "cube.mat", "--truth",
            tmp_path / "gt.mat", "-o", tmp_path / "out", "--components", "13", "--size", "9",
            "--share", "0.1", "--float-epochs", "1", "--epochs", "1", "--threads", "1"]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(word) for word in line])
    runpy.run_path(str(TOOLS / "train_hyperspectral.py"), run_name="__main__")
    told = capsys.readouterr().out
    assert "2 of 2 classes are tested" in told and "leaky neurons, 5 steps, 6-bit weights:" in told
    module = import_model(str(tmp_path / "out" / "hybrid_sn.onnx"))
    run_pipeline(module, PIPELINE)
    held = np.load(tmp_path / "out" / "test.npz")
    assert held["x"].shape[1:] == (1, 13, 9, 9) and len(held["x"]) == len(held["y"]) > 100
    assert run_snn(module, held["x"][:8]).potentials.shape == (8, 2)

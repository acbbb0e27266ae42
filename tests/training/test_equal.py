"""What training saw is what the machine does: trains of torch, interpreter, C and Verilog."""

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.runtime import verilator  # noqa: E402
from snnir.runtime.build import BuildFolder  # noqa: E402
from snnir.runtime.engines import run_engine  # noqa: E402
from snnir.tools import snnc  # noqa: E402
from snnir.tools.errors import run_tool  # noqa: E402
from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.export import export_onnx  # noqa: E402
from snnir.training.fit import Recipe, fit  # noqa: E402
from snnir.training.spiking import Layer  # noqa: E402
from snnir.training.trains import Pixels, words  # noqa: E402

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
SHAPE = (2, 8, 8)
MEAN, STD = (0.4, 0.55), (0.25, 0.2)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.branch(x) + x)


def plain_network() -> nn.Module:
    """One of each: batch norm, max and average pool, a residual, dense layers."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(4),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 8),
        nn.ReLU(),
        nn.Linear(8, 5),
    )


def images(count: int) -> torch.Tensor:
    return torch.randint(
        0, 256, (count, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )


def trained(evenly: bool = True, through: str = "steps", **how):
    """The network after a second of training."""
    x, pixels = images(96), Pixels(MEAN, STD)
    network = spiking(plain_network(), pixels, x, **how)
    network.evenly, network.through = evenly, through
    labels = torch.arange(len(x)) % 5
    before = [p.clone() for p in network.parameters()]
    fit(network, x, labels, Recipe(epochs=2, batch=32, rate=0.05),
        prepare=lambda batch, _: pixels.real(batch))  # fmt: skip
    for old, new in zip(before, network.parameters(), strict=True):
        assert not torch.equal(old, new), "every parameter takes part in training"
    return network


CASES = {
    "radix": {"coding": "radix", "steps": 3, "bits": 4},
    "rate": {"coding": "rate", "steps": 5, "bits": 3, "evenly": True},
    "counts": {"coding": "rate", "steps": 4, "bits": 4, "evenly": False, "through": "counts"},
    "ahead": {"coding": "rate", "steps": 4, "bits": 4, "evenly": False, "ahead": 2},
    "margin": {"coding": "rate", "steps": 5, "bits": 4, "evenly": False, "ahead": 1, "margin": 3},
    "leaky": {"coding": "rate", "steps": 6, "bits": 6, "evenly": False, "leaky": True},
    "leaky counts": {
        "coding": "rate",
        "steps": 5,
        "bits": 6,
        "evenly": False,
        "leaky": True,
        "through": "counts",
    },
}


@pytest.mark.parametrize("case", CASES)
def test_training_computes_what_evaluation_does(case):
    network = trained(**CASES[case])
    network.evenly = False
    x = network.pixels.real(images(16))
    training = network.train().run(x)
    with torch.no_grad():
        for found in (network.train().run(x), network.eval().run(x)):
            for one, other in zip(training, found, strict=True):
                assert torch.equal(one.values.double(), other.values.double())


def test_gradients_through_counts_are_those_of_even_spikes():
    """Where spikes come evenly, in a first layer, the counts and their gradients are the same."""
    network = trained(**CASES["counts"]).train()
    layer, x = network.layers()[0], network.pixels.real(images(4))
    weights = torch.linspace(-1, 1, 4)[:, None, None]
    found = []
    for network.evenly in (True, False):
        layer.zero_grad()
        train = network.run(x)[0]
        counts = train.values if network.evenly else train.counts
        assert network.evenly or torch.equal(train.values.sum(0), counts)
        (counts * weights).sum().backward()
        found.append([counts.detach(), *(p.grad.clone() for p in layer.parameters())])
    for even, stepped in zip(*found, strict=True):
        assert even.abs().max() > 0 and torch.equal(even, stepped)


@needs_gcc
@pytest.mark.parametrize("case", CASES)
def test_every_train_of_every_engine_is_that_of_torch(case, tmp_path, capsys):
    network = trained(**CASES[case])
    if "leaky" in case:
        with torch.no_grad():
            for layer, leak in zip(network.layers(), (0.11, 0.04, 0.3), strict=False):
                layer.leak.fill_(leak)
    x = images(4)
    with torch.no_grad():
        trains = network.eval().run(network.pixels.real(x))
        outputs = network(network.pixels.real(x)).numpy()
    fired = [
        words(train).numpy()
        for stage, train in zip(network.stages, trains, strict=True)
        if isinstance(stage, Layer) and stage.fires
    ]
    assert all(train.mean() > 0 and len(np.unique(train)) > 2 for train in fired)

    model, folder = tmp_path / "net.onnx", tmp_path / "build"
    export_onnx(network, model, SHAPE)
    # The options say something else; the file has the last word.
    np.savez(tmp_path / "x.npz", x=x.numpy())
    simulated = case in ("radix", "ahead", "margin", "leaky")
    simulator = simulated and verilator.find() is not None and shutil.which("g++")
    words_ = ["compile", str(model), "-o", str(folder), "--array", "2,4,6", "--coding", "radix",
              "--timesteps", "2", "--weight-bits", "8", "--calibration", str(tmp_path / "x.npz"),
              *([] if simulator else ["--no-verilog"])]  # fmt: skip
    assert run_tool(snnc.run, words_) == 0
    assert "warning" not in capsys.readouterr().err
    build = BuildFolder(folder)
    assert build.manifest["array"]["weight_bits"] == CASES[case]["bits"]
    for engine in ("interp", "c", "fast", *(["rtl"] if simulator else [])):
        result = run_engine(engine, build, x.numpy(), trains=True)
        labels = [layer["name"] for layer in build.manifest["layers"]][:-1]
        for label, train in zip(labels, fired, strict=True):
            got = result.trains[label].reshape(train.shape)
            np.testing.assert_array_equal(got, train, err_msg=f"{engine}, {label}")
        potentials = trains[-1].values.numpy()
        np.testing.assert_array_equal(result.potentials.reshape(potentials.shape), potentials)

    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    session = onnxruntime.InferenceSession(str(model))
    found = session.run(None, {"image": network.pixels.real(x).numpy()})[0]
    np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-7)

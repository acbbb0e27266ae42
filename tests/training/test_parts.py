"""The parts of training: data files, going on from a checkpoint, errors, the imported functions."""

import gzip

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from snnir.analysis.intervals import interval
from snnir.analysis.ranges import neuron_ranges
from snnir.dialects.neurons import rate_neuron
from snnir.errors import UserError
from snnir.frontend.onnx import import_model
from snnir.interpreters.neuron import run_region
from snnir.interpreters.onnx import run_onnx
from snnir.training import data

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.augment import augmented, distorted, mixed  # noqa: E402
from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.fit import Recipe, accuracy, fit  # noqa: E402
from snnir.training.functions import functions  # noqa: E402
from snnir.training.models import MODELS  # noqa: E402
from snnir.training.plain import export_plain  # noqa: E402
from snnir.training.rounding import floored, rounded, slowed, spike  # noqa: E402
from snnir.training.start import start_from  # noqa: E402
from snnir.training.trains import Pixels  # noqa: E402


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def test_mnist_files_packed_and_plain(tmp_path):
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images))
    packed = gzip.compress(idx(np.array([3, 9], np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(packed)
    x, y = data.mnist(tmp_path, "train")
    np.testing.assert_array_equal(x, images[:, None])
    assert y.tolist() == [3, 9]
    with pytest.raises(UserError, match="No such file"):
        data.mnist(tmp_path, "test")
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"text")
    with pytest.raises(UserError, match="no idx file"):
        data.mnist(tmp_path, "test")


def test_cifar10_files_and_the_images_that_are_held_out(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "HELD_OUT", 4)
    for number in range(1, 6):
        record = np.full((2, 3073), number, np.uint8)
        (tmp_path / f"data_batch_{number}.bin").write_bytes(record.tobytes())
    x, y = data.cifar10(tmp_path, "train")
    assert x.shape == (6, 3, 32, 32) and y.tolist() == [1, 1, 2, 2, 3, 3]
    assert data.cifar10(tmp_path, "held-out")[1].tolist() == [4, 4, 5, 5]
    (tmp_path / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(UserError, match="binary version"):
        data.cifar10(tmp_path, "test")


def test_satimage_rows_become_bands(tmp_path):
    header = " ".join(map(str, range(1, 38)))
    row = " ".join(map(str, [*range(36), 7]))
    (tmp_path / "sat.trn").write_text(f"{header}\n{row}\n{row}\n")
    x, y = data.satimage(tmp_path, "train")
    assert x.shape == (2, 4, 3, 3) and y.tolist() == [5, 5]
    # Of each of the nine pixels the four bands follow each other.
    assert x[0, :, 0, 1].tolist() == [4, 5, 6, 7]
    (tmp_path / "sat.tst").write_text("1 2 3\n")
    with pytest.raises(UserError, match="36 values"):
        data.satimage(tmp_path, "test")


def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path):
    x = torch.randint(0, 256, (64, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    y = (x.sum((1, 2, 3)) > 2048).long()
    recipe = Recipe(epochs=3, batch=16, average=0.9)

    def run(checkpoint, stop_at=None):
        torch.manual_seed(2)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        calls = 0

        def prepare(batch, generator):
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KeyboardInterrupt
            return batch / 255 + 0.1 * torch.rand(len(batch), 1, 1, 1, generator=generator)

        return fit(net, x, y, recipe, prepare=prepare, checkpoint=checkpoint, every=0)

    whole = run(None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "part.checkpoint", stop_at=7)
    resumed = run(tmp_path / "part.checkpoint")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert accuracy(whole, x / 255, y) > 0.6


def test_an_epoch_can_be_trained_in_part(capsys):
    seen = []

    def prepare(batch, _):
        seen.append(len(batch))
        return batch.float()

    x, y = torch.zeros(64, 1, dtype=torch.uint8), torch.zeros(64, dtype=torch.int64)
    fit(nn.Linear(1, 2), x, y, Recipe(epochs=1.5, batch=16), prepare=prepare)
    assert seen == [16] * 6 and "epoch 2 of 1.5: " in capsys.readouterr().err


@pytest.mark.parametrize("name", MODELS)
def test_every_reference_network_has_a_spiking_form(name, tmp_path):
    torch.manual_seed(0)
    shapes = {"lenet5": (1, 28, 28), "patchnet": (4, 3, 3), "patchnet3d": (1, 4, 3, 3)}
    shape = shapes.get(name, (3, 32, 32))
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    net = MODELS[name]().eval()
    export_plain(net, tmp_path / "net.onnx", shape)
    again = MODELS[name]()
    start_from(again, tmp_path / "net.onnx")
    network = spiking(again, Pixels(), images, bits=8, steps=8).eval()
    with torch.no_grad():
        wanted, got = net(images / 255), network(network.pixels.real(images))
    assert (wanted - got).abs().max() < 0.1 * wanted.abs().max()
    found = run_onnx(import_model(str(tmp_path / "net.onnx")), (images / 255).numpy())
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize(
    "net, what",
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Tanh()), "Tanh.*no spiking form"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.ReLU()), "must end in a layer"),
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 2), nn.Flatten()), "no spiking form"),
        (nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Flatten(), nn.Linear(4, 2)), "plain"),
    ],
)  # fmt: skip
def test_what_cannot_spike_is_named(net, what):
    images = torch.zeros((2, 1, 4, 4), dtype=torch.uint8)
    with pytest.raises(ValueError, match=what):
        spiking(net, Pixels(), images)


@pytest.mark.parametrize(
    "given, what",
    [
        ({"coding": "burst"}, "coding 'burst' is unknown, there are radix and rate"),
        ({"steps": 17}, "steps is 17, allowed: 1 to 16"),
        ({"bits": 1}, "weight_bits is 1, allowed: 2 to 8"),
        ({"coding": "rate", "ahead": 16}, "ahead is 16, allowed: 0 to 15"),
        ({"coding": "rate", "margin": 33}, "margin is 33, allowed: 0 to 32"),
        ({"leaky": True}, "neurons of radix coding do not leak"),
        ({"ahead": 1}, "only neurons of rate coding without a leak integrate ahead"),
        ({"coding": "rate", "leaky": True, "margin": 1}, "rate coding without a leak"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(given, what):
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match=what):
        spiking(net, Pixels(), torch.zeros((2, 1, 4, 4), dtype=torch.uint8), **given)


def test_gradients_pass_through_roundings():
    x = torch.tensor([-0.5, 0.4, 1.5, 2.5], requires_grad=True)
    assert rounded(x).tolist() == [0, 0, 2, 2] and floored(x).tolist() == [-1, 0, 1, 2]
    (rounded(x).sum() + 2 * floored(x).sum() + slowed(x, 0.5).sum()).backward()
    assert x.grad.tolist() == [3.5] * 4
    e = torch.tensor([-1.5, -0.25, 0.0, 0.5], requires_grad=True)
    fired = spike(e)
    fired.sum().backward()
    assert fired.tolist() == [0, 0, 1, 1] and e.grad.tolist() == [0, 0.75, 1, 0.5]


@pytest.mark.parametrize("change", [augmented, distorted])
def test_changed_images_are_repeatable_and_keep_their_range(change):
    x = torch.rand(5, 1, 28, 28)
    one, other = (change(x, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, other) and one.shape == x.shape
    assert not torch.equal(one, x) and one.min() >= 0 and one.max() <= 1.0001


@pytest.mark.parametrize("sizes", [(32, 32), (6, 24, 24)])
def test_mixed_images_have_a_rectangle_of_the_image_before(sizes):
    x = torch.arange(64.0).view(64, 1, *[1] * len(sizes)).expand(64, 2, *sizes)
    one, other = (mixed(x, torch.Generator().manual_seed(4), 0.5) for _ in range(2))
    assert torch.equal(one, other) and torch.equal(one[:, 0], one[:, 1])
    before = x.roll(1, 0)
    taken = (one == before)[:, 0]
    assert torch.equal(torch.where(taken[:, None], before, x), one)
    share = taken.flatten(1).float().mean(1)
    # Even from 0 to a half, but for edges that fall between pixels.
    assert share.max() < 0.6 and 0.2 < share.mean() < 0.3 and share.min() < 0.05
    for image in taken:
        inside = torch.ones(())
        for axis, size in enumerate(sizes):
            others = [a for a in range(len(sizes)) if a != axis]
            shape = [size if a == axis else 1 for a in range(len(sizes))]
            inside = inside * image.float().amax(others).view(shape)
        assert torch.equal(inside.bool(), image)
    assert torch.equal(mixed(x, torch.Generator(), 0.0), x)


@pytest.mark.parametrize("leak", [1, 4, 5, 31])
def test_a_leak_takes_its_share_rounded_down(leak):
    v = np.arange(-700, 700).reshape(1, -1)
    zero = np.zeros(v.shape[1], np.int64)
    neuron = rate_neuron(leak=leak)
    (found,) = run_region(neuron, "integrate", [v, 7, zero, zero + 2])
    np.testing.assert_array_equal(found, v - (v * leak >> 5) + 9)
    theta = {"theta": np.array([100]), "bias": np.array([0])}
    reach = {"coding": "rate", "steps_in": 16, "steps_out": 16, "fraction": 0, "rate": True}
    bits = neuron_ranges(neuron, theta, interval(-500, 500), **reach).bits
    assert bits <= 20, "the proven width does not grow with every step"


def model(tmp_path, function: str, **attributes) -> str:
    """A file with one dense layer and one call of a function of the domain."""
    call = helper.make_node(function, ["d"], ["y"], name="call", domain="snnir", **attributes)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["d"], name="dense"), call]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    w = numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")
    proto = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], [w]),
        functions=functions({"Radix"}),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("snnir", 1)],
        ir_version=8,
    )
    path = tmp_path / "net.onnx"
    save_model(proto, path)
    return str(path)


GOOD = {"unit": [1.0, 1.0], "bias": [0, 0], "theta": [4, 4], "fraction": 0, "weight_bits": 2,
        "steps": 4, "spike": 1.0}  # fmt: skip


@pytest.mark.parametrize(
    "function, attributes, what",
    [
        ("Radix", {**GOOD, "theta": [4]}, "theta has 1 values for 2 channels"),
        ("Radix", {**GOOD, "theta": [4, 0]}, "theta must be positive"),
        ("Radix", {**GOOD, "steps": 17}, "steps is 17, allowed: 1 to 16"),
        ("Rate", {**GOOD, "leak": 32}, "leak is 32, allowed: 0 to 31"),
        ("Radix", {k: v for k, v in GOOD.items() if k != "spike"}, "no attribute 'spike'"),
        ("Radix", {**GOOD, "unit": "one"}, "call"),
        ("Sparks", GOOD, "operator Sparks of domain 'snnir' is not supported"),
    ],
)
def test_what_a_damaged_file_says_is_named(function, attributes, what, tmp_path):
    with pytest.raises(UserError, match=what):
        import_model(model(tmp_path, function, **attributes))

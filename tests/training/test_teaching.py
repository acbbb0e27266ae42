"""What a float network teaches a spiking one."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.fit import Recipe, fit  # noqa: E402
from snnir.training.teaching import Taught, apart  # noqa: E402
from snnir.training.trains import Pixels  # noqa: E402

torch.set_num_threads(1)
MEAN, STD = (0.4, 0.55), (0.25, 0.2)


def images(count: int) -> torch.Tensor:
    seed = torch.Generator().manual_seed(4)
    return torch.randint(0, 256, (count, 2, 6, 6), dtype=torch.uint8, generator=seed)


def teacher() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


def test_pixels_know_what_the_float_network_takes():
    pixels, x = Pixels(MEAN, STD), images(3)
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (MEAN, STD))
    torch.testing.assert_close(pixels.plain(pixels.real(x)), (x / 255 - mean) / std)


def layer_errors(network, loss) -> float:
    """The layers' term alone, of spikes as they are fired."""
    network.evenly, network.through = False, "counts"
    network.train()
    loss.share, weight, loss.layers = 1.0, loss.layers, 0.0
    x, labels = network.pixels.real(images(64)), torch.zeros(64, dtype=torch.int64)
    with torch.no_grad():
        without = loss(network, x, labels)
        loss.layers = weight
        return float(loss(network, x, labels) - without)


@pytest.mark.parametrize("coding, how", [("radix", "even"), ("rate", "even"), ("rate", "counts"),
                                         ("rate", "steps")])  # fmt: skip
def test_a_fine_train_says_what_its_teacher_says(coding, how):
    network = spiking(teacher(), Pixels(MEAN, STD), images(64), coding=coding, steps=8, bits=8)
    network.train()
    network.evenly, network.through = how == "even", how
    x, labels = network.pixels.real(images(64)), torch.zeros(64, dtype=torch.int64)
    loss = Taught(teacher(), share=1.0, layers=1.0)
    found = loss(network, x, labels)
    assert 0 < found < (0.01 if coding == "radix" else 0.5)
    found.backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())
    assert all(p.grad is None for p in loss.teacher.parameters())


def test_others_teach_with_the_float_network():
    network = spiking(teacher(), Pixels(MEAN, STD), images(64), steps=8, bits=8).train()
    x, labels = network.pixels.real(images(64)), torch.zeros(64, dtype=torch.int64)
    alone = Taught(teacher(), share=1.0, layers=0.0)(network, x, labels)
    other = teacher()
    again = Taught(teacher(), share=1.0, layers=0.0, others=[other])(network, x, labels)
    torch.testing.assert_close(again, alone)
    with torch.no_grad():
        other[-1].bias += torch.tensor([2.0, 0.0, 0.0])
    beside = Taught(teacher(), share=1.0, layers=0.0, others=[other])
    with torch.no_grad():
        wanted = (teacher()(network.pixels.plain(x)) + other(network.pixels.plain(x))) / 2
        torch.testing.assert_close(beside(network, x, labels), apart(network(x), wanted))
        assert beside(network, x, labels) > 10 * alone


def test_some_steps_bring_layers_nearer_to_their_teacher():
    network = spiking(teacher(), Pixels(MEAN, STD), images(64), coding="rate", steps=4, bits=4)
    loss = Taught(teacher(), share=0.0, layers=1.0)
    before = layer_errors(network, loss)
    loss.share = 1.0
    fit(network, images(64), torch.arange(64) % 3, Recipe(epochs=25, batch=16, rate=0.002),
        prepare=lambda batch, _: network.pixels.real(batch), loss=loss)  # fmt: skip
    assert layer_errors(network, loss) < 0.9 * before

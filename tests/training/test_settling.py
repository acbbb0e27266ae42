"""Biases that are settled on the spikes that come."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.settling import settle  # noqa: E402
from snnir.training.teaching import answers_of  # noqa: E402
from snnir.training.trains import Pixels  # noqa: E402

torch.set_num_threads(1)
PIXELS = Pixels((0.4, 0.55), (0.25, 0.2))


def images(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 2, 6, 6), dtype=torch.uint8, generator=generator)


def teacher() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


def layer_errors(network, net) -> list[float]:
    """Mean square, of images that nothing was settled on."""
    x = PIXELS.real(images(200, 9))
    with torch.no_grad():
        trains = [t for t in network.eval().run(x) if t.kind == "steps"]
        fired = [trains[i] for i in (0, 2, 3)]
        answers = answers_of(net, PIXELS.plain(x))
    return [
        float((train.values.mean(0) * train.step - answer).square().mean())
        for train, answer in zip(fired, answers, strict=True)
    ]


@pytest.mark.parametrize("ahead", [0, 1])
def test_spikes_come_nearer_to_the_activations(ahead):
    net = teacher()
    network = spiking(net, PIXELS, images(64, 1), coding="rate", steps=4, bits=4, ahead=ahead)
    with torch.no_grad():
        # Biases that rounding and unevenness have made wrong.
        for layer in network.layers()[1:3]:
            layer.bias -= 0.1
    before = layer_errors(network, net)
    settle(network, net, PIXELS.real(images(200, 4)))
    after = layer_errors(network, net)
    assert after[1] < 0.9 * before[1] and after[2] < 0.9 * before[2]
    assert not network.training


def test_what_cannot_be_settled_is_refused():
    network = spiking(teacher(), PIXELS, images(64, 1), coding="radix", steps=4, bits=4)
    with pytest.raises(ValueError, match="only rate-coded networks are settled"):
        settle(network, teacher(), PIXELS.real(images(8, 1)))

"""Channels that use the whole threshold: what stays, what changes."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.conversion import histogram_of  # noqa: E402
from snnir.training.equalising import LEAST, equalise  # noqa: E402
from snnir.training.models import MODELS  # noqa: E402
from snnir.training.teaching import answers_of  # noqa: E402

torch.set_num_threads(1)
LEVELS = 15


def trained(model: str, size: tuple[int, ...]) -> tuple[nn.Module, torch.Tensor]:
    """A network whose channels differ in range, and images."""
    torch.manual_seed(3)
    net, x = MODELS[model](), torch.randn(24, *size)
    net.train()(x)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.weight.data.uniform_(0.1, 2)
            module.bias.data.uniform_(0, 0.5)
    return net.eval(), x


def spread(net: nn.Module, x: torch.Tensor) -> list[float]:
    """Of each ReLU's channels: the largest full-scale over the least that is not 0."""
    found = []
    with torch.no_grad():
        answers = answers_of(net, x)
    for out in answers:
        full = histogram_of(out).least_error(LEVELS)
        used = full[full > full.max() * LEAST]
        found.append(float(used.max() / used.min()))
    return found


@pytest.mark.parametrize(
    "model, size",
    [("resnet20", (3, 32, 32)), ("vgg11", (3, 32, 32)), ("lenet5", (1, 28, 28)),
     ("patchnet3d", (1, 4, 3, 3))],
)  # fmt: skip
def test_the_network_stays_what_it_is(model, size):
    net, x = trained(model, size)
    with torch.no_grad():
        before = net(x)
        equalise(net, x, LEVELS)
        torch.testing.assert_close(net(x), before, rtol=1e-4, atol=1e-5)


def test_channels_become_alike():
    net, x = trained("vgg11", (3, 32, 32))
    before = spread(net, x)
    equalise(net, x, LEVELS)
    after = spread(net, x)
    assert all(b < a for a, b in zip(before, after, strict=True))
    # Channels that hardly fire keep some of their distance.
    assert all(b < a / 4 for a, b in zip(before[:5], after[:5], strict=True))


def test_what_identities_join_has_one_factor():
    net, x = trained("resnet20", (3, 32, 32))
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.weight.detach().clone() for norm in norms]
    equalise(net, x, LEVELS)
    factors = [old / norm.weight.detach() for old, norm in zip(before, norms, strict=True)]
    # Of the first layer, and of the ends of the three blocks behind it.
    ends = [factors[0], *(factors[i] for i in (2, 4, 6))]
    assert float((ends[0] - 1).abs().max()) > 0.1
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0])


def test_a_silent_channel_stays():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    net[0].bias.data[:] = torch.tensor([-100.0, 0.0, 0.0])
    net[0].weight.data[1] *= 1e-6
    before = net[0].weight.detach().clone()
    equalise(net, torch.randn(64, 4), LEVELS)
    after = net[0].weight.detach()
    assert torch.equal(after[0], before[0])
    torch.testing.assert_close(after[1], before[1] / LEAST)

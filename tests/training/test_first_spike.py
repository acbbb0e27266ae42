"""Maximum likelihood of first-to-spike: the closed form, and integers that are those of numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from snnir.training.first_spike import levels  # noqa: E402
from snnir.training.first_spike_fit import (  # noqa: E402
    FirstToSpikeLoss,
    FirstToSpikeNet,
    Likelihood,
    anytime_loss,
    fit_first_to_spike,
)


def by_hand(potentials: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """-L as the docstring writes it, sample by sample."""
    chances, found = potentials.sigmoid(), []
    for n, label in enumerate(labels):
        total, silent = 0.0, 1.0
        for p in chances[:, n]:
            others = torch.prod(1 - p) / (1 - p[label])
            total = total + silent * p[label] * others
            silent = silent * torch.prod(1 - p)
        found.append(-torch.log(total))
    return torch.stack(found).mean()


def test_the_closed_form_is_the_gradient():
    torch.manual_seed(1)
    potentials = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 3, 2])
    loss, wanted = FirstToSpikeLoss.apply(potentials, labels), by_hand(potentials, labels)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()))
    (mine,) = torch.autograd.grad(loss, potentials)
    (autograd,) = torch.autograd.grad(wanted, potentials)
    torch.testing.assert_close(mine, autograd)


def test_with_few_steps_potentials_decide():
    """Where nobody can spike it is the cross entropy of a softmax; where all do, the likelihood."""
    labels = torch.tensor([1, 0])
    low = torch.randn(3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 40
    wanted = torch.nn.functional.cross_entropy(low.flatten(0, 1), labels.repeat(3))
    assert float(anytime_loss(low, labels)) == pytest.approx(float(wanted))
    sure = torch.full((3, 2, 4), -40.0, dtype=torch.float64)
    sure[0].scatter_(1, labels[:, None], 40)
    assert float(anytime_loss(sure, labels)) == pytest.approx(0, abs=1e-9)


def test_a_small_network_learns_and_is_its_integers():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 300)
    pixels = rng.integers(0, 90, (300, 6)).astype(np.uint8)
    pixels[np.arange(300), 2 * labels] = rng.integers(150, 256, 300)
    net = FirstToSpikeNet([6, 12, 3], [2, 3], [5, 6], levels(6), seed=3)
    losses = []
    recipe = Likelihood(epochs=12, rate=0.05, batch=30)
    fit_first_to_spike(net, pixels, labels, recipe, lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.6 * losses[0]
    integers = net.integers()
    assert (integers.decide(pixels)[0] == labels).mean() > 0.7
    # What torch has of the last layer is what numpy computes of its integers.
    with torch.no_grad():
        real = net(torch.tensor(pixels)).numpy()
    integers.scores(pixels)
    exact = integers.layers[-1].potentials(integers.trains[-1])
    np.testing.assert_array_equal(np.clip(np.floor(real * 16), -128, 127), exact)

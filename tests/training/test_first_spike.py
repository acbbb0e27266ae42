"""Maximum likelihood of first-to-spike: the closed form, and integers that are those of numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from snnir.training.first_spike import levels  # noqa: E402
from snnir.training.first_spike_fit import (  # noqa: E402
    SHARPNESS,
    FirstToSpikeLoss,
    FirstToSpikeNet,
    Glm,
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
    """For each number of allowed steps: who spikes first, else a softmax of what is kept."""
    torch.manual_seed(1)
    potentials, labels = (
        4 * torch.randn(3, 4, 4, dtype=torch.float64) - 5,
        torch.tensor([1, 0, 3, 2]),
    )
    silent, decided, by_allowed = torch.ones(4).double(), torch.zeros(4).double(), []
    for step in potentials:
        chances = step.sigmoid()
        right = chances[range(4), labels]
        nobody = torch.prod(1 - chances, 1)
        decided = decided + silent * right * nobody / (1 - right)
        silent = silent * nobody
        exact = (step * 16).floor().clamp(-128, 127) / 16
        chosen = (SHARPNESS * exact).softmax(1)[range(4), labels]
        by_allowed.append(-(decided + silent * chosen).log().mean())
    assert float(anytime_loss(potentials, labels)) == pytest.approx(float(sum(by_allowed)) / 3)
    shares = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    wanted = float(by_allowed[1] + 3 * by_allowed[2]) / 4
    assert float(anytime_loss(potentials, labels, shares)) == pytest.approx(wanted)


def test_where_all_spike_it_is_the_likelihood():
    labels = torch.tensor([1, 0])
    sure = torch.full((3, 2, 4), -40.0, dtype=torch.float64)
    sure[0].scatter_(1, labels[:, None], 40)
    assert float(anytime_loss(sure, labels)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("window", [1, 3, 5])
def test_all_steps_at_once_are_step_by_step(window):
    layer = Glm(4, 3, window, 5, np.arange(1, 4))
    spikes = torch.randint(0, 2, (5, 2, 4), generator=torch.Generator().manual_seed(1)).float()
    with torch.no_grad():
        torch.testing.assert_close(layer(spikes), layer(spikes, [0, 1, 2, 3, 4]), rtol=0, atol=0)


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


def test_hidden_neurons_wait_and_decide_within_few_steps():
    """One level in all steps, outputs that see all steps; what is allowed has shares."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 2, (400, 6)).astype(np.uint8) * 255
    labels = (pixels[:, 0] ^ pixels[:, 1]).astype(np.int64) & 1  # no network of one layer has this
    net = FirstToSpikeNet([6, 16, 2], [1, 8], [5, 5], [127] * 8, seed=3)
    with torch.no_grad():
        start = net(torch.tensor(pixels))
    assert float((start > -3).float().mean()) < 0.1
    shares = (0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 1.0)
    recipe = Likelihood(epochs=20, rate=0.05, batch=40, anytime=1.0, shares=shares)
    fit_first_to_spike(net, pixels, labels, recipe, lambda *_: None)
    for steps in (3, 8):
        assert (net.integers().within(steps).decide(pixels)[0] == labels).mean() > 0.95

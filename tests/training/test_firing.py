"""Neurons in one function: spikes and gradients of a plain loop under autograd."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from snnir.training import firing  # noqa: E402
from snnir.training.firing import fired  # noqa: E402
from snnir.training.rounding import floored, spike  # noqa: E402
from snnir.training.trains import Code  # noqa: E402


def plain(moving, still, theta, leak, code, scale):
    """The same, every operation on all images, for autograd to go back through."""
    shape = still if moving is None else moving[0]
    v = (theta / 2).floor().expand_as(shape)
    sure, spikes, held = floored(theta * ((4 + code.margin) / 4)), [], 0
    for t in range(code.steps + code.ahead):
        if t < code.steps:
            if leak is not None:
                held = held + v.detach()
                v = v - floored(v * leak / 32)
            v = v + (0 if moving is None else moving[t] * scale) + still
        if t >= code.ahead:
            fires = spike((v - (sure if t + 1 < code.steps else theta)) / theta)
            v = v - fires * theta
            spikes.append(fires)
    return torch.stack(spikes), held


CODES = {
    "causal": Code("rate", 5),
    "ahead": Code("rate", 4, ahead=2, margin=4),
    "later than T": Code("rate", 3, ahead=6),
}


@pytest.mark.parametrize("leaky", [False, True], ids=["", "leaky"])
@pytest.mark.parametrize("form", ["maps", "dense", "still", "both"])
@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_spikes_and_gradients_are_those_of_a_plain_loop(code, form, leaky, monkeypatch):
    monkeypatch.setattr(firing, "PIECE", 70)
    torch.manual_seed(5)
    shape = (7, 3) if form == "dense" else (7, 3, 4, 2)
    ones = (1,) * (len(shape) - 2)
    theta = torch.tensor([20.0, 31.0, 50.0]).view(3, *ones)
    moving = None if form == "still" else torch.randint(-30, 40, (code.steps, *shape)) / 2
    still = torch.randint(-9, 14, (3, *ones) if form in ("maps", "dense") else shape)
    leak = torch.tensor(3.0) if leaky else None
    taken = [x if x is None else x.double().requires_grad_() for x in (moving, still, theta, leak)]
    found, held = fired(*taken, code, 2.0)
    expected, held_then = plain(*taken, code, 2.0)
    assert torch.equal(found.double(), expected) and found.dtype == torch.float32
    assert expected.any() and not expected.all()
    assert held is None if leak is None else torch.equal(held, held_then)
    weight = torch.randn(found.shape, dtype=torch.float64)
    there = [x for x in taken if x is not None]
    gradients = torch.autograd.grad((found.double() * weight).sum(), there)
    for mine, own in zip(
        gradients, torch.autograd.grad((expected * weight).sum(), there), strict=True
    ):
        assert mine.shape == own.shape and own.any()
        torch.testing.assert_close(mine, own, rtol=1e-5, atol=1e-5)


def test_nothing_is_kept_where_no_gradient_is_wanted():
    currents = torch.full((2, 3, 1, 2, 2), 7.0)
    with torch.no_grad():
        spikes, held = fired(currents, torch.zeros(1, 1, 1), torch.full((1, 1, 1), 10.0), None,
                             Code("rate", 2))  # fmt: skip
    assert spikes.grad_fn is None and held is None
    assert spikes.flatten(1).tolist() == [[1.0] * 12, [0.0] * 12]

"""Activations that are rounded while a float network is trained: which, to what, and when."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.coarse import coarse_relus, full_scale  # noqa: E402
from snnir.training.fit import Recipe, fit  # noqa: E402
from snnir.training.models import Block  # noqa: E402
from snnir.training.teaching import listening  # noqa: E402

torch.set_num_threads(1)


def plain() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(Block(2, 6, 2), nn.Flatten(), nn.Linear(96, 12), nn.ReLU(),
                         nn.Linear(12, 3))  # fmt: skip


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("levels", [1, 3, 15])
def test_full_scale_is_that_of_least_error(levels):
    x = torch.relu(torch.randn(4000, generator=torch.Generator().manual_seed(1)))
    found = full_scale(x, levels)
    tried = torch.linspace(0.2, 1, 17) * x.max()
    errors = [float(((x / (t / levels)).round().clamp(0, levels) * t / levels - x).square().sum())
              for t in tried]  # fmt: skip
    assert errors[int((tried - found).abs().argmin())] == min(errors)


def answers(net: nn.Module, x: torch.Tensor, levels: int) -> list[torch.Tensor]:
    with coarse_relus(net, levels), listening(net) as heard:
        net(x)
    return heard


def test_half_of_the_images_meet_rounded_activations():
    net = plain().train()
    heard = answers(net, images(20), 15)
    assert len(heard) == 3
    for answer in heard:
        steps = answer[:10].unique()
        assert 2 < len(steps) <= 16
        # All are multiples of the least one above 0.
        assert torch.allclose(steps / steps[1], (steps / steps[1]).round(), atol=1e-4)
        assert len(answer[10:].unique()) > 40


def test_first_layer_is_rounded_as_it_was_and_rest_is_left():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU()).train()
    x = images(9)
    exact = net(x)
    with coarse_relus(net, 7):
        rough = net(x)
    assert torch.equal(rough[4:], exact[4:])
    step = full_scale(exact[:4], 7) / 7
    assert torch.equal(rough[:4], (exact[:4] / step).clamp(max=7).round() * step)
    assert torch.equal(net(x), exact), "the hooks are gone"


def test_gradients_pass_but_where_clipped():
    net = nn.Sequential(nn.ReLU()).train()
    x = torch.randn(8, 500, generator=torch.Generator().manual_seed(6)).requires_grad_()
    with coarse_relus(net, 3):
        net(x).sum().backward()
    top = full_scale(torch.relu(x[:4]), 3)
    assert (x[:4] > top).any()
    assert torch.equal(x.grad[:4], ((x[:4] > 0) & (x[:4] <= top)).float())
    assert torch.equal(x.grad[4:], (x[4:] > 0).float())


@pytest.mark.parametrize("x", [images(1), torch.zeros(6, 2, 8, 8), -torch.ones(6, 2, 8, 8)])
def test_nothing_to_round(x):
    net = nn.Sequential(nn.ReLU()).train()
    with coarse_relus(net, 15):
        assert torch.equal(net(x), torch.relu(x))


def test_evaluation_is_exact():
    net = plain().eval()
    x = images(6)
    exact = net(x)
    with coarse_relus(net, 3):
        assert torch.equal(net(x), exact)


def test_recipe_says_when():
    def trained(**more) -> tuple[list[bool], nn.Module]:
        net, rough = plain(), []

        def loss(net, x, labels):
            rough.append(bool(net[3]._forward_hooks))
            return nn.functional.cross_entropy(net(x), labels)

        recipe = Recipe(epochs=2, batch=16, **more)
        fit(net, images(64), torch.arange(64) % 3, recipe, loss=loss, prepare=lambda x, _: x)
        return rough, net

    never, float_net = trained()
    assert never == [False] * 8
    late, coarse_net = trained(coarse=0.5, levels=3)
    assert late == [False] * 4 + [True] * 4
    assert not torch.equal(float_net[2].weight, coarse_net[2].weight)
    assert trained(coarse=1.0)[0] == [True] * 8


@pytest.mark.parametrize(
    "wrong, says",
    [({"coarse": 1.5}, "0 to 1"), ({"levels": 0}, "one"), ({"average": 1.0}, "below 1")],
)
def test_recipe_refuses(wrong, says):
    with pytest.raises(ValueError, match=says):
        Recipe(epochs=1, **wrong)

"""Steps on the grids of a spiking network, orthogonal steps of a plain one, teachers of both."""

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402

from snnir.training.conversion import spiking  # noqa: E402
from snnir.training.fit import Recipe, fit  # noqa: E402
from snnir.training.grid import on_grid  # noqa: E402
from snnir.training.models import Block  # noqa: E402
from snnir.training.muon import muon, orthogonal  # noqa: E402
from snnir.training.rounding import counts, floored  # noqa: E402
from snnir.training.teaching import TaughtByMany, apart  # noqa: E402
from snnir.training.trains import Pixels  # noqa: E402

torch.set_num_threads(1)
PIXELS = Pixels((0.4, 0.55), (0.25, 0.2))


def images(count: int) -> torch.Tensor:
    seed = torch.Generator().manual_seed(4)
    return torch.randint(0, 256, (count, 2, 8, 8), dtype=torch.uint8, generator=seed)


def plain() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), Block(6, 6, 1), Block(6, 8, 2), nn.Flatten(),
        nn.Linear(72, 12), nn.ReLU(), nn.Linear(12, 3),
    )  # fmt: skip


def trained(network: nn.Module, optimiser, checkpoint=None, stop_at=None, bf16=False) -> nn.Module:
    calls = 0

    def prepare(batch, _):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        return PIXELS.real(batch)

    recipe = Recipe(epochs=3, batch=16, rate=0.05, average=0.9)
    return fit(network, images(64), torch.arange(64) % 3, recipe, prepare=prepare,
               optimiser=optimiser, checkpoint=checkpoint, every=0, bf16=bf16)  # fmt: skip


def louder(network: nn.Module, gain: float) -> None:
    """The same network with the activations of its first layer `gain` times as large."""
    first, *others = network.layers()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter *= gain
        for layer in others:
            for branch in layer.branches:
                if branch.source == 1 and branch.weight is not None:
                    branch.weight /= gain
                    layer.scale /= gain


@pytest.mark.parametrize("optimiser, alike", [(on_grid, True), (None, False)])
def test_layers_are_trained_alike_however_large_their_activations_are(optimiser, alike):
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(96, 3),
    )  # fmt: skip
    found = []
    for gain in (1.0, 32.0):
        network = spiking(net, PIXELS, images(64))
        before = network.eval()(PIXELS.real(images(8)))
        louder(network, gain)
        assert torch.equal(network(PIXELS.real(images(8))), before)
        found.append(trained(network, optimiser)(PIXELS.real(images(8))))
        assert not torch.equal(found[-1], before)
    assert torch.equal(*found) == alike


@pytest.mark.parametrize("how", [{"coding": "radix"}, {"coding": "rate", "leaky": True}])
def test_every_parameter_moves_by_its_unit(how):
    network = spiking(plain(), PIXELS, images(64), **how)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimiser = on_grid(network, Recipe(epochs=1, rate=0.5))
    network.train().through = "counts"
    network.evenly = "leaky" not in how
    nn.functional.cross_entropy(network(PIXELS.real(images(64))), torch.arange(64) % 3).backward()
    optimiser.step()
    for name, parameter in network.named_parameters():
        unit = optimiser.state[parameter]["unit"].expand_as(parameter)
        moved = (parameter.detach() - before[name]).abs()
        there = parameter.grad != 0
        # The first step of Adam is as long as it may be.
        torch.testing.assert_close(moved[there], 0.5 * unit[there], rtol=1e-3, atol=1e-6)
        assert there.any() and not moved[~there].any()


@pytest.mark.parametrize("which", ["grid", "muon", "muon in bfloat16"])
def test_each_goes_on_from_a_checkpoint(which, tmp_path):
    def run(checkpoint, stop_at=None):
        net = plain()
        if which == "grid":
            return trained(spiking(net, PIXELS, images(64)), on_grid, checkpoint, stop_at)
        return trained(net, muon, checkpoint, stop_at, bf16="bfloat16" in which)

    whole = run(None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "part.checkpoint", stop_at=6)
    resumed = run(tmp_path / "part.checkpoint")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_bfloat16_multiplies_and_what_is_trained_stays_float32():
    seen, start = [], dict(plain().named_parameters())
    found = []
    for bf16 in (False, True):
        net = plain()
        net[0].register_forward_hook(lambda _, __, out: seen.append(out.dtype))
        found.append(trained(net, muon, bf16=bf16))
    assert seen == [torch.float32] * 12 + [torch.bfloat16] * 12
    exact, rounded = (dict(net.named_parameters()) for net in found)
    for name, parameter in rounded.items():
        assert parameter.dtype == torch.float32 and not torch.equal(parameter, exact[name])
        if parameter.ndim > 1:
            apart = (parameter - exact[name]).norm() / (exact[name] - start[name]).norm()
            assert apart < 0.3, name


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (9, 14)])
def test_momentum_becomes_orthogonal(shape):
    torch.manual_seed(5)
    matrix = torch.randn(shape) @ torch.diag(torch.linspace(0.1, 3, shape[1]))
    u, sizes, v = torch.linalg.svd(orthogonal(matrix), full_matrices=False)
    assert sizes.min() > 0.5 and sizes.max() < 1.3
    exact_u, _, exact_v = torch.linalg.svd(matrix, full_matrices=False)
    torch.testing.assert_close(u @ v, exact_u @ exact_v, atol=0.02, rtol=0)


def test_muon_moves_inner_kernels_by_orthogonal_steps_and_the_rest_by_gradients():
    torch.manual_seed(6)
    net = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 16), nn.Linear(16, 3))
    before = [p.detach().clone() for p in net.parameters()]
    optimiser = muon(net, Recipe(epochs=1, rate=0.1, momentum=0.5, decay=0.0), share=0.2)
    net(torch.randn(40, 6)).square().sum().backward()
    optimiser.step()
    moved = [b - p.detach() for p, b in zip(net.parameters(), before, strict=True)]
    # The rows are twice the columns; Nesterov's first step looks half a gradient ahead.
    expected = 0.1 * 0.2 * 2**0.5 * orthogonal(net[1].weight.grad)
    torch.testing.assert_close(moved[2], expected)
    for step, parameter in zip(moved[:2] + moved[3:], [*net[0].parameters(), net[1].bias,
                               *net[2].parameters()], strict=True):  # fmt: skip
        torch.testing.assert_close(step, 0.15 * parameter.grad, rtol=1e-3, atol=1e-5)


def test_counts_are_clip_floor_shift_with_its_gradient():
    torch.manual_seed(3)
    total = (300 * torch.randn(5, 3, 4, 4)).round().requires_grad_()
    offset, theta = (torch.tensor(v).view(3, 1, 1).requires_grad_()
                     for v in ([10.0, 16.0, -3.0], [20.0, 33.0, 7.0]))  # fmt: skip
    given = torch.randn(5, 3, 4, 4)
    found = []
    for fired in (
        counts(total, offset, theta, 15), floored((total + offset) / theta).clamp(0, 15)
    ):  # fmt: skip
        found.append([fired, *torch.autograd.grad(fired, [total, offset, theta], given)])
    assert torch.equal(found[0][0], found[1][0]) and len(found[0][0].unique()) == 16
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_many_teach_what_they_say_in_the_mean():
    torch.manual_seed(7)
    teachers, net = [nn.Linear(4, 3) for _ in range(2)], nn.Linear(4, 3)
    x, labels = torch.randn(16, 4), torch.arange(16) % 3
    mean = (teachers[0](x) + teachers[1](x)) / 2
    loss = TaughtByMany(teachers, share=1.0)(net, x, labels)
    torch.testing.assert_close(loss, apart(net(x), mean))
    loss.backward()
    assert all(p.grad is None for teacher in teachers for p in teacher.parameters())
    with torch.no_grad():
        for name in ("weight", "bias"):
            a, b = (getattr(teacher, name) for teacher in teachers)
            getattr(net, name).copy_((a + b) / 2)
        assert abs(TaughtByMany(teachers, share=1.0)(net, x, labels)) < 1e-6
        plain_loss = nn.functional.cross_entropy(net(x), labels, label_smoothing=0.1)
        torch.testing.assert_close(TaughtByMany(teachers, share=0.0)(net, x, labels), plain_loss)

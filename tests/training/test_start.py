"""Networks that start with the weights of files, also of those that have folded batch norms."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from torch import nn  # noqa: E402
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval  # noqa: E402

from snnir.training.models import Block  # noqa: E402
from snnir.training.plain import export_plain  # noqa: E402
from snnir.training.start import start_from  # noqa: E402

torch.set_num_threads(1)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), Block(6, 6, 1),
        Block(6, 8, 2), nn.Flatten(), nn.Linear(72, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(),
        nn.Linear(12, 3),
    )  # fmt: skip


def trained() -> nn.Module:
    """With batch norms that have seen something."""
    torch.manual_seed(1)
    net = network()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    for _ in range(20):
        net(images(64))
    return net.eval()


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(count))


def folded(net: nn.Module) -> nn.Module:
    """The same without batch norms."""
    net = copy.deepcopy(net)
    for parent in [m for m in net.modules() if type(m) is nn.Sequential]:
        kept: list[nn.Module] = []
        for module in parent:
            if isinstance(module, nn.BatchNorm2d):
                kept[-1] = fuse_conv_bn_eval(kept[-1], module)
            elif isinstance(module, nn.BatchNorm1d):
                kept[-1] = fuse_linear_bn_eval(kept[-1], module)
            else:
                kept.append(module)
        for name in list(parent._modules):
            del parent._modules[name]
        parent.extend(kept)
    return net


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-5 * float(other.abs().max()))


def test_folded_batch_norms_are_opened_again(tmp_path):
    net, again = trained(), network()
    export_plain(folded(net), tmp_path / "folded.onnx", (2, 8, 8))
    start_from(again, tmp_path / "folded.onnx")
    with torch.no_grad():
        assert same(again.eval()(images(8)), net(images(8)))
        # It normalises by what it sees from now on, and is another network then.
        assert not same(again.train()(images(64)), net(images(64)))


def test_opened_batch_norms_normalise_what_they_are_shown(tmp_path):
    net, again = trained(), network()
    export_plain(folded(net), tmp_path / "folded.onnx", (2, 8, 8))
    start_from(again, tmp_path / "folded.onnx", images(64))
    with torch.no_grad():
        assert same(again.train()(images(64)), net(images(64)))
        start_from(again, tmp_path / "folded.onnx", images(64))
        assert same(again.eval()(images(8)), net(images(8)))
    for module in again.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            assert module.running_var.std() > 0.01 and module.weight.std() > 0.01


def test_files_that_keep_their_batch_norms_are_taken_as_they_are(tmp_path):
    net, again = trained(), network()
    export_plain(net, tmp_path / "net.onnx", (2, 8, 8))
    start_from(again, tmp_path / "net.onnx", images(64))
    for one, other in zip(again.state_dict().items(), net.state_dict().items(), strict=True):
        assert one[0] == other[0] and (
            torch.equal(one[1], other[1]) or one[0].endswith("num_batches_tracked")
        )


def test_other_layers_are_refused(tmp_path):
    export_plain(folded(trained()), tmp_path / "folded.onnx", (2, 8, 8))
    for net, what in (
        (nn.Sequential(nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6)), "8 layers.* not 1"),
        (nn.Sequential(*(nn.Conv2d(2, 6, 3) for _ in range(8))), "is not what Conv2d"),
    ):
        with pytest.raises(ValueError, match=what):
            start_from(net, tmp_path / "folded.onnx")

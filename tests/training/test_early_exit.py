"""Early exit of first-to-spike networks: what is trained for, and what is exported."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from snnir.training.early_exit import decided_in, early_loss, one_window  # noqa: E402
from snnir.training.first_spike import (  # noqa: E402
    FirstToSpike,
    GlmLayer,
    export_first_to_spike,
    levels,
)
from snnir.training.first_spike_file import read_first_to_spike  # noqa: E402


def layer(rng: np.random.Generator, outputs: int, inputs: int, window: int) -> GlmLayer:
    return GlmLayer(
        rng.integers(-60, 60, (window, outputs, inputs)).astype(np.int8),
        rng.integers(-20, 20, outputs),
        5,
        rng.integers(1, 1 << 16, outputs),
    )


def test_the_loss_is_the_mean_over_the_ends_of_windows():
    """Against the probabilities of each step, added up by hand."""
    potentials = torch.randn(6, 5, 3, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 1, 0])
    p = potentials.sigmoid().numpy()
    silent = np.concatenate([np.ones((1, 5)), np.cumprod((1 - p).prod(2), axis=0)])
    others = np.stack([np.delete(1 - p[:, n], c, axis=1).prod(1) for n, c in enumerate(labels)], 1)
    right = np.stack([p[:, n, c] for n, c in enumerate(labels)], 1)
    by_step = np.cumsum(silent[:-1] * right * others, axis=0)
    for windows in (1, 2, 3):
        ends = by_step[6 // windows - 1 :: 6 // windows]
        found = float(early_loss(potentials, labels, windows))
        assert found == pytest.approx(-np.log(ends).mean())


def test_what_is_early_costs_less():
    early, late = torch.full((2, 4, 1, 2), -6.0)
    early[0, 0, 0], late[3, 0, 0] = 6.0, 6.0
    label = torch.tensor([0])
    assert early_loss(early, label, 4) < 0.1 < 1 < early_loss(late, label, 4)
    assert float(early_loss(late, label, 1)) < 0.1


def test_one_window_is_exported():
    rng = np.random.default_rng(0)
    net = FirstToSpike([9, 5] * 3, [layer(rng, 3, 4, 2)], "strongest", "none")
    found = one_window(net, 3)
    assert (found.levels, found.ties, found.silent) == ([9, 5], "strongest", "none")
    with pytest.raises(ValueError, match="6 levels are not the same ones in 2 windows"):
        one_window(net, 2)
    with pytest.raises(ValueError, match="a filter over 2 steps is longer than a window of 1"):
        one_window(FirstToSpike([9, 9], net.layers), 2)
    assert decided_in([1, 2, 3, 6, 6], 6, 3).tolist() == [0.4, 0.2, 0.4]


@pytest.mark.parametrize("windows", [(1,), (3,), (2, 4)])
def test_a_file_is_read_back(windows, tmp_path):
    rng = np.random.default_rng(1)
    sizes = [6, 5, 3][-1 - len(windows) :]
    layers = [
        layer(rng, outputs, inputs, window)
        for inputs, outputs, window in zip(sizes[:-1], sizes[1:], windows, strict=True)
    ]
    net = FirstToSpike(levels(8), layers, "strongest", "lowest")
    export_first_to_spike(net, tmp_path / "net.onnx", (sizes[0],))
    found = read_first_to_spike(tmp_path / "net.onnx")
    pixels = rng.integers(0, 256, (20, sizes[0]), np.uint8)
    assert (found.scores(pixels) == net.scores(pixels)).all()
    assert (found.ties, found.silent, found.levels) == (net.ties, net.silent, net.levels)


def test_another_file_is_refused(tmp_path):
    from snnir.training.plain import export_plain

    export_plain(torch.nn.Sequential(torch.nn.Linear(3, 2)), tmp_path / "net.onnx", (3,))
    with pytest.raises(ValueError, match="no first-to-spike network"):
        read_first_to_spike(tmp_path / "net.onnx")

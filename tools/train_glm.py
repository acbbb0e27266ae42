"""Trains a first-to-spike network on MNIST or WISDM: ONNX, and accuracy by allowed steps."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from extras import torch
from recipes import run
from torch import nn

from snnir.tools.arguments import positive, several, share, whole
from snnir.tools.errors import ArgumentParser
from snnir.training import data
from snnir.training.early_exit import decided_in, one_window
from snnir.training.first_spike import FirstToSpike, export_first_to_spike
from snnir.training.first_spike_fit import FirstToSpikeNet, Likelihood, fit_first_to_spike
from snnir.training.plain import export_plain

STEPS = 16
SETS = {
    # Reader, shape of a sample, levels that come again, batch.
    "mnist": (data.mnist, (1, 28, 28), (127, 63, 191, 31), 250),
    "wisdm": (data.wisdm, (44,), (127, 63, 191, 31, 159, 95, 223, 15), 64),
}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("set", choices=SETS)
    add("--data", type=Path, required=True, help="folder of the files as distributed")
    add("--hidden", type=whole(0), default=0, help="neurons of a hidden layer")
    add("--window", type=several(whole(1, STEPS)), default=(4,),
        help="steps of each layer's filters (4)")  # fmt: skip
    add("--levels", type=several(whole(0, 254)), help="of pixels, which come again after the last")
    add("--epochs", type=whole(1), default=6)
    add("--rate", type=positive, default=0.01)
    add("--anytime", type=share, default=0.0, help="share of the loss that allows fewer steps")
    add("--windows", type=whole(1, STEPS), default=1,
        help="of a sample, behind each of which it may be over")  # fmt: skip
    add("--early", type=share, default=0.0, help="share of the loss that wants few windows")
    add("--shares", type=shares, metavar="STEPS=SHARE,...",
        help="of numbers of allowed steps in that loss (1 each)")  # fmt: skip
    add("--decay", type=share, default=0.0, help="share of the rate taken off weights in a step")
    add("--choose", action="store_true",
        help="train on five sixths of the training data and report on the rest")  # fmt: skip
    add("--seed", type=whole(0), default=7)
    add("--threads", type=whole(1), default=1)
    add("-o", "--output", type=Path, required=True, help="folder for the network and test data")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    read, shape, levels, batch = SETS[args.set]
    (x, y), (test, labels) = (read(args.data, part) for part in ("train", "test"))
    if args.choose:
        cut = len(x) * 5 // 6
        (x, test), (y, labels) = (x[:cut], x[cut:]), (y[:cut], y[cut:])
    batch, levels = min(batch, len(x)), args.levels or levels
    hidden = [args.hidden] if args.hidden else []
    layers = len(hidden) + 1
    windows = args.window if len(args.window) > 1 else args.window * layers
    if len(windows) != layers:
        raise ValueError(f"--window: one for each of {layers} layers")
    float_net, right = plain(x, y, test, labels, hidden, batch, args)
    print(f"float network of the same shape: {right:.2%}")
    float_shape = x.shape[1:]
    if args.set == "wisdm":
        x, test = (np.pad(part, ((0, 0), (0, 1)), constant_values=255) for part in (x, test))
    sizes = [x[0].size, *hidden, int(y.max()) + 1]
    every = [levels[step % len(levels)] for step in range(STEPS)]
    net = FirstToSpikeNet(sizes, windows, [5] * layers, every, args.seed)
    how = (args.anytime, args.early, args.windows, args.shares, args.decay)
    recipe = Likelihood(args.epochs, args.rate, batch, args.seed, *how)
    fit_first_to_spike(net, x, y, recipe)
    integers = net.integers(ties="strongest", silent="potential")
    args.output.mkdir(parents=True, exist_ok=True)
    name = f"{args.set}{args.hidden or ''}"
    name += f"_windows{args.windows}" if args.windows > 1 else ""
    export_first_to_spike(one_window(integers, args.windows), args.output / f"{name}.onnx", shape)
    export_plain(float_net, args.output / f"{args.set}{args.hidden or ''}_float.onnx", float_shape)
    np.savez_compressed(args.output / f"{args.set}_test.npz", x=test.reshape(-1, *shape), y=labels)
    for window, part in enumerate(spread(integers, test, args.windows), 1):
        print(f"over with window {window}: {part:.2%}")
    print("allowed  accuracy  steps spent")
    for steps in range(1, STEPS + 1):
        accuracy, spent = within(integers, steps, test, labels)
        print(f"{steps:7}  {accuracy:8.2%}  {spent:11.2f}")


def shares(text: str) -> tuple[float, ...]:
    """`4=3,16=33`: the share of each number of allowed steps, 1 of those that are not named."""
    named = [part.partition("=") for part in text.split(",")]
    found = dict.fromkeys(range(1, STEPS + 1), 1.0)
    found |= {int(steps): float(part) for steps, _, part in named}
    right = all(0 <= part < math.inf for part in found.values()) and any(found.values())
    if len(found) > STEPS or not right:
        raise ValueError
    return tuple(found.values())


def in_parts(x: np.ndarray) -> list[np.ndarray]:
    """What is decided at once: a tenth."""
    return np.array_split(x, min(10, len(x)))


def within(net: FirstToSpike, steps: int, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Accuracy with so many steps allowed, and the mean of those that were spent."""
    parts = [net.within(steps).decide(part) for part in in_parts(x)]
    classes, spent = (np.concatenate(values) for values in zip(*parts, strict=True))
    return float((classes == y).mean()), float(spent.mean())


def spread(net: FirstToSpike, x: np.ndarray, windows: int) -> np.ndarray:
    """The share of samples that is over with each window."""
    steps = [net.decide(part)[1] for part in in_parts(x)]
    return decided_in(np.concatenate(steps), STEPS, windows)


def plain(x, y, test, labels, hidden, batch, args) -> tuple[nn.Module, float]:
    """A float network of the same shape, trained as long, and its accuracy; pixels are 0 to 1."""
    torch.manual_seed(args.seed)
    x, test = (torch.tensor(part.reshape(len(part), -1)).float() / 255 for part in (x, test))
    y = torch.tensor(y)
    sizes, stages = [x.shape[1], *hidden, int(y.max()) + 1], [nn.Flatten()]
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        stages += [nn.Linear(inputs, outputs), nn.ReLU()]
    net = nn.Sequential(*stages[:-1])
    adam = torch.optim.Adam(net.parameters(), 0.005)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, args.epochs * (len(x) // batch))
    for _ in range(args.epochs):
        for part in torch.randperm(len(x))[: len(x) // batch * batch].split(batch):
            loss = nn.functional.cross_entropy(net(x[part]), y[part])
            adam.zero_grad()
            loss.backward()
            adam.step()
            decay.step()
    return net, float((net(test).argmax(1).numpy() == labels).mean())


if __name__ == "__main__":
    run(main)

"""Trains a recurrent spiking network that reads MNIST row by row: 28 windows of one step each.

    pip install -e '.[train]' && SNNIR_DATA=... python tools/train_rows.py -o FOLDER

A window is a row of 28 spikes (pixels of 128 and more), so that at no time more than a row is seen;
what was above is in the membranes and in the spikes of the step before. One layer of leaky neurons,
each connected to all of them, and a readout; weights of 4 bits. FOLDER gets the network, rows.onnx,
and rows_test.npz, with which it is compiled, run and compared by

    snnc compile FOLDER/rows.onnx -o DIR --windows 28
    snnc run DIR --input FOLDER/rows_test.npz
    snnc verify DIR --input FOLDER/rows_test.npz

The 10,000 test images decide about nothing.
"""

import math
import time
from pathlib import Path

import numpy as np
from datasets import read
from extras import torch
from recipes import run

from snnir.tools.arguments import whole
from snnir.tools.errors import ArgumentParser
from snnir.training.export import export_onnx
from snnir.training.recurrent import RecurrentNetwork, recurrent

BATCH = 128
RATE = 4e-3


def rows(images: np.ndarray) -> np.ndarray:
    """Images (N, 1, 28, 28) as streams of spikes (N, windows, 28, 1, 1)."""
    return (images[:, 0] >= 128).astype(np.uint8)[:, :, :, None, None]


def accuracy(net: RecurrentNetwork, x: np.ndarray, y: np.ndarray) -> float:
    """In evaluation mode: the share of samples whose largest potential is right."""
    net.eval()
    right = 0
    with torch.no_grad():
        for first in range(0, len(x), 1000):
            outputs = net(torch.from_numpy(x[first : first + 1000]))
            right += int((outputs.argmax(1).numpy() == y[first : first + 1000]).sum())
    return right / len(x)


def train(net: RecurrentNetwork, x: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    generator = np.random.default_rng(seed)
    total, done = epochs * (len(x) // BATCH), 0
    for epoch in range(epochs):
        net.train()
        start, losses = time.perf_counter(), []
        order = generator.permutation(len(x))
        for first in range(0, len(x) - BATCH + 1, BATCH):
            part = order[first : first + BATCH]
            rate = RATE * (0.5 + 0.5 * math.cos(math.pi * done / total))
            optimizer.param_groups[0]["lr"] = rate
            outputs = net(torch.from_numpy(x[part]))
            loss = torch.nn.functional.cross_entropy(outputs * 8, torch.from_numpy(y[part]))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            done += 1
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {seconds:.0f} s", flush=True)


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, help="folder for the network and its samples")
    add("--data", type=Path, help="folder of the MNIST files; SNNIR_DATA by default")
    add("--hidden", type=whole(1), default=96)
    add("--bits", type=whole(2, 8), default=4)
    add("--images", type=whole(BATCH), default=60000, help="of the training set, the first so many")
    add("--epochs", type=whole(1), default=8)
    add("--seed", type=whole(0), default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    images, labels = read("mnist", "train", args.data)
    net = recurrent(28, [args.hidden], 10, bits=args.bits, seed=args.seed)
    train(net, rows(images[: args.images]), labels[: args.images].astype(np.int64), args.epochs,
          args.seed)  # fmt: skip
    images, labels = read("mnist", "test", args.data)
    x, y = rows(images), labels.astype(np.int64)
    args.output.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.output / "rows_test.npz", x=x, y=y)
    print(f"test set, torch: {accuracy(net, x, y):.2%}")
    export_onnx(net.eval(), args.output / "rows.onnx", (28, 1, 1))


if __name__ == "__main__":
    run(main)

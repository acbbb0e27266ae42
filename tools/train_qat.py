"""Fine-tunes a trained network with the integers it will be compiled to (QCFS, quantised weights).

    pip install -e '.[train]'
    python tools/train_qat.py lenet5 --start examples/lenet5.onnx --bits 4 --steps 4 -o DIR

Weights are rounded to `--bits` bits, one scale for each output channel, and activations to the
values of the trains; both scales are trained. With `--coding rate` the first `--epochs` count
spikes as if they came evenly, and `--steps-epochs` more run all steps as the neurons will. Writes
DIR/MODEL.onnx, which `snnc compile` takes as it is. A checkpoint in DIR is written every five
minutes, and the same command goes on from it.

MNIST (lenet5) is read from the idx files in --data, CIFAR-10 (the others) from its binary version;
without --data from SNNIR_DATA.
"""

import argparse
from pathlib import Path

from datasets import read
from extras import torch

from snnir.training.augment import augmented, distorted
from snnir.training.conversion import spiking
from snnir.training.export import export_onnx
from snnir.training.fit import Recipe, accuracy, fit
from snnir.training.models import MODELS
from snnir.training.spiking import SpikingNetwork
from snnir.training.start import start_from
from snnir.training.trains import Pixels

CALIBRATION = 512
PIXELS = {
    "mnist": ((0.0,), (1.0,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}
SPLITS = {"mnist": ("test",), "cifar10": ("held-out", "test")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--start", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--coding", choices=("radix", "rate"), default="radix")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps-epochs", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.01, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    data = "mnist" if args.model == "lenet5" else "cifar10"
    images, labels = (torch.tensor(array) for array in read(data, "train", args.data))
    net = MODELS[args.model]()
    start_from(net, args.start)
    pixels = Pixels(*PIXELS[data])
    network = spiking(
        net, pixels, images[:CALIBRATION], coding=args.coding, steps=args.steps, bits=args.bits
    )
    args.output.mkdir(parents=True, exist_ok=True)
    report(network, "before training", data, args.data)

    change = distorted if data == "mnist" else augmented
    smoothing = 0.0 if data == "mnist" else 0.1
    for name, epochs, evenly in (("even", args.epochs, True), ("steps", args.steps_epochs, False)):
        if not epochs:
            continue
        network.evenly = evenly
        fit(
            network,
            images,
            labels,
            Recipe(epochs=epochs, rate=args.rate, average=0.999, smoothing=smoothing, decay=1e-4),
            prepare=lambda x, generator: change(pixels.real(x), generator),
            checkpoint=args.output / f"{args.model}.{name}.checkpoint",
        )
        report(network, f"after {epochs} epochs", data, args.data)
    export_onnx(network, args.output / f"{args.model}.onnx", tuple(images.shape[1:]))


def report(network: SpikingNetwork, when: str, data: str, folder: Path | None) -> None:
    """The accuracy of the integers on what was not trained on."""
    for split in SPLITS[data]:
        images, labels = (torch.tensor(array) for array in read(data, split, folder))
        share = accuracy(network, network.pixels.real(images), labels)
        print(f"{when}: {100 * share:.2f} % of the {len(labels)} images of {split}", flush=True)


if __name__ == "__main__":
    main()

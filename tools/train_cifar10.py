"""Trains a float network on CIFAR-10: vgg11, resnet18, resnet20 or alexnet.

    pip install -e '.[train]' && SNNIR_DATA=... python tools/train_cifar10.py vgg11 -o DIR

Trains on the first 40,000 training images; the last 10,000 are held out, and reported beside the
exact 1,000 test images. A checkpoint in DIR is written every five minutes, and the same command
goes on from it. `--start FILE.onnx` begins with the weights of a trained network of the same form.
"""

import argparse
import os
import sys
from pathlib import Path

import torch
from datasets import cifar10

from snnir.training.augment import augmented, normalise
from snnir.training.fit import Recipe, accuracy, fit
from snnir.training.models import MODELS
from snnir.training.start import start_from

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=[name for name in MODELS if name != "lenet5"])
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=0.1, help="highest learning rate")
    parser.add_argument("--start", type=Path, metavar="FILE.onnx")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    if "SNNIR_DATA" not in os.environ:
        sys.exit("set SNNIR_DATA to the folder that holds data/cifar10")

    torch.set_num_threads(args.threads)
    root = Path(os.environ["SNNIR_DATA"])
    images, labels = (torch.tensor(array) for array in cifar10(root, "train"))
    recipe = Recipe(epochs=args.epochs, rate=args.rate, average=0.999)
    torch.manual_seed(recipe.seed)
    net = MODELS[args.model]()
    if args.start:
        start_from(net, args.start)
    args.output.mkdir(parents=True, exist_ok=True)
    fit(
        net,
        images,
        labels,
        recipe,
        prepare=lambda x, generator: augmented(normalise(x, MEAN, STD), generator),
        checkpoint=args.output / f"{args.model}.checkpoint",
    )
    torch.save(net.state_dict(), args.output / f"{args.model}.pt")
    for split in ("held-out", "test"):
        images, labels = (torch.tensor(array) for array in cifar10(root, split))
        share = accuracy(net, normalise(images, MEAN, STD), labels)
        print(f"{args.model}: {100 * share:.2f} % of the {len(labels)} images of split {split}")


if __name__ == "__main__":
    main()

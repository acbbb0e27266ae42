"""Trains a float network on CIFAR-10: vgg11, resnet18, resnet20 or alexnet.

    pip install -e '.[train]'
    python tools/train_cifar10.py vgg11 --data cifar-10-batches-bin -o DIR

Trains on the first 40,000 training images; the last 10,000 are held out, and reported beside the
test images. A checkpoint in DIR is written every five minutes, and the same command goes on from
it. `--start FILE.onnx` begins with the weights of a trained network of the same form. `--sizes
16,24,32` trains a third of the time on smaller images each (networks with a global average pool).
`--teacher MODEL=FILE.onnx`, once or more, names trained networks whose mean output it learns from,
`--teach` how much beside the labels. `--optimiser muon` makes the momentum of kernels orthogonal.
`--bf16` trains in bfloat16, on processors that multiply it more than twice as fast. `--coarse 0.3`
rounds the activations of half of the images in the last 0.3 of the training, as radix coding will
(`--levels 15` is T = 4), so that the network loses little when it is converted.
Writes DIR/MODEL.onnx. Without --data the images are read from SNNIR_DATA.
"""

from pathlib import Path

from extras import torch
from recipes import DATA, MODELS, Recipe, Task, add_arguments, add_teachers, run, teachers

from snnir.tools.arguments import positive, several, share, whole
from snnir.tools.errors import ArgumentParser
from snnir.training.fit import sgd
from snnir.training.muon import muon
from snnir.training.plain import export_plain
from snnir.training.start import start_from
from snnir.training.teaching import TaughtByMany

OPTIMISERS = {"sgd": sgd, "muon": muon}


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=[m for m in MODELS if m not in DATA])
    add_arguments(parser)
    parser.add_argument("--epochs", type=positive, default=40)
    parser.add_argument("--rate", type=positive, default=0.1, help="highest learning rate")
    parser.add_argument("--start", type=Path, metavar="FILE.onnx")
    parser.add_argument("--batch", type=whole(1), default=128, help="images a step")
    parser.add_argument("--optimiser", choices=OPTIMISERS, default="sgd")
    add_teachers(parser)
    parser.add_argument("--teach", type=share, default=0.9, metavar="SHARE")
    parser.add_argument("--sizes", type=several(whole(8)), default=(), metavar="N,...")
    parser.add_argument("--coarse", type=share, default=0.0, metavar="SHARE",
                        help="of the training, half of the images rounded")  # fmt: skip
    parser.add_argument("--levels", type=whole(1), default=15, help="to which they are rounded")
    args = parser.parse_args()

    others = teachers(args)
    task = Task(args.model, args)
    torch.manual_seed(task.seed)
    net = MODELS[args.model]()
    if args.start:
        start_from(net, args.start, task.plain(task.calibration))
    recipe = Recipe(
        epochs=args.epochs, rate=args.rate, batch=args.batch, sizes=args.sizes,
        coarse=args.coarse, levels=args.levels, **task.recipe,
    )  # fmt: skip
    loss = TaughtByMany(others, args.teach, task.recipe["smoothing"]) if others else None
    task.train(net, "", recipe, task.prepared_plain, loss, OPTIMISERS[args.optimiser])
    export_plain(net, task.file(f"{args.model}.onnx"), task.shape)
    task.report(net, "float", task.plain)


if __name__ == "__main__":
    run(main)

"""Trains a network of leaky integrate-and-fire neurons by surrogate gradients.

    pip install -e '.[train]'
    python tools/train_lif.py patchnet --float-epochs 60 --epochs 40 -o DIR

The image enters as multi-bit input at each of `--steps` steps; weights are rounded to `--bits`
bits; weights, thresholds and leaks are trained. It starts from a float network of the same form:
that of --start, or one that is trained first, whose accuracy is printed beside. Writes
DIR/MODEL.onnx, which `snnc compile` takes as it is. Checkpoints in DIR are written every five
minutes, and the same command goes on from them.

patchnet is trained on Landsat Satimage (sat.trn, sat.tst), patchnet3d on the same as volumes whose
slices are the bands, lenet5 on MNIST, the others on CIFAR-10, from the files in --data, without it
from SNNIR_DATA.

Source: Rathi and Roy, DIET-SNN, IEEE TNNLS 34 (2023); Datta et al., ACE-SNN, Frontiers in
Neuroscience 16 (2022).
"""

from pathlib import Path

from extras import torch
from recipes import MODELS, Recipe, Task, add_arguments, add_spiking_arguments, run

from snnir.tools.arguments import not_negative, positive, whole
from snnir.tools.errors import ArgumentParser
from snnir.training.conversion import spiking
from snnir.training.export import export_onnx
from snnir.training.plain import export_plain
from snnir.training.start import start_from


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=MODELS)
    add_arguments(parser)
    parser.add_argument("--start", type=Path, metavar="FILE.onnx")
    add_spiking_arguments(parser, batch=128, through="steps")
    parser.add_argument("--steps", type=whole(1, 16), default=5)
    parser.add_argument("--bits", type=whole(2, 8), default=6)
    parser.add_argument("--float-epochs", type=positive, default=60)
    parser.add_argument("--float-rate", type=positive, default=0.1, help="of the float network")
    parser.add_argument(
        "--even-epochs", type=not_negative, default=0, help="as if spikes were even"
    )
    parser.add_argument("--epochs", type=not_negative, default=40)
    parser.add_argument("--rate", type=positive, default=0.02, help="highest learning rate")
    args = parser.parse_args()

    task = Task(args.model, args)
    torch.manual_seed(task.seed)
    net = MODELS[args.model]()
    if args.start:
        start_from(net, args.start)
    else:
        recipe = Recipe(epochs=args.float_epochs, rate=args.float_rate, **task.recipe)
        task.train(net, "float.", recipe, task.prepared_plain)
        export_plain(net, task.file(f"{args.model}_float.onnx"), task.shape)
    task.report(net, "float", task.plain)
    network = spiking(net, task.pixels, task.calibration, coding="rate", steps=args.steps,
                      bits=args.bits, leaky=True)  # fmt: skip
    network.through, loss = args.through, task.taught(net, args)
    batch = {"batch": args.steps_batch}
    for name, epochs, how in (("even", args.even_epochs, {}), ("lif", args.epochs, batch)):
        network.evenly = name == "even"
        if epochs:
            recipe = Recipe(epochs=epochs, rate=args.rate, **how, **task.recipe)
            task.train(network, f"{name}.", recipe, task.prepared, loss)
        task.report(network, f"{name}, {epochs:g} epochs", task.pixels.real)
    leaks = [
        f"{layer.leak.detach().abs():.3f}" for layer in network.layers() if layer.leak is not None
    ]
    print(f"leaks a step: {', '.join(leaks)}")
    export_onnx(network, task.file(f"{args.model}.onnx"), task.shape)


if __name__ == "__main__":
    run(main)

"""Fine-tunes a trained network with the integers it will be compiled to (QCFS, quantised weights).

    pip install -e '.[train]'
    python tools/train_qat.py lenet5 --start examples/lenet5.onnx --bits 4 --steps 4 -o DIR

Weights are rounded to `--bits` bits, one scale for each output channel, and activations to the
values of the trains; both scales are trained. With `--coding rate` the first `--epochs` count
spikes as if they came evenly, and `--steps-epochs` more run all steps as the neurons will, with
gradients through the counts of spikes or (`--through steps`) through each of them. With `--teach`
and `--teach-layers` it learns from the float network too, and with `--teacher MODEL=FILE.onnx` from
the mean output of that and others. `--mix SHARE` puts a rectangle of another image into each, which
only teachers know to answer. `--optimiser grid` measures steps in rounding steps, so that one
`--rate` (0.02, say) suits all layers. `--images 1024 --teach 1` tunes on calibration data alone:
few images, no labels. `--weights FILE` starts with what a run of this script for other steps or
another coding has learnt: its checkpoint; of several, with the mean of their weights. `--equalise`
first divides each channel by what it fires of its layer's threshold, and multiplies the weights
that read it.
`--ahead N` lets neurons of rate coding integrate N steps before they first fire, and `--margin N`
asks for N quarters of their threshold more while currents are still to come. `--settle N` fits
biases to the spikes of N images before it trains step by step.
Writes DIR/MODEL.onnx, which `snnc compile` takes as it is. A checkpoint in DIR is written every
five minutes, and the same command goes on from it.

MNIST (lenet5) is read from the idx files in --data, CIFAR-10 (the others) from its binary version;
without --data from SNNIR_DATA.
"""

from pathlib import Path

from recipes import MODELS, Recipe, Task, add_arguments, add_spiking_arguments, run

from snnir.dialects.onnx_shapes import GIVEN_RANGES
from snnir.tools.arguments import not_negative, positive, share, whole
from snnir.tools.errors import ArgumentParser
from snnir.training.conversion import spiking
from snnir.training.equalising import equalise
from snnir.training.export import export_onnx
from snnir.training.fit import sgd
from snnir.training.grid import on_grid
from snnir.training.settling import settle
from snnir.training.start import learnt_by, start_from
from snnir.training.trains import Code

OPTIMISERS = {"sgd": sgd, "grid": on_grid}


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=MODELS)
    add_arguments(parser)
    parser.add_argument("--start", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--coding", choices=("radix", "rate"), default="radix")
    parser.add_argument("--steps", type=whole(1, 16), default=4)
    parser.add_argument("--bits", type=whole(2, 8), default=4)
    parser.add_argument("--epochs", type=not_negative, default=10)
    parser.add_argument("--rate", type=positive, default=0.01, help="highest learning rate")
    parser.add_argument("--batch", type=whole(1), default=128, help="images a step")
    parser.add_argument("--optimiser", choices=OPTIMISERS, default="sgd")
    parser.add_argument("--steps-epochs", type=not_negative, default=0)
    parser.add_argument("--steps-rate", type=positive, default=0.003, help="highest, step by step")
    add_spiking_arguments(parser, batch=32, through="counts")
    parser.add_argument("--mix", type=share, default=0.0, metavar="SHARE",
                        help="of an image that is another's, at most; needs --teach 1")  # fmt: skip
    parser.add_argument("--ahead", type=whole(*GIVEN_RANGES["ahead"]), default=0, metavar="N",
                        help="steps, rate coding")  # fmt: skip
    parser.add_argument("--margin", type=whole(*GIVEN_RANGES["margin"]), default=0, metavar="N",
                        help="quarters of the threshold, rate coding")  # fmt: skip
    parser.add_argument("--settle", type=whole(0), default=0, metavar="N",
                        help="images, rate coding")  # fmt: skip
    parser.add_argument("--weights", type=Path, action="append", metavar="FILE.checkpoint",
                        help="of another training; may be repeated")  # fmt: skip
    parser.add_argument("--equalise", action="store_true", help="channels, before anything else")
    args = parser.parse_args()

    if args.settle and args.coding != "rate":
        raise ValueError("--settle: only networks of rate coding are settled")
    if args.mix and args.teach < 1:
        raise ValueError("--mix: no label says what mixed images show; use --teach 1")
    task = Task(args.model, args)
    task.mix = args.mix
    net = MODELS[args.model]()
    start_from(net, args.start)
    if args.equalise:
        levels = Code(args.coding, args.steps).levels
        equalise(net, task.plain(task.calibration), levels)
    network = spiking(net, task.pixels, task.calibration, coding=args.coding, steps=args.steps,
                      bits=args.bits, ahead=args.ahead, margin=args.margin)  # fmt: skip
    if args.weights:
        learnt_by(network, *args.weights)
    task.report(network, "before training", task.pixels.real)
    plans = {
        "even": (args.epochs, {"rate": args.rate, "batch": args.batch}),
        "steps": (args.steps_epochs, {"rate": args.steps_rate, "batch": args.steps_batch}),
    }
    network.through, loss = args.through, task.taught(net, args)
    for name, (epochs, how) in plans.items():
        network.evenly = name == "even"
        if name == "steps" and args.settle:
            settle(network, net, task.pixels.real(task.calibration[: args.settle]))
            task.report(network, f"settled on {args.settle} images", task.pixels.real)
        if epochs:
            recipe = Recipe(epochs=epochs, decay=1e-4, **how, **task.recipe)
            task.train(network, f"{name}.", recipe, task.prepared, loss, OPTIMISERS[args.optimiser])
            task.report(network, f"after {epochs:g} epochs", task.pixels.real)
    export_onnx(network, task.file(f"{args.model}.onnx"), task.shape)


if __name__ == "__main__":
    run(main)

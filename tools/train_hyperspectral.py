"""Trains HybridSN on a hyperspectral scene, as a float network and with leaky neurons.

    pip install -e '.[train,hyperspectral]'
    python tools/train_hyperspectral.py --cube Indian_pines_corrected.mat \
        --truth Indian_pines_gt.mat --split apart -o DIR

The spectra are reduced to `--components` principal components; a pixel is told by the `--size` x
`--size` patch around it. With `--split apart` no patch that is tested on has a pixel in common with
one that is trained on; with `--split random` pixels are chosen at random, as in most papers, and
patches overlap: the accuracy is then not one on scenes that were not seen. Writes
DIR/hybrid_sn.onnx, which `snnc compile` takes as it is, and DIR/test.npz. Checkpoints in DIR; the
same command goes on from them.

Source: Roy et al., HybridSN, IEEE GRSL 17 (2020); Datta et al., ACE-SNN, Frontiers in Neuroscience
16 (2022): direct input, weights of 6 bits, leak and threshold trained, T = 5.
"""

from argparse import Namespace
from pathlib import Path

import numpy as np
from extras import torch
from recipes import Recipe, device, run

from snnir.errors import UserError
from snnir.tools.arguments import between, positive, whole
from snnir.tools.errors import ArgumentParser
from snnir.training import hyperspectral as hs
from snnir.training.augment import turned
from snnir.training.conversion import spiking
from snnir.training.export import export_onnx
from snnir.training.fit import fit
from snnir.training.models import HybridSN
from snnir.training.plain import export_plain
from snnir.training.trains import Pixels

CALIBRATION = 256
"""Patches from which thresholds are chosen before training."""

BATCH = 250
SEED = 7


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR")
    add("--cube", type=Path, required=True, metavar="FILE.mat")
    add("--truth", type=Path, required=True, metavar="FILE.mat")
    add("--cube-name", help="the variable, where the file has several")
    add("--truth-name")
    add("--components", type=whole(1), default=30)
    add("--size", type=whole(1), default=25)
    add("--split", choices=("apart", "random"), default="apart")
    add("--share", type=between(0, 1), default=0.3, help="of each class to train on (0.3)")
    add("--steps", type=whole(1, 16), default=5)
    add("--bits", type=whole(2, 8), default=6)
    add("--float-epochs", type=positive, default=60)
    add("--float-rate", type=positive, default=0.02)
    add("--epochs", type=positive, default=30)
    add("--rate", type=positive, default=0.005, help="highest learning rate")
    add("--batch", type=whole(1), default=64)
    add("--threads", type=whole(1), default=torch.get_num_threads())
    add("--device", type=device, default="cpu", help="cpu or cuda (cpu)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)

    scene, truth, split = read(args)
    classes = int(truth.max())
    images = torch.tensor(hs.patches(scene, split.train, args.size))
    labels = torch.tensor(hs.labels_at(truth, split.train))
    pixels = Pixels((hs.ZERO / 255,), (hs.STEPS / 255,))
    # A class of few pixels may have none to test on, where train and test lie apart.
    tested = np.unique(hs.labels_at(truth, split.test))
    counts = f"{len(split.train):,} pixels to train on, {len(split.test):,} to test on"
    print(f"{counts}, {split.unused:,} between them; {len(tested)} of {classes} classes are tested")

    def report(net: torch.nn.Module, what: str, prepare) -> None:
        found = predicted(net.eval().to("cpu"), scene, split.test, args.size, prepare)
        result = hs.scores(found, hs.labels_at(truth, split.test))
        right = f"{100 * result.overall:.2f} % of all test pixels, {100 * result.average:.2f} %"
        print(f"{what}: {right} in the mean of the classes, kappa {result.kappa:.4f}", flush=True)

    def prepare(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return turned(pixels.real(batch), generator)

    how = {"prepare": prepare, "device": args.device}
    recipe = {"batch": args.batch, "seed": SEED}
    net = HybridSN(args.components, args.size, classes)
    first = Recipe(epochs=args.float_epochs, rate=args.float_rate, **recipe)
    args.output.mkdir(parents=True, exist_ok=True)
    fit(net, images, labels, first, checkpoint=args.output / "float.checkpoint", **how)
    shape = tuple(images.shape[1:])
    export_plain(net.cpu(), args.output / "hybrid_sn_float.onnx", shape)
    report(net, "float", pixels.real)
    network = spiking(net, pixels, images[:CALIBRATION], coding="rate", steps=args.steps,
                      bits=args.bits, leaky=True)  # fmt: skip
    network.evenly = False
    second = Recipe(epochs=args.epochs, rate=args.rate, **recipe)
    fit(network, images, labels, second, checkpoint=args.output / "lif.checkpoint", **how)
    report(network, f"leaky neurons, {args.steps} steps, {args.bits}-bit weights", pixels.real)
    export_onnx(network.cpu(), args.output / "hybrid_sn.onnx", shape)
    some = np.random.default_rng(SEED).permutation(len(split.test))[:1000]
    places = split.test[np.sort(some)]
    np.savez(args.output / "test.npz", x=hs.patches(scene, places, args.size),
             y=hs.labels_at(truth, places))  # fmt: skip


def read(args: Namespace) -> tuple[np.ndarray, np.ndarray, hs.Split]:
    """The scene as pixels (H, W, components), its classes, and which are trained and tested on."""
    cube = hs.load_cube(args.cube, args.cube_name)
    truth = hs.load_truth(args.truth, args.truth_name)
    if cube.shape[:2] != truth.shape:
        size = " and ".join(f"{h}x{w}" for h, w in (cube.shape[:2], truth.shape))
        raise UserError(f"cube and classes are of different scenes: {size} pixels")
    if args.split == "random":
        split = hs.random_split(truth, args.share, SEED)
    else:
        split = hs.apart_split(truth, args.share, args.size, SEED)
    if not len(split.test):
        raise UserError(
            "nothing is left to test on",
            hint="use a smaller --share, a smaller --size or --split random",
        )
    return hs.pixels_of(hs.principal(cube, args.components)), truth, split


def predicted(net, scene: np.ndarray, places: np.ndarray, size: int, prepare) -> np.ndarray:
    """The class of each place, batch by batch, since all patches together take much memory."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(places), BATCH):
            part = torch.tensor(hs.patches(scene, places[first : first + BATCH], size))
            found.append(net(prepare(part)).argmax(1).numpy())
    return np.concatenate(found)


if __name__ == "__main__":
    run(main)

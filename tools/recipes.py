"""What the training scripts share: a network's data, its pixels, how images are changed."""

from __future__ import annotations

import ctypes
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from datasets import read
from extras import torch

from snnir.errors import UserError
from snnir.tools.arguments import not_negative, share, whole
from snnir.tools.errors import ArgumentParser
from snnir.training.augment import augmented, distorted, mixed, normalise, turned
from snnir.training.fit import Recipe, accuracy, fit
from snnir.training.models import MODELS
from snnir.training.start import start_from
from snnir.training.teaching import Taught
from snnir.training.trains import Pixels

CALIBRATION = 512
"""Images from which thresholds are chosen before training."""

MEANS = {
    "mnist": ((0.0,), (1.0,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "satimage": ((0.2711, 0.3273, 0.389, 0.3238), (0.0532, 0.0894, 0.0654, 0.0739)),
    "satimage_volumes": ((0.3278,), (0.083,)),
}
"""Mean and deviation of the training images' channels (MNIST as it is), of 0..1."""

NARROW = ("resnet20",)
"""Networks of few channels: convolutions are faster with channels last (on a CPU), and what they
learn is limited by their size, so that nothing is cut out of their images."""

DATA = {"lenet5": "mnist", "patchnet": "satimage", "patchnet3d": "satimage_volumes"}
"""What networks are trained on; others on CIFAR-10."""

CHANGES = {"mnist": distorted, "cifar10": augmented, "satimage": turned, "satimage_volumes": turned}
SMOOTHING = {"mnist": 0.0, "cifar10": 0.1, "satimage": 0.1, "satimage_volumes": 0.1}


def run(main: Callable[[], None]) -> None:
    """A recipe; what is wrong with its files or options is one line."""
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


def keep_memory() -> None:
    """Lets malloc keep what a step has freed for the next one, where it is that of glibc.

    Otherwise each large tensor is pages that the system clears again in every step: of VGG-11, rate
    coding with T = 8 step by step, 32 images on one core take 1.53 s with that and 1.39 s without.
    """
    trim_threshold, mmap_max = -1, -4
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, -1)


def device(text: str) -> str:
    """Where networks are trained."""
    if text != "cpu" and not (text.split(":")[0] == "cuda" and torch.cuda.is_available()):
        raise ArgumentTypeError(f"takes cpu, or cuda where there is one, not '{text}'")
    return text


def decay(text: str) -> float:
    """A share below 1: with 1 an average would never move."""
    if (value := share(text)) == 1:
        raise ArgumentTypeError(f"takes a share from 0 to below 1, not '{text}'")
    return value


def add_arguments(parser: ArgumentParser) -> None:
    """The options of every recipe."""
    add = parser.add_argument
    add("-o", "--output", type=Path, required=True, metavar="DIR")
    add("--data", type=Path, metavar="DIR", help="the files as distributed (SNNIR_DATA)")
    add("--threads", type=whole(1), default=torch.get_num_threads())
    add("--no-report", action="store_true", help="leave the accuracies to snnc run")
    add("--device", type=device, default="cpu", help="cpu or cuda (cpu)")
    add("--bf16", action="store_true", help="multiply in bfloat16")
    add("--average", type=decay, metavar="DECAY", help="of the weights' average, per step (0.999)")
    add("--images", type=whole(1), metavar="N", help="train on the first N images (all)")


def add_spiking_arguments(parser: ArgumentParser, batch: int, through: str) -> None:
    """The options of recipes that run neurons step by step."""
    add = parser.add_argument
    add("--steps-batch", type=whole(1), default=batch,
        help="images a step, where neurons run all steps")  # fmt: skip
    add("--through", choices=("counts", "steps"), default=through, help="where gradients go")
    add("--teach", type=share, default=0.0, metavar="SHARE",
        help="of the float network's outputs beside the labels")  # fmt: skip
    add("--teach-layers", type=not_negative, default=0.0, metavar="WEIGHT",
        help="of what the float network's layers answer")  # fmt: skip
    add_teachers(parser)


def add_teachers(parser: ArgumentParser) -> None:
    """The option that names trained networks."""
    parser.add_argument("--teacher", action="append", default=[], metavar="MODEL=FILE.onnx",
                        help="another float network that teaches; may be repeated")  # fmt: skip


def teachers(args: Namespace) -> list[torch.nn.Module]:
    """The trained networks that MODEL=FILE.onnx, once or more, names."""
    found = []
    for text in args.teacher:
        model, given, path = text.partition("=")
        if not given or model not in MODELS:
            raise ValueError(f"--teacher {text}: it is MODEL=FILE.onnx, MODEL of {list(MODELS)}")
        found.append(MODELS[model]())
        start_from(found[-1], Path(path))
    return found


class Task:
    """The data of a model and what is done to them.

    Args:
        args: the options of `add_arguments`.
    """

    seed = 7
    mix = 0.0
    """Of an image that the spiking network is trained on, at most so much is another's."""

    def __init__(self, model: str, args: Namespace) -> None:
        torch.set_num_threads(args.threads)
        keep_memory()
        self.model, self.folder, self.output = model, args.data, args.output
        self.data = DATA.get(model, "cifar10")
        self.images, self.labels = self.split("train")
        if args.images is not None:
            if args.images > len(self.images):
                raise ValueError(f"--images {args.images}: it is 1 to {len(self.images)}")
            self.images, self.labels = self.images[: args.images], self.labels[: args.images]
        self.shape = tuple(self.images.shape[1:])
        self.calibration = self.images[:CALIBRATION]
        self.pixels, self.silent = Pixels(*MEANS[self.data]), args.no_report
        last = args.bf16 or model in NARROW
        self.how = {"device": args.device, "channels_last": last, "bf16": args.bf16}
        self.recipe: dict[str, Any] = {
            "average": 0.999 if len(self.images) > 10_000 else 0.99,
            "smoothing": SMOOTHING[self.data],
            "seed": self.seed,
        }
        if args.average is not None:
            self.recipe["average"] = args.average

    def split(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = (torch.tensor(array) for array in read(self.data, name, self.folder))
        return images, labels

    def file(self, name: str) -> Path:
        """A file to write; its folder is made when it is asked for, not before all options hold."""
        self.output.mkdir(parents=True, exist_ok=True)
        return self.output / name

    def plain(self, images: torch.Tensor) -> torch.Tensor:
        """What the float network takes of uint8 images."""
        return normalise(images, *MEANS[self.data])

    def prepared_plain(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self.changed(self.plain(images), generator)

    def prepared(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What the spiking network is trained on."""
        x = self.changed(self.pixels.real(images), generator)
        return mixed(x, generator, self.mix) if self.mix else x

    def changed(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if self.model in NARROW:
            return augmented(x, generator, cut=0)
        return CHANGES[self.data](x, generator)

    def train(
        self,
        net: torch.nn.Module,
        name: str,
        recipe: Recipe,
        prepare: Callable,
        loss: Callable | None = None,
        optimiser: Callable | None = None,
    ) -> None:
        """Trains, with the checkpoint MODEL.NAME.checkpoint."""
        how = dict(self.how)
        if how["bf16"] and not getattr(net, "evenly", True):
            # Measured: a step of T planes takes a fifth less with channels first.
            how["channels_last"] = False
        checkpoint = self.file(f"{self.model}.{name}checkpoint")
        fit(net, self.images, self.labels, recipe, prepare=prepare, checkpoint=checkpoint,
            loss=loss, optimiser=optimiser, **how)  # fmt: skip

    def taught(self, net: torch.nn.Module, args: Namespace) -> Taught | None:
        """The loss of what learns from the float network too."""
        if args.teacher and not args.teach:
            raise ValueError("--teacher: what it says is only heard with --teach")
        if not args.teach and not args.teach_layers:
            return None
        others = teachers(args)
        return Taught(net, args.teach, args.teach_layers, self.recipe["smoothing"], others)

    def report(self, net: torch.nn.Module, what: str, prepare: Callable) -> None:
        """Prints the accuracy on what was not trained on."""
        if self.silent:
            return
        for name in ("held-out", "test") if self.data == "cifar10" else ("test",):
            images, labels = self.split(name)
            share = accuracy(net, prepare(images), labels)
            print(
                f"{self.model}, {what}: {100 * share:.2f} % of {len(labels):,} images ({name})",
                flush=True,
            )


__all__ = [
    "MODELS",
    "Recipe",
    "Task",
    "add_arguments",
    "add_spiking_arguments",
    "add_teachers",
    "run",
    "teachers",
]

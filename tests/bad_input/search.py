"""`snnc explore`."""

import numpy as np

from bad_input.cases import case
from bad_input.files import KERNEL, conv, node, with_digits, write_model

EXPLORE = "explore model.onnx --cache .cache --workers 1 --timesteps 4 --weight-bits 4"


@case(
    "searched banks that are no power of two",
    f"{EXPLORE} --banks 4,6",
    "--banks",
    "powers of two",
    "'6'",
)
def _() -> None:
    with_digits()


@case("workers that are neither", f"{EXPLORE} --workers many", "--workers", "tcp://host:8786")
def _() -> None:
    with_digits()


@case("plot of another kind", f"{EXPLORE} --plot front.png", "--plot", "name a .svg file")
def _() -> None:
    with_digits()


@case(
    "labels that the searched network does not have", f"{EXPLORE} --data data.npz",
    "data.npz", "the label 12", "10 outputs",
)  # fmt: skip
def _() -> None:
    with_digits(x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3, 12]))


@case("search of what is not supported", EXPLORE, "'act' (Sigmoid)", "not supported", "Relu")
def _() -> None:
    write_model([conv("x", "w", "c"), node("Sigmoid", ["c"], "act"), node("Relu", ["act"], "y")],
                [("w", KERNEL)])  # fmt: skip


@case("accuracy without labels", f"{EXPLORE} --min-accuracy 0.9", "--min-accuracy", "no labels")
def _() -> None:
    with_digits()


@case("search of no room", f"{EXPLORE} --max-luts 50 --input-scale 1/16", "50 LUTs", "designs")
def _() -> None:
    with_digits()

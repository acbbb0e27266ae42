"""Weights from a memory outside the chip."""

import shutil

from bad_input.cases import case
from bad_input.files import COMPILE, RUN, build, digits_build, with_digits


@case(
    "memory of weights that are on the chip", f"{RUN} --ddr-rate 1",
    "--ddr-rate", "no effect", "build",
)  # fmt: skip
def _() -> None:
    build()


@case("memory without latency", f"{RUN} --ddr-latency 0", "--ddr-latency", "1 to 1000000", "'0'")
def _() -> None:
    build()


@case(
    "memory that is too slow", "run stream --input data.npz --ddr-rate 0.001", "0.001 GB/s", "use"
)
def _() -> None:
    build()
    shutil.copytree(digits_build("--weights", "stream").name, "stream")


@case(
    "pauses of a memory without Verilog",
    "verify build --input data.npz --engines interp,c --ddr-pauses 3",
    "--ddr-pauses", "no effect",
)  # fmt: skip
def _() -> None:
    build()


@case("batch of too many images", f"{COMPILE} --batch 9", "--batch", "1 to 8", "'9'")
def _() -> None:
    with_digits()


@case(
    "batch of weights on the chip", f"{COMPILE} --weights onchip --batch 4",
    "batch=4", "kept on the chip", "weights=stream",
)  # fmt: skip
def _() -> None:
    with_digits()

"""Options out of range, misspelt or missing, and where the output goes."""

from pathlib import Path

import numpy as np

from bad_input.cases import case
from bad_input.files import COMPILE, build, with_digits


@case("too many time steps", f"{COMPILE} --timesteps 17", "--timesteps", "1 to 16", "'17'")
def _() -> None:
    with_digits()


@case("steps of no layer", f"{COMPILE} --steps-of nowhere:3", "steps-of", "'nowhere'", "layers are")
def _() -> None:
    with_digits()


@case("bits of a layer, without a number", f"{COMPILE} --bits-of conv1", "--bits-of", "LAYER:N")
def _() -> None:
    with_digits()


@case(
    "budget of no time", f"{COMPILE} --calibration c.npz --budget cycles=0", "cycles=0", "no time"
)
def _() -> None:
    with_digits()


@case("weights of one bit", f"{COMPILE} --weight-bits 1", "--weight-bits", "2 to 8", "'1'")
def _() -> None:
    with_digits()


@case("unknown coding", f"{COMPILE} --coding radicle", "--coding", "'radicle'", "radix")
def _() -> None:
    with_digits()


@case("input scale of zero", f"{COMPILE} --input-scale 0", "--input-scale", "above 0", "'0'")
def _() -> None:
    with_digits()


@case("mean of too many channels", f"{COMPILE} --mean .1,.2,.3", "mean", "3 values", "give 1")
def _() -> None:
    with_digits()


@case("banks that are no power of two", f"{COMPILE} --array 6,16,4", "--array", "power of two", "6")
def _() -> None:
    with_digits()


@case(
    "fewer planes than time steps", f"{COMPILE} --array 8,16,2 --input-scale 1",
    "planes=2", "4 steps", "planes=4",
)  # fmt: skip
def _() -> None:
    with_digits(x=np.full((9, 1, 8, 8), 5, np.uint8))


@case("misspelt option", f"{COMPILE} --timestep 4", "--timestep", "did you mean '--timesteps'?")
def _() -> None:
    with_digits()


@case("misspelt command", "comple model.onnx", "'comple'", "did you mean 'compile'?")
def _() -> None:
    pass


@case("no output folder named", "compile model.onnx", "-o", "required", "--help")
def _() -> None:
    with_digits()


@case(
    "output folder with other files in it", COMPILE, "out", "neither empty nor a build folder", "-o"
)
def _() -> None:
    with_digits()
    Path("out").mkdir()
    Path("out/thesis.tex").touch()


@case(
    "build folder with a foreign file in it",
    "compile model.onnx -o build",
    "build",
    "'notes.txt'",
    "-o",
)
def _() -> None:
    with_digits()
    build()
    Path("build/notes.txt").touch()


@case("output that is a file", COMPILE, "out", "not a folder", "-o")
def _() -> None:
    with_digits()
    Path("out").touch()


@case(
    "output below a file",
    "compile model.onnx -o model.onnx/out",
    "model.onnx/out",
    "cannot write",
    "-o",
)
def _() -> None:
    with_digits()

"""Devices on which a network does not fit."""

from pathlib import Path

import numpy as np

from bad_input.cases import case
from bad_input.files import COMPILE, with_digits


@case("unknown target", f"{COMPILE} --target pinq-z2", "'pinq-z2'", "did you mean 'pynq-z2'?")
def _() -> None:
    with_digits()


@case(
    "broken target file",
    f"{COMPILE} --target small.toml",
    "small.toml",
    "not a TOML file",
    quotes=True,
)
def _() -> None:
    with_digits()
    Path("small.toml").write_text("name = ")


TARGET = """\
name = "small"
part = "none"
lut = 20000
ff = 40000
bram36 = 2
dsp = 0
clock_mhz = 100
ddr_gbps = 0
lut_share = 0.8
max_operations = 1024
max_banks = 16
"""


@case(
    "target file without a field",
    f"{COMPILE} --target small.toml",
    "small.toml",
    "'lut'",
    "missing",
)
def _() -> None:
    with_digits()
    Path("small.toml").write_text(TARGET.replace("lut = 20000\n", ""))


@case(
    "network too large for the target",
    "compile model.onnx -o out --target small.toml --calibration data.npz",
    "small", "BRAM36", "too many", "larger target",
)  # fmt: skip
def _() -> None:
    with_digits(x=np.full((9, 1, 8, 8), 5, np.uint8))
    Path("small.toml").write_text(TARGET)


@case(
    "weights that alone exceed the target",
    f"{COMPILE} --target small.toml --weights onchip",
    "model.onnx", "4,956 weights of 8 bits", "BRAM36", "--weight-bits",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("small.toml").write_text(TARGET.replace("bram36 = 2", "bram36 = 1"))

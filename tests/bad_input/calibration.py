"""Calibration data that are none."""

from pathlib import Path

import numpy as np

from bad_input.cases import case
from bad_input.files import conv, with_digits, write_model

CALIBRATE = "compile model.onnx -o out --calibration data.npz"


@case("missing calibration data", CALIBRATE, "data.npz", "No such file")
def _() -> None:
    with_digits()


@case("not an .npz file", CALIBRATE, "data.npz", "not an .npz", "numpy.savez")
def _() -> None:
    with_digits()
    np.save("data.npy", np.zeros(3))
    Path("data.npy").rename("data.npz")


@case("truncated .npz file", CALIBRATE, "data.npz", "archive", "numpy.savez", quotes=True)
def _() -> None:
    with_digits(x=np.zeros((9, 1, 8, 8), np.float32))
    Path("data.npz").write_bytes(Path("data.npz").read_bytes()[:500])


@case("no array x", CALIBRATE, "data.npz", "no array 'x'", "images", "numpy.savez")
def _() -> None:
    with_digits(images=np.zeros((9, 1, 8, 8), np.float32))


@case("calibration images of another size", CALIBRATE, "data.npz", "1x9x9", "1x8x8", "(N, 1, 8, 8)")
def _() -> None:
    with_digits(x=np.zeros((9, 1, 9, 9), np.float32))


@case("channels last", CALIBRATE, "data.npz", "moveaxis")
def _() -> None:
    write_model([conv("x", "w", "y")], [("w", np.ones((1, 3, 3, 3)))], shape=(1, 3, 4, 4))
    np.savez("data.npz", x=np.zeros((9, 4, 4, 3), np.uint8))


@case("NaN in calibration images", CALIBRATE, "data.npz", "NaN", "sample 4", "remove")
def _() -> None:
    x = np.zeros((9, 1, 8, 8), np.float32)
    x[4, 0, 2, 2] = np.nan
    with_digits(x=x)


@case("no calibration images", CALIBRATE, "data.npz", "no samples", "numpy.savez")
def _() -> None:
    with_digits(x=np.zeros((0, 1, 8, 8), np.float32))


@case(
    "Python objects instead of arrays",
    CALIBRATE,
    "data.npz",
    "plain arrays",
    "numpy.savez",
    quotes=True,
)
def _() -> None:
    with_digits(x=np.array([{"a": 1}, None], object))


@case("images of integers that are no pixels", CALIBRATE, "data.npz", "int64", "uint8")
def _() -> None:
    with_digits(x=np.zeros((9, 1, 8, 8), np.int64))

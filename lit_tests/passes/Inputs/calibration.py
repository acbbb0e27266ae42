"""Writes tiny calibration archives: FILE (one pixel, 0..10), FILE.nan (2x2), FILE.y (no x),
FILE.equal (three pixels that are always equal)."""

import sys

import numpy as np

path = sys.argv[1]
for name, arrays in {
    path: {"x": np.arange(11, dtype=np.float32).reshape(11, 1)},
    f"{path}.nan": {"x": np.full((2, 1, 2, 2), np.nan, np.float32)},
    f"{path}.y": {"y": np.zeros(3)},
    f"{path}.equal": {"x": np.repeat(np.arange(11, dtype=np.float32), 3).reshape(11, 3)},
}.items():
    with open(name, "wb") as file:
        np.savez(file, **arrays)

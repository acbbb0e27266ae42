"""Reads `.npz` files of samples: `x`, the inputs, and, where there are labels, `y`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snnir.analysis.npz import HINT, read_npz
from snnir.analysis.windows import split_windows
from snnir.errors import UserError


@dataclass(frozen=True)
class Samples:
    """Inputs (N, C, H, W), uint8 pixels or floats as the model takes them, and labels (N,).

    Of a network whose samples are several windows inputs are (N, W, C, H, W).
    """

    x: np.ndarray
    y: np.ndarray | None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int | None) -> Samples:
        """The first `count` samples; all of them for None."""
        if count is None:
            return self
        return Samples(self.x[:count], None if self.y is None else self.y[:count])


def load_samples(
    path: str | Path, shape: Sequence[int], outputs: int | None = None, windows: int = 1
) -> Samples:
    """Read samples for a model whose input has the shape `shape`, without the batch.

    Args:
        outputs: number of the network's outputs; labels must be below it.
        windows: of a sample, 0 for any number; inputs are (N, windows, ...) unless there is 1.

    Raises:
        UserError: the file is not a readable .npz, or what it holds does not fit the model.
    """
    arrays = read_npz(path)
    x, y = arrays["x"], arrays.get("y")
    if windows != 1 and x.ndim:
        try:
            x = split_windows(x, math.prod(shape), windows)
        except UserError as error:
            raise UserError(error.what, where=str(path), hint=error.hint) from None
        each = _inputs(x.reshape(-1, *x.shape[2:]), tuple(shape), path)
        x = each.reshape(len(x), -1, *shape)
    else:
        x = _inputs(x, tuple(shape), path)
    return Samples(x, None if y is None else _labels(y, len(x), outputs, path))


def load_for(manifest: dict[str, Any], path: str | Path) -> Samples:
    """Read samples for the network of a build folder, of which this is the manifest."""
    return load_samples(
        path,
        manifest["input"]["shape"],
        outputs=math.prod(manifest["output"]["shape"]),
        windows=manifest["input"]["windows"],
    )


def _inputs(x: np.ndarray, shape: tuple[int, ...], path: str | Path) -> np.ndarray:
    wanted = "x".join(map(str, shape))
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise UserError(
            f"x has type {x.dtype}",
            where=str(path),
            hint="give uint8 pixels, or float32 inputs as the model takes them",
        )
    if x.ndim == 0 or len(x) == 0:
        raise UserError("x holds no samples", where=str(path), hint=HINT)
    given = x.shape[1:]
    # An image for a flat input, or the other way round, has one obvious order of its values.
    flat = math.prod(given) == math.prod(shape) and 1 in map(
        len, map(_without_ones, (given, shape))
    )
    if not flat and _without_ones(given) != _without_ones(shape):
        hint = f"x must have shape ({', '.join(['N', *map(str, shape)])})"
        if len(shape) == 3 and given == (shape[1], shape[2], shape[0]):
            hint = "its channels come last: give numpy.moveaxis(x, -1, 1)"
        text = "x".join(map(str, given)) or "a single value"
        raise UserError(
            f"a sample of x is {text}, the model takes {wanted}", where=str(path), hint=hint
        )
    x = np.ascontiguousarray(x).reshape(len(x), *shape)
    if x.dtype != np.uint8:
        finite = np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if not finite.all():
            raise UserError(
                f"x holds NaN or infinity, first in sample {int(np.argmin(finite))}",
                where=str(path),
                hint="remove or mend the samples",
            )
        x = x.astype(np.float32)
    return x


def _labels(y: np.ndarray, count: int, outputs: int | None, path: str | Path) -> np.ndarray:
    if y.size != count or y.dtype.kind not in "iu":
        raise UserError(
            f"y has shape {y.shape} and type {y.dtype}, x has {count:,} samples",
            where=str(path),
            hint="y must be one integer label for each sample",
        )
    y = y.reshape(count).astype(np.int64)
    if y.min() < 0 or outputs is not None and y.max() >= outputs:
        wrong = int(y.min() if y.min() < 0 else y.max())
        raise UserError(
            f"y holds the label {wrong}, the network has {outputs} outputs",
            where=str(path),
            hint="labels count from 0",
        )
    return y


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(extent for extent in shape if extent != 1)

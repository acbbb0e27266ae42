"""Reads the files in which the data sets are distributed; images as uint8 (N, C, H, W)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from snnir.errors import UserError

HELD_OUT = 10_000
"""So many of CIFAR-10's training images, the last ones, are not trained on."""


def mnist(folder: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) and labels of the four idx files, packed (.gz) or not.

    Args:
        split: `train` or `test`.
    """
    prefix = {"train": "train", "test": "t10k"}[split]
    images = _idx(Path(folder), f"{prefix}-images-idx3-ubyte")
    return images[:, None], _idx(Path(folder), f"{prefix}-labels-idx1-ubyte").astype(np.int64)


def cifar10(folder: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and labels of the binary version (data_batch_1.bin and so on).

    Args:
        split: `train` (the first 40,000), `held-out` (the last 10,000 training images) or `test`.
    """
    names = ["test_batch.bin"]
    if split != "test":
        names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    records = np.concatenate([_bytes(Path(folder) / name) for name in names])
    if len(records) % 3073:
        raise UserError("no CIFAR-10 of the binary version", where=str(folder))
    records = records.reshape(-1, 3073)
    if split != "test":
        cut = len(records) - HELD_OUT
        records = records[:cut] if split == "train" else records[cut:]
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def satimage(folder: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Landsat Satimage: neighbourhoods (N, 4, 3, 3) of four bands, and six classes from 0.

    Args:
        split: `train` (sat.trn) or `test` (sat.tst).
    """
    path = Path(folder) / {"train": "sat.trn", "test": "sat.tst"}[split]
    try:
        rows = np.loadtxt(path, dtype=np.int64)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot be read as numbers: {error}", where=str(path)) from None
    if rows.ndim != 2 or rows.shape[1] != 37:
        raise UserError("a row has 36 values and a class", where=str(path))
    names = np.array([1, 2, 3, 4, 5, 7])
    if rows[0, 36] not in names:
        rows = rows[1:]  # a line of column numbers, which some copies have
    classes = np.searchsorted(names, rows[:, 36])
    if not np.isin(rows[:, 36], names).all() or rows[:, :36].max(initial=0) > 255:
        raise UserError("values are 0 to 255, classes 1 to 5 and 7", where=str(path))
    images = rows[:, :36].reshape(-1, 3, 3, 4).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images, np.uint8), classes


def _bytes(path: Path) -> np.ndarray:
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(error.strerror or "cannot be read", where=str(path)) from None


def _idx(folder: Path, name: str) -> np.ndarray:
    packed = folder / f"{name}.gz"
    data = _bytes(packed if packed.exists() else folder / name).tobytes()
    try:
        data = gzip.decompress(data) if packed.exists() else data
        rank = data[3]
        shape = np.frombuffer(data, ">i4", rank, 4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError):
        raise UserError("no idx file", where=str(folder / name)) from None

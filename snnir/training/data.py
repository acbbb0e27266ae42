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


def wisdm(folder: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """WISDM v1.1, activities from accelerometers: 43 features of 10 seconds each, six classes.

    A feature is its rank among the values of the training windows, from 0 to 255, so uint8 (N, 43);
    where it is missing, 128. Classes are numbered in alphabetical order. Windows are split at
    random, a fifth of them for testing; both parts have windows of the same persons.

    Args:
        split: `train` or `test`.
    """
    path = Path(folder) / "WISDM_ar_v1.1_transformed.arff"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from None
    rows = [line.split(",") for line in text.partition("@data")[2].split("\n") if line.strip()]
    if not rows or {len(row) for row in rows} != {46}:
        raise UserError("a window has a number, a person, 43 features and a class", where=str(path))
    values = np.array([[np.nan if v == "?" else float(v) for v in row[2:45]] for row in rows])
    names, labels = np.unique([row[45].strip() for row in rows], return_inverse=True)
    order = np.random.default_rng(0).permutation(len(rows))
    test, train = np.split(order, [len(rows) // 5])
    ranks = np.full(values.shape, 128, np.uint8)
    for column, known in enumerate(values[train].T):
        known = np.sort(known[~np.isnan(known)])
        found = ~np.isnan(values[:, column])
        low, high = (np.searchsorted(known, values[found, column], s) for s in ("left", "right"))
        ranks[found, column] = np.rint(255 * (low + high) / (2 * len(known)))
    part = {"train": train, "test": test}[split]
    return ranks[part], labels[part].astype(np.int64)


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


def satimage_volumes(folder: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The same neighbourhoods as volumes (N, 1, 4, 3, 3), the bands one behind the other."""
    images, classes = satimage(folder, split)
    return images[:, None], classes


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

"""Loads MNIST and CIFAR-10 from a folder of raw files, for measuring (see SNNIR_DATA)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def _idx(path: Path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def mnist(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) uint8 and labels; split is `train` or `test`."""
    prefix = {"train": "train", "test": "t10k"}[split]
    folder = root / "data" / "mnist"
    images = _idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    return images[:, None], _idx(folder / f"{prefix}-labels-idx1-ubyte.gz").astype(np.int64)


def _mosaic(path: Path) -> np.ndarray:
    from PIL import Image

    pixels = np.array(Image.open(path).convert("RGB"))
    height = pixels.shape[0] // 32
    tiles = pixels.reshape(height, 32, 50, 32, 3).transpose(0, 2, 4, 1, 3)
    return tiles.reshape(-1, 3, 32, 32)


def cifar10(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and labels.

    Splits: `test` is the first 1,000 test images, `train` the first 40,000 training images and
    `calibration` the first 5,000 of them, `held-out` the last 10,000 training images.
    """
    folder = root / "data" / "cifar10"
    labels = np.load(folder / "cifar10_labels.npz")
    if split == "test":
        return _mosaic(folder / "cifar10_test_00000_01000.webp"), labels["test_first1000"]
    starts = {
        "train": range(0, 40000, 5000),
        "calibration": [0],
        "held-out": [40000, 45000],
    }[split]
    files = [folder / f"cifar10_train_{s:05d}_{s + 5000:05d}.webp" for s in starts]
    images = np.concatenate([_mosaic(file) for file in files])
    return images, labels["train"][starts[0] : starts[0] + len(images)]

"""Loads MNIST and CIFAR-10 from a folder of raw files, for measuring (see SNNIR_DATA)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from snnir.training import data


def mnist(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) uint8 and labels; split is `train` or `test`."""
    return data.mnist(root / "data" / "mnist", split)


def satimage(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Neighbourhoods (N, 4, 3, 3) uint8 and classes; split is `train` or `test`."""
    return data.satimage(root / "data" / "landsat-satimage", split)


def satimage_volumes(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The same as volumes (N, 1, 4, 3, 3)."""
    return data.satimage_volumes(root / "data" / "landsat-satimage", split)


def _mosaic(path: Path) -> np.ndarray:
    try:
        from PIL import Image
    except ModuleNotFoundError:
        sys.exit("error: images in mosaics of WebP need pillow: pip install pillow")
    pixels = np.array(Image.open(path).convert("RGB"))
    height = pixels.shape[0] // 32
    tiles = pixels.reshape(height, 32, 50, 32, 3).transpose(0, 2, 4, 1, 3)
    return tiles.reshape(-1, 3, 32, 32)


def cifar10(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and labels.

    Splits: `test` is the first 1,000 test images, `train` the first 40,000 training images and
    `calibration` the first 5,000 of them, `held-out` the last 10,000 training images. The files are
    mosaics of WebP with the labels beside them, or those of the binary version as distributed.
    """
    folder = root / "data" / "cifar10"
    if (folder / "test_batch.bin").exists():
        images, labels = data.cifar10(folder, "train" if split == "calibration" else split)
        count = {"test": 1000, "calibration": 5000}.get(split)
        return images[:count], labels[:count]
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


LOADERS = {
    "mnist": mnist,
    "cifar10": cifar10,
    "satimage": satimage,
    "satimage_volumes": satimage_volumes,
}

CALIBRATION = 512
"""So many images, the first of those trained on, are kept for calibration."""


def sample_file(root: Path, name: str, split: str, folder: Path) -> Path:
    """The `.npz` of a split, for snnc; written to `folder` unless it is there.

    Args:
        name: `mnist`, `cifar10`, `satimage` or `satimage_volumes`.
        split: `calibration`, or one of the data set's own.
    """
    path = folder / f"{name}_{split}.npz"
    if not path.exists():
        load = LOADERS[name]
        if split == "calibration":
            images, labels = load(root, "calibration" if name == "cifar10" else "train")
            images, labels = images[:CALIBRATION], labels[:CALIBRATION]
        else:
            images, labels = load(root, split)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, x=images, y=labels)
    return path


def data_folder(hint: str = "set SNNIR_DATA to the folder that holds models/ and data/") -> Path:
    """The folder that SNNIR_DATA names; without it the tool ends with an error line."""
    if "SNNIR_DATA" not in os.environ:
        sys.exit(f"error: {hint}")
    return Path(os.environ["SNNIR_DATA"])


def read(name: str, split: str, folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of `mnist`, `cifar10`, `satimage` or its volumes, for training.

    Args:
        folder: where the files are as distributed; None for those under SNNIR_DATA.
    """
    if folder is None:
        root = data_folder("name the folder of the data with --data, or set SNNIR_DATA")
        if name == "cifar10":
            return cifar10(root, split)
        folder = root / "data" / ("mnist" if name == "mnist" else "landsat-satimage")
    return getattr(data, name)(folder, split)

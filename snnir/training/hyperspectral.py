"""Hyperspectral cubes (.mat): reading them, principal components, patches, splits of a scene.

For Indian Pines, Pavia University, Salinas and others of the form: one file with a cube (H, W,
bands), one with the class of each pixel (H, W), 0 where it is not known.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnir.errors import UserError

ZERO = 128
"""The pixel that stands for 0 of a component."""

STEPS = 32
"""Pixels of a standard deviation: 0..255 covers four of them to either side."""


def load_cube(path: str | Path, name: str | None = None) -> np.ndarray:
    """The cube of a file as float32 (H, W, bands).

    Args:
        name: of the variable; without it the only one of three dimensions.
    """
    cube = _variable(path, name, 3)
    if not np.isfinite(cube).all():
        raise UserError("the cube holds NaN or infinite values", where=str(path))
    return cube.astype(np.float32)


def load_truth(path: str | Path, name: str | None = None) -> np.ndarray:
    """The classes of a file as int64 (H, W), 0 where a pixel has none.

    Args:
        name: of the variable; without it the only one of two dimensions.
    """
    truth = _variable(path, name, 2)
    whole = truth.astype(np.int64)
    if truth.dtype.kind not in "uif" or (whole != truth).any() or whole.min(initial=0) < 0:
        raise UserError("classes must be whole numbers from 0 upwards", where=str(path))
    return whole


def _variable(path: str | Path, name: str | None, dimensions: int) -> np.ndarray:
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ModuleNotFoundError:
        hint = "pip install 'snnir[hyperspectral]'"
        raise UserError("reading .mat files needs scipy", where=str(path), hint=hint) from None
    if not Path(path).is_file():
        raise UserError("no such file", where=str(path))
    try:
        found = loadmat(path, appendmat=False)
    except NotImplementedError:
        raise UserError(
            "the file is of MATLAB 7.3 (HDF5), which is not read here",
            where=str(path),
            hint="save it again with save(..., '-v7')",
        ) from None
    except OSError as error:
        raise UserError(error.strerror or "cannot be read", where=str(path)) from None
    except (ValueError, TypeError, KeyError, IndexError, zlib.error, MatReadError) as error:
        raise UserError(f"no .mat file: {error}", where=str(path)) from None
    arrays = {key: value for key, value in found.items() if not key.startswith("__")}
    if name is not None:
        if name not in arrays:
            have = ", ".join(sorted(arrays)) or "nothing"
            raise UserError(f"no variable '{name}', the file holds {have}", where=str(path))
        arrays = {name: arrays[name]}
    fitting = [
        value
        for value in arrays.values()
        if getattr(value, "ndim", 0) == dimensions and value.dtype.kind in "uif"
    ]
    if len(fitting) != 1:
        raise UserError(
            f"{len(fitting)} arrays of {dimensions} dimensions, exactly one is expected",
            where=str(path),
            hint="name the variable",
        )
    return fitting[0]


def principal(cube: np.ndarray, components: int) -> np.ndarray:
    """The first principal components of all spectra, each with mean 0 and deviation 1, (H, W, n).

    Of each component the largest weight is positive, so that the sign is no matter of chance.
    """
    height, width, bands = cube.shape
    if not 1 <= components <= bands:
        raise UserError(f"{components} components asked for, the cube has {bands} bands")
    spectra = cube.reshape(-1, bands).astype(np.float64)
    spectra = spectra - spectra.mean(axis=0)
    variances, axes = np.linalg.eigh(spectra.T @ spectra / len(spectra))
    first = slice(None, -components - 1, -1)
    variances, axes = variances[first], axes[:, first]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(components)])
    deviation = np.sqrt(np.maximum(variances, 1e-12 * max(variances[0], 1e-300)))
    return (spectra @ axes / deviation).astype(np.float32).reshape(height, width, components)


def pixels_of(components: np.ndarray) -> np.ndarray:
    """Components as uint8: `ZERO` stands for 0, `STEPS` for a deviation, cut to what fits."""
    return np.clip(np.rint(components * STEPS + ZERO), 0, 255).astype(np.uint8)


def patches(pixels: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    """The squares around some pixels as volumes, uint8 (N, 1, bands, size, size).

    What lies outside of the scene is 0, the mean of all spectra.

    Args:
        pixels: of `pixels_of`; `places`: (N, 2), row and column of each.
        size: odd.
    """
    if size < 1 or size % 2 == 0:
        raise UserError(f"patches of {size} pixels have no pixel in the middle, use an odd size")
    reach = size // 2
    padded = np.pad(pixels, [(reach, reach), (reach, reach), (0, 0)], constant_values=ZERO)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    return np.ascontiguousarray(windows[places[:, 0], places[:, 1]][:, None])


@dataclass(frozen=True)
class Split:
    """Pixels (N, 2) to train on and to test on; `unused` have a class and are neither."""

    train: np.ndarray
    test: np.ndarray
    unused: int


def random_split(truth: np.ndarray, share: float, seed: int) -> Split:
    """So large a share of each class is trained on, chosen at random, the rest is tested on.

    This is what most papers do. Patches of neighbours overlap, so the network has seen most of what
    it is tested on: the accuracy says little of other scenes.
    """
    _check_share(share)
    random = np.random.default_rng(seed)
    train = np.zeros(truth.shape, bool)
    for label in np.unique(truth[truth > 0]):
        places = np.argwhere(truth == label)
        count = max(1, round(share * len(places)))
        chosen = random.permutation(len(places))[:count]
        train[tuple(places[chosen].T)] = True
    return Split(np.argwhere(train), np.argwhere((truth > 0) & ~train), 0)


def apart_split(truth: np.ndarray, share: float, size: int, seed: int) -> Split:
    """Squares of the scene are trained on; no patch that is tested on has a pixel in common.

    Squares of `size` pixels are taken at random, each if one of its classes has less than its share
    so far. Tested on is what lies `size` pixels or more from all that is trained on, by row or by
    column; what lies between is not used.
    """
    _check_share(share)
    random = np.random.default_rng(seed)
    height, width = truth.shape
    corners = [(y, x) for y in range(0, height, size) for x in range(0, width, size)]
    wanted = {int(label): share * (truth == label).sum() for label in np.unique(truth[truth > 0])}
    train = np.zeros(truth.shape, bool)
    for index in random.permutation(len(corners)):
        y, x = corners[index]
        block = slice(y, y + size), slice(x, x + size)
        held, counts = np.unique(truth[block][truth[block] > 0], return_counts=True)
        if any(wanted[int(label)] > 0 for label in held):
            train[block] = truth[block] > 0
            for label, count in zip(held, counts, strict=True):
                wanted[int(label)] -= count
    near = _near(train, size - 1)
    test = (truth > 0) & ~near
    unused = int(((truth > 0) & near & ~train).sum())
    return Split(np.argwhere(train), np.argwhere(test), unused)


def _near(mask: np.ndarray, reach: int) -> np.ndarray:
    """Where some pixel of a mask is no more than so many rows and columns away."""
    for axis in (0, 1):
        padded = np.pad(mask, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        mask = windows.any(axis=-1)
    return mask


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise UserError(f"a share of {share:g} to train on, allowed is above 0 and below 1")


def labels_at(truth: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The classes of some pixels, from 0."""
    return truth[tuple(places.T)] - 1


@dataclass(frozen=True)
class Scores:
    """How often a network is right: of all pixels, in the mean of the classes, beyond chance.

    Source: the overall and average accuracy and the kappa that papers on such scenes give.
    """

    overall: float
    average: float
    kappa: float


def scores(found: np.ndarray, truth: np.ndarray) -> Scores:
    """Of classes that were found and those that are true; of classes that occur."""
    overall = float((found == truth).mean())
    present = np.unique(truth)
    average = float(np.mean([(found[truth == label] == label).mean() for label in present]))
    classes = np.union1d(found, truth)
    chance = sum(float((found == c).mean() * (truth == c).mean()) for c in classes)
    return Scores(overall, average, (overall - chance) / (1 - chance) if chance < 1 else 1.0)

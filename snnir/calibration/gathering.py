"""What calibration takes from the float network, all in one run over the images, kept for reuse."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp
from xdsl.ir import Operation

from snnir.analysis.network import layers, network_of
from snnir.calibration.images import BINS, Histogram
from snnir.dialects.snn import FireOp, MaxPoolOp
from snnir.interpreters.snn import run_snn

PLACES = 2048
"""Places of a layer's map at which its currents are kept; taken evenly from all images and rows."""

BATCH = 32
"""Images that are run at once; progress is told in these."""

FORMAT = b"gathered 1"
KEPT = 2
"""Files in a cache folder: the last ones, since each is as large as the network's maps."""

_CHOSEN_LATER = {"threshold", "given", "label", "neuron", "activation"}
"""Properties that change nothing of the float network's currents."""


@dataclass
class Gathered:
    """What the float network makes of the calibration images.

    Args:
        histograms: activations of each fire layer, in order; of its max pool if only that sees it.
        currents: of each layer (fires and readout), (M, places), without the bias.
    """

    histograms: list[Histogram] = field(default_factory=list)
    currents: list[np.ndarray] = field(default_factory=list)


@dataclass
class _Setting:
    """What surrounds the passes: where results are kept, and who watches."""

    folder: Path
    counted: Callable[[Iterable[Any], int], Iterator[Any]]
    last: tuple[str, Gathered] | None = None


_setting: ContextVar[_Setting | None] = ContextVar("gathering", default=None)


@contextmanager
def gathering(
    folder: Path, counted: Callable[[Iterable[Any], int], Iterator[Any]]
) -> Iterator[None]:
    """Passes that run inside share what they gather, keep it in `folder`, and count their work.

    Args:
        counted: gives the items again and tells how many of the total are done.
    """
    token = _setting.set(_Setting(folder, counted))
    try:
        yield
    finally:
        _setting.reset(token)


def counted(items: Iterable[Any], total: int) -> Iterator[Any]:
    """The items, counted for whoever watches."""
    setting = _setting.get()
    return iter(items) if setting is None else setting.counted(items, total)


def counted_at(layer: FireOp) -> Operation:
    """The op whose result is counted: the layer's max pool, if nothing else sees its trains."""
    users = [use.operation for use in layer.train.uses]
    return users[0] if len(users) == 1 and isinstance(users[0], MaxPoolOp) else layer


def chosen_places(total: int, most: int | None = None) -> np.ndarray:
    """Indices of the places of a map, all images in a row; an odd stride visits rows in turn."""
    return np.arange(0, total, max(1, total // (most or PLACES)) | 1)


def gather(module: ModuleOp, images: np.ndarray) -> Gathered:
    """Run the float network over the images, or find what an equal run has left."""
    setting = _setting.get()
    if setting is None:
        return _run(module, images)
    key = key_of(module, images)
    if setting.last is None or setting.last[0] != key:
        file = setting.folder / f"{key}.npz"
        found = _read(file, module)
        if found is None:
            found = _run(module, images)
            _write(file, found)
        setting.last = key, found
    return setting.last[1]


def key_of(module: ModuleOp, images: np.ndarray) -> str:
    """A hash of all that the result depends on: float network and images, not codings and steps."""
    digest = hashlib.blake2b(FORMAT, digest_size=16)
    ops = list(network_of(module).body.block.ops)
    numbers = {result: str(index) for index, op in enumerate(ops) for result in op.results}
    for op in ops:
        dims = [str(getattr(result.type, "dims", "")) for result in op.results]
        words = [op.name, *dims, *(numbers.get(operand, "image") for operand in op.operands)]
        digest.update(" ".join(words).encode())
        for name in sorted(set(op.properties) - _CHOSEN_LATER):
            value = op.properties[name]
            dense = isinstance(value, DenseIntOrFPElementsAttr)
            digest.update(name.encode())
            digest.update(value.data.data if dense else str(value).encode())
    digest.update(f"{images.dtype} {images.shape}".encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()


def _run(module: ModuleOp, images: np.ndarray) -> Gathered:
    found = Gathered()
    at: dict[Operation, Histogram] = {}
    kept: dict[Operation, _Kept] = {}
    for layer in layers(module):
        if isinstance(layer, FireOp):
            found.histograms.append(Histogram())
            at[counted_at(layer)] = found.histograms[-1]
        channels, height, width = layer.current.type.dims
        places = chosen_places(len(images) * height * width)
        found.currents.append(np.empty((channels, len(places)), np.float32))
        kept[layer.current.owner] = _Kept(found.currents[-1], places)

    def observe(op: Operation, values: np.ndarray) -> None:
        if op in at:
            at[op].add(values)
        elif op in kept:
            kept[op].take(values[0])

    firsts = range(0, len(images), BATCH)
    for first in counted(firsts, len(firsts)):
        run_snn(module, images[first : first + BATCH], observe=observe)
    return found


@dataclass
class _Kept:
    """Collects what is at the chosen places while a map comes in parts."""

    result: np.ndarray
    places: np.ndarray
    seen: int = 0

    def take(self, values: np.ndarray) -> None:
        n, channels, height, width = values.shape
        size = n * height * width
        first, last = np.searchsorted(self.places, (self.seen, self.seen + size))
        image, inner = np.divmod(self.places[first:last] - self.seen, height * width)
        self.result[:, first:last] = values.reshape(n, channels, -1)[image, :, inner].T
        self.seen += size


def _read(file: Path, module: ModuleOp) -> Gathered | None:
    """What a file holds; None if there is none, or it is not what was written."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        found = Gathered()
        for index, layer in enumerate(layers(module)):
            channels = layer.current.type.dims[0]
            current = arrays[f"currents{index}"]
            if len(current) != channels:
                return None
            found.currents.append(current)
            if isinstance(layer, FireOp):
                counts, peaks = arrays[f"counts{index}"], arrays[f"peaks{index}"]
                if counts.shape != (channels, BINS) or peaks.shape != (channels,):
                    return None
                top = float(arrays[f"top{index}"])
                found.histograms.append(Histogram(top, counts.astype(np.int64), peaks))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        # An archive's checksums tell of any damage.
        return None
    return found


def _write(file: Path, found: Gathered) -> None:
    """Keeps a result; a folder that cannot be written keeps none."""
    arrays = {f"currents{index}": current for index, current in enumerate(found.currents)}
    for index, histogram in enumerate(found.histograms):
        arrays[f"counts{index}"] = histogram.counts.astype(np.int32)
        arrays[f"peaks{index}"] = histogram.peaks
        arrays[f"top{index}"] = np.array(histogram.top)
    part = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as stream:
            part = Path(stream.name)
            np.savez(stream, **arrays)
        os.replace(part, file)
        older = sorted(file.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime)
        for old in older[:-KEPT]:
            old.unlink()
    except OSError:
        if part is not None:
            part.unlink(missing_ok=True)

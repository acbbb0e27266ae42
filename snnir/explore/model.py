"""What an array costs and what it does for a network, by estimate: clocks, memories, LUTs, bytes.

Clocks and memories are those of `snnir.tiling`, by which `tile-to-pe` chooses too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.schedule.loading import Ddr, choose_ports, row_layout
from snnir.schedule.resources import estimate_ffs, estimate_luts
from snnir.targets import Target
from snnir.tiling.choose import weight_depth
from snnir.tiling.clocks import Estimator, LayerClocks, streamed_cycles
from snnir.tiling.memory_estimate import memories_of
from snnir.tiling.shape import IMAGE


@dataclass(frozen=True)
class Estimate:
    """One array for one setting.

    Args:
        weights: `onchip` or `stream`.
        cycles: clocks of an image [cycles]; `computing` those that would remain if weights were
            there at once.
        moved: bytes to and from DDR for an image: weights, the image, the outputs.
        setting: its index among the settings; `accuracy` that of the setting, if measured.
    """

    array: ArrayParameters
    weights: str
    cycles: float
    computing: float
    images_per_second: float
    latency: float
    luts: int
    ffs: int
    bram36: float
    moved: int
    setting: int = 0
    accuracy: float | None = None


@dataclass(frozen=True)
class Limits:
    """What a design may take; `accuracy` is the least share of right predictions."""

    luts: int
    bram36: int
    accuracy: float = 0.0


def estimates(
    estimator: Estimator,
    array: ArrayParameters,
    kept: Iterable[str],
    target: Target,
    limits: Limits,
) -> Iterator[Estimate]:
    """What an array does for the network of an estimator, for each place of its weights that fits.

    Args:
        kept: where weights may be kept, `onchip`, `stream` or both.
    """
    shape = estimator.shape
    luts = estimate_luts(array, shape.rate)
    ffs = estimate_ffs(array, shape.rate)
    if luts > limits.luts or ffs > target.ff:
        return
    rows = estimator.rows(array)
    clock = target.clock_mhz * 1e6
    layers: list[LayerClocks] = []
    for weights in kept:
        ports = choose_ports(array, target.granted_gbps, target.clock_mhz)
        array = replace(array, ports=ports if weights == "stream" else 1)
        kept = rows if weights == "stream" else [estimator.kept_rows(array)]
        depth = weight_depth(kept, array, target if weights == "stream" else None)
        bram36 = sum(memory.bram36 for memory in memories_of(shape, array, depth))
        if bram36 > limits.bram36:
            continue
        layers = layers or estimator.layers(array)
        computing = cycles = float(np.mean(sum(layer.total for layer in layers)))
        moved = int(np.prod(shape.maps[IMAGE])) + 4 * int(np.prod(shape.layers[-1].dims))
        if weights == "stream":
            cycles = streamed_cycles(layers, rows, array, depth, Ddr.of(target, array.ports))
            moved += sum(rows) * row_layout(array).bytes
        yield Estimate(
            array=array,
            weights=weights,
            cycles=round(cycles, 1),
            computing=round(computing, 1),
            images_per_second=round(clock / cycles, 2),
            latency=round(cycles / clock, 9),
            luts=luts,
            ffs=ffs,
            bram36=bram36,
            moved=moved,
        )

"""The energy model: counted operations and accesses times the constants of a technology.

Three networks of the same shape are compared: the float network, the quantised network computed
densely, and the spiking one. All hold sums in registers (output-stationary), read a weight once for
each operation that needs it, or for a train once for all steps, an input once for all output
channels, and write a result once. What is in DDR is there for all three. docs/energy.md has the
formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnir.schedule.loading import row_layout

if TYPE_CHECKING:
    from snnir.energy.operations import Branch, Operations
    from snnir.schedule.program import ProgramTables
    from snnir.targets.technology import Technology

NETWORKS = ("float", "quantised", "snn")

FLOAT_BITS = 32

UPDATE_ADDS = 2
"""Additions of a neuron in each step in which it may fire: to compare, and to subtract."""


@dataclass(frozen=True)
class Moved:
    """Bytes to and from DDR for an image: of weights, and of feature maps."""

    weights: float = 0
    maps: float = 0


@dataclass(frozen=True)
class Energy:
    """What a network takes for an image, in pJ, and the bits that it moves for that.

    Args:
        arithmetic: of operations; `on_chip` and `off_chip` of memory.
        bits: read and written on the chip; `ddr_bits` to and from DDR.
        states: of `on_chip`, what neurons read and write of what they keep between windows.
    """

    arithmetic: float
    on_chip: float
    off_chip: float
    bits: float
    ddr_bits: float
    states: float = 0

    @property
    def total(self) -> float:
        return self.arithmetic + self.on_chip + self.off_chip


def added(parts: Iterable[Energy]) -> Energy:
    """The sum of several."""
    rows = [(e.arithmetic, e.on_chip, e.off_chip, e.bits, e.ddr_bits, e.states) for e in parts]
    return Energy(*map(math.fsum, zip(*rows, strict=True)))


def moved_bytes(tables: ProgramTables) -> dict[str, Moved]:
    """What each layer moves to and from DDR for an image, by the layout of weights and maps."""
    weights: dict[str, set[int]] = {}
    for row in tables.unrolled.layers:
        found = weights.setdefault(row.of, set())
        found |= set(range(row.tile_first, row.tile_first + row.tile_count))
    each = row_layout(tables.array).bytes / tables.batch if tables.ring else 0
    rows = {
        label: sum(tables.unrolled.tiles[tile].rows for tile in tiles)
        for label, tiles in weights.items()
    }
    maps: dict[str, int] = {}
    for row in tables.moved:
        maps[row.of] = maps.get(row.of, 0) + row.move.bytes
    return {label: Moved(rows[label] * each, maps.get(label, 0)) for label in rows}


def layer_energy(
    layer: Operations, technology: Technology, moved: Moved, array_bits: int, kept_bits: int = 0
) -> dict[str, Energy]:
    """What a layer takes in each of NETWORKS.

    Args:
        array_bits: of a weight in the array's memory.
        kept_bits: of all its neurons' states, which are read and written once in a window.
    """
    wider = FLOAT_BITS / array_bits
    values = FLOAT_BITS / (layer.train_bits or FLOAT_BITS)
    return {
        "float": _energy(
            technology,
            sum(b.macs * technology.float_mac + b.adds * technology.float_add
                for b in layer.branches),
            sum(b.macs + b.fetched for b in layer.branches) * FLOAT_BITS
            + layer.stored * FLOAT_BITS,
            8 * (moved.weights * wider + moved.maps * values),
        ),
        "quantised": _energy(
            technology,
            sum(_dense(b, layer.acc_bits, technology) for b in layer.branches),
            sum(_dense_bits(b) for b in layer.branches) + layer.stored * layer.value_bits,
            8 * (moved.weights + moved.maps),
        ),
        "snn": _energy(
            technology,
            layer.total("acs") * technology.add(layer.acc_bits)
            + layer.updates * UPDATE_ADDS * technology.add(layer.membrane_bits),
            sum(_spiking_bits(b) for b in layer.branches)
            + layer.stored_trains * (layer.train_bits + layer.address_bits),
            8 * (moved.weights + moved.maps),
            2 * kept_bits,
        ),
    }  # fmt: skip


def _energy(
    technology: Technology, arithmetic: float, bits: float, ddr_bits: float, states: int = 0
) -> Energy:
    """The energy of so many bits; those of states come on top of the others on the chip."""
    bits += states
    chip, ddr = bits * technology.on_chip, ddr_bits * technology.off_chip
    return Energy(arithmetic, chip, ddr, bits, ddr_bits, states * technology.on_chip)


def _dense(branch: Branch, acc_bits: int, technology: Technology) -> float:
    add = technology.add(acc_bits)
    product = technology.multiply(branch.weight_bits, branch.input_bits)
    return branch.macs * (product + add) + branch.adds * add


def _dense_bits(branch: Branch) -> float:
    return branch.macs * branch.weight_bits + branch.fetched * branch.input_bits


def _spiking_bits(branch: Branch) -> float:
    event = branch.train_bits + branch.address_bits
    return branch.touched * branch.weight_bits + branch.fetched_trains * event


def network_energy(
    layers: Sequence[Operations],
    technology: Technology,
    moved: Mapping[str, Moved],
    array_bits: int,
    kept: Mapping[str, tuple[int, int]],
) -> list[dict[str, Energy]]:
    """What each layer takes, a dictionary by NETWORKS each.

    Args:
        kept: the neurons of a layer that keep their states, and the bits of each of them.
    """
    return [
        layer_energy(
            layer,
            technology,
            moved.get(layer.name, Moved()),
            array_bits,
            math.prod(kept.get(layer.name, (0, 0))),
        )
        for layer in layers
    ]

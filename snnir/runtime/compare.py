"""Compares what engines say of the same samples: every train of every layer, and the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnir.schedule.bands import whole_layers
from snnir.schedule.program import FIRE

if TYPE_CHECKING:
    from snnir.runtime.engine import EngineResult
    from snnir.schedule.program import ProgramTables


@dataclass(frozen=True)
class LayerComparison:
    """How one layer compares: `mismatches` counts neurons of which any engine says otherwise."""

    name: str
    kind: str
    compared: int
    spikes: int | None
    mismatches: int


@dataclass(frozen=True)
class Difference:
    """The first place at which engines differ; `step` is None for values that are not trains."""

    layer: str
    sample: int
    neuron: tuple[int, int, int]
    step: int | None
    values: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "sample": self.sample,
            "neuron": list(self.neuron),
            "step": self.step,
            "values": self.values,
        }


@dataclass(frozen=True)
class Comparison:
    """What a comparison found, layers in the order in which they run."""

    layers: tuple[LayerComparison, ...]
    difference: Difference | None

    @property
    def equal(self) -> bool:
        return self.difference is None


def compare(results: Mapping[str, EngineResult], tables: ProgramTables) -> Comparison:
    """Compare all trains that at least two engines have, and the readout's potentials.

    Pixels that no pooling window needs are computed by no machine and are left out.
    """
    layers: list[LayerComparison] = []
    difference: Difference | None = None
    for label, steps, mask in _trains(tables):
        words = {name: r.trains[label] for name, r in results.items() if label in r.trains}
        if len(words) < 2:
            continue
        kind = "pixels" if label == "input" else "trains"
        layer, first = _compare(label, kind, words, mask)
        layers.append(layer)
        difference = difference or (first and _in_train(first, steps))
    readout = tables.layers[-1].label
    values = {name: r.potentials[:, :, None, None] for name, r in results.items()}
    layer, first = _compare(readout, "potentials", values, None)
    return Comparison((*layers, layer), difference or first)


def _trains(tables: ProgramTables):
    """Label, steps and mask (H, W) of each map of trains, in running order."""
    yield "input", tables.input_bits, None
    for layer in whole_layers(tables):
        if layer.kind == FIRE:
            yield layer.label, layer.steps, layer.visited()
            if layer.is_pooled:
                yield f"{layer.label}.pool", layer.steps, None


def _compare(label: str, kind: str, arrays: dict[str, np.ndarray], mask: np.ndarray | None):
    """The counts for one layer, and the first neuron at which its arrays differ."""
    names = list(arrays)
    reference = arrays[names[0]]
    differs = np.zeros(reference.shape, bool)
    for name in names[1:]:
        differs |= arrays[name] != reference
    compared = reference.size
    if mask is not None:
        differs &= mask
        compared = reference.shape[0] * reference.shape[1] * int(mask.sum())
    spikes = None
    if kind == "trains":
        kept = reference if mask is None else reference * mask
        spikes = int(np.bitwise_count(kept.astype(np.uint16)).sum(dtype=np.int64))
    layer = LayerComparison(label, kind, compared, spikes, int(differs.sum()))
    if not layer.mismatches:
        return layer, None
    sample, c, y, x = (int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape))
    values = {name: int(array[sample, c, y, x]) for name, array in arrays.items()}
    return layer, Difference(label, sample, (c, y, x), None, values)


def _in_train(first: Difference, steps: int) -> Difference:
    """The same difference, down to the first step at which the trains differ."""
    words = list(first.values.values())
    changed = 0
    for word in words[1:]:
        changed |= word ^ words[0]
    bit = changed.bit_length() - 1
    if not 0 <= bit < steps:
        return first
    spikes = {name: word >> bit & 1 for name, word in first.values.items()}
    return Difference(first.layer, first.sample, first.neuron, steps - 1 - bit, spikes)

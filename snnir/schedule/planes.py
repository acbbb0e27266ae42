"""How many planes of currents a layer's neurons take, so that few datapaths serve all layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.ir import SSAValue

from snnir.analysis.network import neuron_of
from snnir.dialects.dense import from_dense
from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_layers import LayerOp
from snnir.dialects.snn import NeuronOp
from snnir.interpreters.neuron import run_region


def planes_taken(layer: LayerOp, program: ProgramOp) -> int:
    """Planes that are integrated, the last one that of the least weight.

    These are the steps of the longest train that the layer reads. In radix coding they are those of
    the longest train that any layer reads, if the neurons stay at rest until the first spike: a
    shorter train has no spikes in front, and layers whose inputs differ in length then share a
    datapath.
    """
    own = max(_steps(value) for value in _sources(layer))
    if _coding(layer) != "radix":
        return own
    others = [other for other in program.layers if _coding(other) == "radix"]
    longest = max(_steps(value) for other in others for value in _sources(other))
    # A program without a module around it, of which only sizes are asked, has no neurons.
    if longest == own or program.parent is None:
        return own
    neuron = neuron_of(layer)
    rests = all(
        stays_at_rest(neuron, {name: from_dense(dense) for name, dense in tile.params.data.items()})
        for tile in layer.tiles
    )
    return longest if rests else own


def stays_at_rest(neuron: NeuronOp, params: Mapping[str, np.ndarray]) -> bool:
    """Whether a plane without currents leaves these neurons as they are at the start."""
    given = [np.asarray(params[name], np.int64) for name in neuron.param_names]
    states = run_region(neuron, "start", given)
    after = run_region(neuron, "integrate", [*states, np.int64(0), *given])
    return all(np.array_equal(a, b) for a, b in zip(states, after, strict=True))


def _sources(layer: LayerOp) -> set[SSAValue]:
    return {stream.source for tile in layer.tiles for stream in tile.streams}


def _coding(layer: LayerOp) -> str:
    return next(iter(_sources(layer))).type.coding.data


def _steps(value: SSAValue) -> int:
    return value.type.steps.data

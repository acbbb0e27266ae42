"""Neurons whose spikes depend on when spikes come: their trains on calibration images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects import arith

from snnir.analysis.network import LayerOp, neuron_of, schedule
from snnir.analysis.neuron_parameters import neuron_parameters
from snnir.dialects.snn import FireOp, NeuronOp, YieldOp
from snnir.interpreters.neuron import run_neuron
from snnir.interpreters.words import packed, spike_count

EXTRA_BITS = 8
"""Fraction bits of membranes: more than quantise will choose, which it does when all is rounded."""

CHUNK = 1 << 21
"""Neurons that are run at once: what their membranes take is small beside the maps."""

SHIFTS = 4
"""How often the bias of a layer is moved towards the float network's mean activation."""


def is_causal(op: LayerOp) -> bool:
    """Whether a layer's spikes depend on when its input spikes come."""
    if not isinstance(op, FireOp) or op.train.type.coding_name != "rate":
        return False
    neuron = neuron_of(op)
    known = neuron.setup is not None or set(neuron.param_names) == {"theta", "bias"}
    return known and not (neuron.emission.data == "after" and _only_adds(neuron))


def _only_adds(neuron: NeuronOp) -> bool:
    """Whether what a neuron has integrated is a sum, in whatever order the currents came."""
    return all(isinstance(op, arith.AddiOp | YieldOp) for op in neuron.role("integrate").block.ops)


def causal_words(
    op: FireOp, currents: Sequence[np.ndarray], unit: np.ndarray, bias: np.ndarray, spike
) -> np.ndarray:
    """The trains of a layer, step t of T as bit T-1-t.

    Args:
        currents: (N, C, ...) integers for each step, or once where all steps are alike.
        unit, bias: of the layer, real; `spike` the real value of a spike in every step.
    """
    steps = op.train.type.steps.data
    how = schedule(op) | {"coding": "rate", "steps_in": steps, "fraction": 0}
    scale = 2.0**EXTRA_BITS
    found = {
        "theta": np.maximum(np.rint(spike / unit * scale), 1),
        "bias": np.rint(bias / unit * scale),
    }
    params = {name: np.rint(v).astype(np.int64) for name, v in neuron_parameters(op, found).items()}
    neuron = neuron_of(op)
    result = np.zeros(currents[0].shape, np.uint16)
    images = max(1, CHUNK // max(1, result[0].size))
    for first in range(0, len(result), images):
        part = slice(first, first + images)
        planes = [np.rint(c[part] * np.float32(scale)).astype(np.int64) for c in currents]
        planes = planes * steps if len(planes) == 1 else planes
        result[part] = packed(run_neuron(neuron, planes, params, **how)[0])
    return result


def shifted_bias(
    op: FireOp,
    currents: Sequence[np.ndarray],
    wanted: np.ndarray,
    unit: np.ndarray,
    bias: np.ndarray,
    spike: np.ndarray,
) -> np.ndarray:
    """The bias with which a layer's spikes say what the float network's activations are.

    What the spikes lack in the mean is added to the bias, a few times, and each channel keeps the
    bias at which its spikes were nearest to the activations.

    Args:
        currents: at some places, (C, places) for each step; `wanted` activations there, clipped.

    Source: Li et al., ICML 2021 (A Free Lunch From ANN: spiking calibration by bias shift).
    """
    steps = op.train.type.steps.data
    columns = [current.T[..., None] for current in currents]
    best, best_error = bias, np.full(len(bias), np.inf)
    for _ in range(SHIFTS):
        words = causal_words(op, columns, unit, bias, spike)[..., 0].T
        lack = wanted - spike_count(words, steps) * (spike / steps)[:, None]
        error = (lack.astype(np.float64) ** 2).mean(axis=1)
        better = error < best_error
        best, best_error = np.where(better, bias, best), np.where(better, error, best_error)
        bias = bias + lack.mean(axis=1)
    return best

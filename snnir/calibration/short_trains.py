"""What a layer loses with shorter trains, and which of its neurons are then silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import branches, layers, producer, train_labels
from snnir.analysis.synapses import term_matrix
from snnir.calibration.layerwise import window_inputs
from snnir.dialects.snn import FireOp, MaxPoolOp, SumPoolOp
from snnir.interpreters.snn import pool_window, run_snn
from snnir.interpreters.windows import sum_windows

IMAGES, PLACES, ROWS = 8, 512, 64
"""What is looked at: images, places of each map, outputs of each layer behind it."""


@dataclass(frozen=True)
class ShortTrains:
    """A network's layers with trains of some lengths.

    Args:
        errors: (layer, steps) -> what the currents behind stray, as a share of their variance,
            added up over the layers behind.
        spiking: (train, steps) -> bool (N, C, H, W), which neurons spike at all.
    """

    errors: Mapping[tuple[str, int], float]
    spiking: Mapping[tuple[str, int], np.ndarray]


def short_trains(
    module: ModuleOp, images: np.ndarray, scales: Mapping[int, Mapping[str, np.ndarray]]
) -> ShortTrains:
    """What shorter radix trains do, each layer's alone, on the first images.

    Args:
        module: the float network.
        scales: steps -> label -> full-scale of that layer's trains, per channel or one.
    """
    names = train_labels(module)
    kept: dict[SSAValue, list[np.ndarray]] = {}

    def observe(op: Operation, value: np.ndarray) -> None:
        if isinstance(op, FireOp | MaxPoolOp):
            kept.setdefault(op.results[0], []).append(value)

    run_snn(module, images[:IMAGES], observe=observe)
    known = {train: np.concatenate(parts) for train, parts in kept.items()}
    readers = [(s, _source(s.source)) for layer in layers(module) for s in branches(layer)]
    errors: dict[tuple[str, int], float] = {}
    spiking: dict[tuple[str, int], np.ndarray] = {}
    for train, values in known.items():
        label = producer(train).label.data
        mine = [synapse for synapse, source in readers if source is train]
        wanted = [_currents(synapse, values) for synapse in mine]
        for steps, full in scales.items():
            unit = (full[label] / ((1 << steps) - 1)).reshape(-1, 1, 1).astype(np.float32)
            words = np.clip(np.floor(values / unit + np.float32(0.5)), 0, (1 << steps) - 1)
            spiking[names[train], steps] = words > 0
            found = [_currents(synapse, words * unit) for synapse in mine]
            lost = sum(map(_strayed, found, wanted))
            errors[label, steps] = errors.get((label, steps), 0.0) + lost
    return ShortTrains(errors, spiking)


def _source(value: SSAValue) -> SSAValue:
    return value.owner.source if isinstance(value.owner, SumPoolOp) else value


def _currents(synapse, values: np.ndarray) -> np.ndarray:
    """Of some outputs at some places, (M, places), less their means; inputs where all differ."""
    if isinstance(synapse.source.owner, SumPoolOp):
        values = sum_windows(values, **pool_window(synapse.source.owner))
    inputs = window_inputs(synapse, values, PLACES)
    if inputs is None:
        found = values.transpose(1, 0, 2, 3).reshape(values.shape[1], -1)
    else:
        matrix, _ = term_matrix(synapse)
        rows = np.linspace(0, len(matrix) - 1, min(ROWS, len(matrix))).astype(int)
        found = matrix[rows].astype(np.float32) @ inputs
    return found - found.mean(axis=1, keepdims=True)


def _strayed(found: np.ndarray, wanted: np.ndarray) -> float:
    power = float((wanted**2).mean())
    return float(((found - wanted) ** 2).mean()) / power if power else 0.0

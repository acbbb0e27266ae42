"""How much each layer's currents stray by weight bits, and bits for all layers under a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, DictionaryAttr, ModuleOp, f64
from xdsl.ir import Operation, SSAValue

from snnir.analysis.network import LayerOp, branches, layers
from snnir.analysis.synapses import term_matrix
from snnir.calibration.layerwise import window_inputs
from snnir.calibration.rounding import round_weights, weight_units
from snnir.dialects.assembly import integer
from snnir.dialects.snn import OneToOneOp, SynapseOp
from snnir.errors import UserError
from snnir.interpreters.snn import run_snn

IMAGES, PLACES, ROWS = 32, 256, 64
"""What is enough to tell layers apart: images, places of each map, outputs of each layer."""

NARROWEST = 2
RECORD = "by_bits"
"""The attribute of a layer that holds what its bits were chosen by."""


@dataclass(frozen=True)
class Sensitivity:
    """A layer's number of weights, and its error for each of some widths.

    Args:
        errors: bits -> variance of what rounding does to the currents, by that of the currents.
    """

    label: str
    weights: int
    errors: Mapping[int, float]


def sensitivities(
    module: ModuleOp, images: np.ndarray, values: Mapping[SSAValue, np.ndarray], widest: int
) -> list[Sensitivity]:
    """Every layer's, on the first images, each layer rounded alone, by least squared error.

    Args:
        values: the real value of a step, per channel of each train: its factor of the weights.
    """
    sources = {synapse.source for layer in layers(module) for synapse in branches(layer)}
    parts: dict[SSAValue, list[np.ndarray]] = {source: [] for source in sources}

    def observe(op: Operation, value: np.ndarray) -> None:
        if op.results[0] in sources:
            # Sums of pools come as planes of steps: in the float network there is one.
            parts[op.results[0]].append(value[0] if value.ndim == 5 else value)

    run_snn(module, images[:IMAGES], observe=observe)
    known = {source: np.concatenate(part) for source, part in parts.items()}
    widths = range(NARROWEST, widest + 1)
    return [_of_layer(layer, known, values, widths) for layer in layers(module)]


def _of_layer(layer: LayerOp, known, values, widths: Sequence[int]) -> Sensitivity:
    synapses = branches(layer)
    budgeted = [s for s in synapses if not isinstance(s, OneToOneOp)]
    currents: list[np.ndarray] = []
    strayed = {bits: [] for bits in widths}
    for synapse in budgeted:
        matrix, channel = term_matrix(synapse)
        chosen = np.linspace(0, len(matrix) - 1, min(ROWS, len(matrix))).astype(int)
        steps = values[synapse.source]
        weights = (matrix * steps[channel])[chosen]
        scale = steps.astype(np.float32).reshape(-1, 1, 1)
        inputs = _centred(synapse, known[synapse.source] / scale)
        currents.append(_product(weights, inputs))
        for bits in widths:
            unit = weight_units(weights, bits, "mse")
            error = weights - round_weights(weights, unit, bits) * unit[:, None]
            strayed[bits].append(_product(error, inputs))
    errors = {}
    for bits in widths:
        power = sum(float((current**2).mean()) for current in currents)
        noise = sum(float((error**2).mean()) for error in strayed[bits])
        errors[bits] = noise / power if power else 0.0
    # What training has fixed is no matter of a budget.
    count = (
        0
        if layer.given is not None
        else sum(int(np.prod(s.weights.type.get_shape())) for s in budgeted)
    )
    return Sensitivity(layer.label.data, count, errors)


def _centred(synapse: SynapseOp, plane: np.ndarray) -> np.ndarray | None:
    """Inputs (K, places) without their means, which the bias takes; None for groups."""
    inputs = window_inputs(synapse, plane, PLACES)
    return None if inputs is None else inputs - inputs.mean(axis=1, keepdims=True)


def _product(weights: np.ndarray, inputs: np.ndarray | None) -> np.ndarray:
    # Where outputs see different inputs, all are taken to be of equal power.
    return weights if inputs is None else weights.astype(np.float32) @ inputs


def allot(found: Sequence[Sensitivity], mean_bits: float) -> list[int]:
    """Bits of each layer so that all weights together have `mean_bits` in the mean, or less.

    From the widest on, the layer is narrowed that pays least error for the bits it gives back;
    then what is left of the budget goes to the layers that still gain most for it.

    Raises:
        UserError: for a budget that even the narrowest weights exceed.
    """
    widths = sorted(next(iter(found)).errors)
    total = sum(layer.weights for layer in found)
    if not total:
        return [widths[-1]] * len(found)
    allowed = mean_bits * total
    if allowed < widths[0] * total:
        raise UserError(f"{mean_bits:g} bits a weight asked for, the least are {widths[0]}")
    bits = [widths[-1]] * len(found)
    spent = widths[-1] * total

    def loss(index: int, narrower: int) -> float:
        layer = found[index]
        return (layer.errors[narrower] - layer.errors[bits[index]]) / layer.weights

    while spent > allowed:
        open_ = [i for i, b in enumerate(bits) if b > widths[0] and found[i].weights]
        index = min(open_, key=lambda i: (loss(i, bits[i] - 1), -found[i].weights))
        bits[index] -= 1
        spent -= found[index].weights
    while True:
        room = [
            i
            for i, b in enumerate(bits)
            if b < widths[-1] and found[i].weights and spent + found[i].weights <= allowed
        ]
        if not room:
            return bits
        index = min(room, key=lambda i: loss(i, bits[i] + 1))
        bits[index] += 1
        spent += found[index].weights


def record(layer: LayerOp, found: Sensitivity) -> None:
    """Writes down by what a layer's bits were chosen."""
    errors = [found.errors[bits] for bits in sorted(found.errors)]
    layer.attributes[RECORD] = DictionaryAttr(
        {"weights": integer(found.weights), "errors": DenseArrayBase.from_list(f64, errors)}
    )


def recorded(module: ModuleOp) -> list[Sensitivity]:
    """What `record` wrote; nothing where there was no budget."""
    found = []
    for layer in layers(module):
        entry = layer.attributes.get(RECORD)
        if isinstance(entry, DictionaryAttr):
            errors = dict(enumerate(entry.data["errors"].get_values(), NARROWEST))
            found.append(Sensitivity(layer.label.data, entry.data["weights"].value.data, errors))
    return found

"""A layer on its way to integers, and what the trains between layers stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from snnir.analysis.intervals import signed_bits
from snnir.analysis.network import LayerOp, encode_of, network_of
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import FireOp, MaxPoolOp, OneToOneOp, PreviousOp, SumPoolOp, SynapseOp
from snnir.errors import UserError

IDENTITY_BITS = 16
MAX_FRACTION = 16

MULTIPLE = 0.05
"""How far a weight of a trained file may be from a multiple of its unit: what float32 loses."""


@dataclass
class LayerInWork:
    """A layer on its way to integers.

    Args:
        weights: of each branch as a matrix (M, terms), in units of the input trains' values.
        unit: real value of an integer current of 1, per output channel.
        spike: real value of a spike of least weight, per channel; None for a readout.
    """

    op: LayerOp
    synapses: list[SynapseOp]
    weights: list[np.ndarray]
    bias: np.ndarray
    spike: np.ndarray | None
    unit: np.ndarray = field(default_factory=lambda: np.zeros(0))
    integers: list[np.ndarray] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)


def as_given(layer: LayerInWork) -> None:
    """The integers that training saw: the weights are multiples of the unit that it gives."""
    given = layer.op.given.data
    layer.unit = np.array(given["unit"].get_values())
    for synapse, weights in zip(layer.synapses, layer.weights, strict=True):
        exact = weights / layer.unit[:, None]
        rows = np.rint(exact)
        if np.abs(exact - rows).max() > MULTIPLE:
            raise UserError(
                "the weights are no multiples of the unit that the trained file gives",
                where=f"layer '{layer.op.label.data}'",
                hint="export the network again",
            )
        layer.integers.append(rows.astype(np.int64))
        needed = max(2, signed_bits(int(rows.min()), int(rows.max())))
        wide = isinstance(synapse, OneToOneOp)
        allowed = IDENTITY_BITS if wide else given["bits"].value.data
        if needed > allowed:
            raise UserError(
                f"weights of {needed} bits where the trained file says {allowed}",
                where=f"layer '{layer.op.label.data}'",
            )
        layer.bits.append(needed if wide else allowed)


def levels_of(op: LayerOp) -> int:
    """Values above 0 that the layer's trains can have."""
    return op.train.type.peak if isinstance(op, FireOp) else op.current.type.peak


def train_values(module: ModuleOp) -> dict[SSAValue, np.ndarray]:
    """What the least spike of each train stands for, per channel."""
    encode = encode_of(module)
    if encode.scale is None:
        raise UserError(
            "the input has no scale",
            where="snn.encode",
            hint="run threshold-balance first, or give convert-onnx-to-snn input-scale",
        )
    values = {encode.train: np.array(encode.scale.get_values(), np.float64)}
    past = [op for op in network_of(module).body.block.ops if isinstance(op, PreviousOp)]
    for op in network_of(module).body.block.ops:
        if isinstance(op, MaxPoolOp | SumPoolOp):
            values[op.results[0]] = values[op.source]
        elif isinstance(op, FireOp):
            if op.threshold is None:
                raise UserError(
                    "the layer has no threshold",
                    where=f"layer '{op.label.data}'",
                    hint="run threshold-balance first",
                )
            train = op.train.type
            full = from_dense(op.threshold).astype(np.float64)
            if not (np.isfinite(full).all() and (full > 0).all()):
                raise UserError("thresholds must be positive", where=f"layer '{op.label.data}'")
            full = np.broadcast_to(full, train.dims[:1])
            values[op.train] = full / (1 if train.coding_name == "rate" else train.peak)
            for before in (one for one in past if one.of == op.label):
                values[before.train] = values[op.train]
    return values


def wanted_fraction(layer: LayerInWork) -> int:
    """Bits by which theta must grow so that its rounding shifts no output by an eighth step."""
    if layer.spike is None:
        return 0
    theta = float((layer.spike / layer.unit).min())
    return int(np.clip(math.ceil(math.log2(4 * levels_of(layer.op) / theta)), 0, MAX_FRACTION))

"""A synapse as a matrix: which input channel each of its weights multiplies."""

from __future__ import annotations

import math

import numpy as np

from snnir.dialects.assembly import int_list, integer
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import ConvOp, DenseOp, SynapseOp
from snnir.dialects.snn_types import SumType
from snnir.errors import UserError


def term_matrix(op: SynapseOp) -> tuple[np.ndarray, np.ndarray]:
    """(weights, channel), both (M, terms): each weight of an output and its input channel."""
    weights = from_dense(op.weights)
    outputs = weights.shape[0]
    channels, height, width = op.source.type.dims
    match op:
        case ConvOp():
            per_group = weights.shape[1]
            first = np.arange(outputs) // (outputs // op.groups.value.data) * per_group
            inner = np.repeat(np.arange(per_group), math.prod(weights.shape[2:]))
            # Where slices are seen as channels, each channel has as many as there are slices.
            channel = (first[:, None] + inner[None]) * channels // op.seen[0]
        case DenseOp():
            channel = np.repeat(np.arange(channels), height * width)[None]
        case _:
            channel = np.arange(channels)[:, None]
    matrix = weights.reshape(outputs, -1)
    return matrix, np.broadcast_to(channel, matrix.shape)


def with_weights(op: SynapseOp, rows: np.ndarray, bits: int) -> None:
    """Gives a synapse integer weights, as a matrix (M, terms), of `bits` bits."""
    dtype = np.int8 if bits <= 8 else np.int16
    shape = tuple(op.weights.type.get_shape())
    op.properties["weights"] = to_dense(rows.astype(dtype).reshape(shape))
    op.properties["weight_bits"] = integer(bits)


def offset_current(op: SynapseOp, zeros: np.ndarray) -> np.ndarray:
    """The current per output channel when every pixel is its channel's zero point.

    Raises:
        UserError: if the synapse pads with silence where the zero point is not 0.
    """
    if not zeros.any():
        return np.zeros(op.current.type.dims[0])
    pads = int_list(op.pads) if isinstance(op, ConvOp) else (0,)
    pooled = isinstance(op.source.type, SumType)
    if pooled:
        pads = (*pads, *int_list(op.source.owner.pads))
    if max(pads) > 0:
        raise UserError(
            "the first layer pads with pixel 0, which does not stand for the value 0",
            hint="pad in snn.encode, as convert-onnx-to-snn and threshold-balance do",
        )
    matrix, channel = term_matrix(op)
    terms = op.source.type.terms.data if pooled else 1
    return (matrix * zeros[channel]).sum(1) * terms

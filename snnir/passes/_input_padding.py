"""Moves the padding of the first synapses to where the image is encoded.

A padding of silent trains stands for pixel 0. Where the real value 0 is another pixel (`zero`),
the image must be padded with that pixel instead, before it becomes trains.
"""

from __future__ import annotations

import numpy as np
from xdsl.rewriter import Rewriter

from snnir.dialects.assembly import int_list, integer, ints
from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.snn import ConvOp, DenseOp, EncodeOp, OneToOneOp, SumPoolOp
from snnir.dialects.snn_types import TrainType
from snnir.errors import UserError

Pads = tuple[int, ...]


def move_input_padding(encode: EncodeOp) -> None:
    """Gives the encoder the padding that its consumers have, if its zero point asks for that.

    Consumers with less padding than others get a negative one, which crops.

    Raises:
        UserError: for an average pool that would have to be cropped.
    """
    if encode.zero is None or not any(encode.zero.get_values()):
        return
    consumers = [use.operation for use in encode.train.uses]
    own = [int_list(op.pads) if "pads" in op.properties else (0, 0, 0, 0) for op in consumers]
    pads = tuple(max(0, *(p[side] for p in own)) for side in range(4))
    if not any(pads):
        return
    c, h, w = encode.train.type.dims
    top, left, bottom, right = pads
    before = int_list(encode.pads)
    train = encode.train.type
    encode.properties["pads"] = ints([a + b for a, b in zip(before, pads, strict=True)])
    Rewriter.replace_value_with_new_type(
        encode.train, TrainType((c, h + top + bottom, w + left + right), train.coding, train.steps)
    )
    for op, given in zip(consumers, own, strict=True):
        rest = [g - p for g, p in zip(given, pads, strict=True)]
        match op:
            case ConvOp():
                op.properties["pads"] = ints(rest)
            case SumPoolOp():
                if any(rest):
                    raise UserError(
                        "an average pool and another layer pad the input differently",
                        hint="use an input without offset (--mean 0), or pad the image alike",
                    )
                op.properties["pads"] = ints(rest)
            case DenseOp():
                op.properties["weights"] = to_dense(_embed(from_dense(op.weights), (c, h, w), pads))
            case OneToOneOp():
                _become_conv(op, rest)


def _embed(weights: np.ndarray, dims: tuple[int, int, int], pads: Pads) -> np.ndarray:
    """Dense weights for the padded map: what is padding gets weight 0."""
    top, left, bottom, right = pads
    maps = weights.reshape(len(weights), *dims)
    grown = np.pad(maps, [(0, 0), (0, 0), (top, bottom), (left, right)])
    return grown.reshape(len(weights), -1)


def _become_conv(op: OneToOneOp, pads: list[int]) -> None:
    """A one-to-one synapse that crops is a depthwise convolution with a 1x1 kernel."""
    conv = ConvOp.build(
        operands=[op.source],
        properties={
            "weights": to_dense(from_dense(op.weights).reshape(-1, 1, 1, 1)),
            "strides": ints([1, 1]),
            "pads": ints(pads),
            "dilations": ints([1, 1]),
            "groups": integer(op.source.type.dims[0]),
        },
        result_types=[op.current.type],
    )
    Rewriter.replace_op(op, conv)

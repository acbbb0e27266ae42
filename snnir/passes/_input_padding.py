"""Moves the padding of the first synapses to where the image is encoded.

A padding of silent trains stands for pixel 0. Where the real value 0 is another pixel (`zero`),
the image must be padded with that pixel instead, before it becomes trains.
"""

from __future__ import annotations

import numpy as np
from xdsl.ir import Operation
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
    train = encode.train.type
    rank = len(int_list(train.shape)) - 1
    own = [_of_axes(op, rank) for op in consumers]
    pads = tuple(max(0, *(p[side] for p in own)) for side in range(2 * rank))
    if not any(pads):
        return
    shape = int_list(train.shape)
    before = _of_axes(encode, rank)
    encode.properties["pads"] = ints([a + b for a, b in zip(before, pads, strict=True)])
    grown = [n + pads[a] + pads[a + rank] for a, n in enumerate(shape[1:])]
    Rewriter.replace_value_with_new_type(
        encode.train, TrainType((shape[0], *grown), train.coding, train.steps)
    )
    for op, given in zip(consumers, own, strict=True):
        rest = [g - p for g, p in zip(given, pads, strict=True)]
        match op:
            case ConvOp():
                if len(int_list(op.pads)) < len(rest):
                    if rest[0] or rest[3]:
                        raise UserError(
                            "one layer pads the slices of the input, and another sees them as "
                            "channels",
                            hint="use an input without offset (--mean 0)",
                        )
                    rest = [*rest[1:3], *rest[4:]]
                op.properties["pads"] = ints(rest)
            case SumPoolOp():
                if any(rest):
                    raise UserError(
                        "an average pool and another layer pad the input differently",
                        hint="use an input without offset (--mean 0), or pad the image alike",
                    )
                op.properties["pads"] = ints(rest)
            case DenseOp():
                op.properties["weights"] = to_dense(_embed(from_dense(op.weights), shape, pads))
            case OneToOneOp():
                _become_conv(op, rest)


def _of_axes(op: Operation, rank: int) -> Pads:
    """The pads of an op, of so many axes: in front of its own nothing is padded."""
    pads = int_list(op.pads) if "pads" in op.properties else (0, 0, 0, 0)
    missing = (0,) * (rank - len(pads) // 2)
    half = len(pads) // 2
    return (*missing, *pads[:half], *missing, *pads[half:])


def _embed(weights: np.ndarray, shape: tuple[int, ...], pads: Pads) -> np.ndarray:
    """Dense weights for the padded map: what is padding gets weight 0."""
    rank = len(pads) // 2
    maps = weights.reshape(len(weights), *shape)
    grown = np.pad(maps, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:], strict=True)])
    return grown.reshape(len(weights), -1)


def _become_conv(op: OneToOneOp, pads: list[int]) -> None:
    """A one-to-one synapse that crops is a depthwise convolution with a kernel of one pixel."""
    ones = [1] * (len(pads) // 2)
    conv = ConvOp.build(
        operands=[op.source],
        properties={
            "weights": to_dense(from_dense(op.weights).reshape(-1, 1, *ones)),
            "strides": ints(ones),
            "pads": ints(pads),
            "dilations": ints(ones),
            "groups": integer(op.source.type.dims[0]),
        },
        result_types=[op.current.type],
    )
    Rewriter.replace_op(op, conv)

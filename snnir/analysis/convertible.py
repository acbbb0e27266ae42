"""What in an onnx network convert-onnx-to-snn would not take: the list behind the validator.

`snnc check` shows all of it; verify-onnx-convertible stops at the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, SSAValue

from snnir.analysis.nonnegative import is_nonnegative
from snnir.dialects import onnx
from snnir.dialects.onnx import constant_of
from snnir.dialects.onnx_op import describe, shape_of

_SYNAPSES = (onnx.ConvOp, onnx.GemmOp, onnx.AddOp, onnx.AveragePoolOp)
_GIVEN = (
    onnx.PixelsOp, onnx.LevelsOp, onnx.DelayOp, onnx.NeuronsOp, onnx.RecurrentOp, onnx.ReadoutOp,
)  # fmt: skip
_NEURONS = (onnx.ReluOp, onnx.ClipOp, onnx.NeuronsOp, onnx.QuantOp)
_HEADS = (onnx.SoftmaxOp, onnx.LogSoftmaxOp)
_RESHAPES = (onnx.FlattenOp, onnx.ReshapeOp)
_TAKEN = (
    *_SYNAPSES, *_NEURONS, *_HEADS, *_RESHAPES, *_GIVEN, onnx.MaxPoolOp, onnx.ConstantOp,
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One reason why a network cannot become a spiking one.

    Args:
        op: the op at fault.
        what: what is wrong with it.
        hint: what the user can do.
    """

    op: Operation
    what: str
    hint: str

    @property
    def text(self) -> str:
        if isinstance(self.op, func.FuncOp):
            return f"network @{self.op.sym_name.data}: {self.what}"
        return f"{describe(self.op)}: {self.what}"


def find_problems(network: func.FuncOp) -> list[Problem]:
    """All problems of a network, in the order of its ops; none if it can be converted."""
    found = list(_interface(network))
    for op in network.body.block.ops:
        if not isinstance(op, func.ReturnOp):
            found.extend(Problem(op, what, hint) for what, hint in _of_op(op))
    return found


def _interface(network: func.FuncOp) -> Iterator[Problem]:
    block = network.body.block
    returned = block.last_op.operands if isinstance(block.last_op, func.ReturnOp) else ()
    if len(block.args) != 1 or len(returned) != 1:
        what = f"it has {len(block.args)} inputs and {len(returned)} outputs"
        yield Problem(network, what, "give it one input and one output")
    elif isinstance(returned[0], BlockArgument):
        yield Problem(network, "it has no layers", "give one with a Conv or Gemm")


def _of_op(op: Operation) -> Iterator[tuple[str, str]]:
    if not isinstance(op, _TAKEN):
        yield _not_taken(op)
        return
    if isinstance(op, onnx.ConstantOp):
        return
    if shape_of(op.result)[:1] != (1,):
        yield (
            f"its result {shape_of(op.result)} has no batch dimension of 1 in front",
            "keep (1, channels, height, width) or (1, features) throughout",
        )
        return
    match op:
        case onnx.ConvOp():
            yield from _conv(op)
        case onnx.GemmOp():
            yield from _gemm(op)
        case onnx.AddOp():
            yield from _add(op)
        case onnx.ReluOp() | onnx.ClipOp():
            yield from _neuron(op)
        case onnx.SoftmaxOp() | onnx.LogSoftmaxOp():
            yield from _softmax(op)
        case onnx.MaxPoolOp() | onnx.AveragePoolOp():
            yield from _pool(op)
        case onnx.PixelsOp() | onnx.LevelsOp() if not isinstance(op.x, BlockArgument):
            yield "it is not behind the network's input", "let it be the first node"
        case onnx.ReadoutOp() if not all(
            isinstance(use.operation, func.ReturnOp) for use in op.result.uses
        ):
            yield "it is not the last node", "only the network's output is read"
        case onnx.ReshapeOp():
            if len(shape_of(op.result)) > 2 and not _slices_to_channels(op):
                yield (
                    f"a reshape of {shape_of(op.x)} to {shape_of(op.result)}",
                    "only flattening before a fully connected layer has a spiking form, and "
                    "(1, C, D, H, W) to (1, C * D, H, W)",
                )


def _slices_to_channels(op: onnx.ReshapeOp) -> bool:
    before, after = shape_of(op.x), shape_of(op.result)
    merged = len(before) == 5 and after == (1, before[1] * before[2], *before[3:])
    return merged or (len(after) == 5 and isinstance(op.x, BlockArgument))


def _not_taken(op: Operation) -> tuple[str, str]:
    match op:
        case onnx.BatchNormalizationOp():
            return "it is still there", "run fold-batchnorm"
        case onnx.PadOp():
            return (
                "only zeros around the map, before a Conv, an AveragePool or a MaxPool of "
                "values that are never negative, can be folded",
                "use the pads of the next layer",
            )
        case onnx.MulOp() | onnx.DivOp() | onnx.SubOp():
            return _left_arithmetic(op)
        case onnx.TransposeOp() if isinstance(op.x, BlockArgument):
            return "the input is transposed", "export the network with channels first (NCHW)"
        case onnx.MatMulOp():
            return "it is no product of one row with constant weights", "use Gemm or Conv"
        case _:
            hint = "run simplify-onnx, or leave the node out"
            return f"{op.name.removeprefix('onnx.')} has no spiking form", hint


def _left_arithmetic(op: onnx.BinaryOp) -> tuple[str, str]:
    if constant_of(op.rhs) is None and constant_of(op.lhs) is None:
        return "it combines two computed tensors", "only Add of two tensors has a spiking form"
    return _left_constant(op.lhs)


def _left_constant(x: SSAValue) -> tuple[str, str]:
    what = "its constant cannot be folded exactly into a neighbouring layer"
    if isinstance(x, BlockArgument):
        return (
            f"{what}, because the first layer pads with zeros",
            "take the normalisation out of the model and give it as --mean and --std",
        )
    return what, "place it directly behind a Conv or Gemm, with one value per channel"


def _conv(op: onnx.ConvOp) -> Iterator[tuple[str, str]]:
    if len(shape_of(op.x)) not in (4, 5):
        yield (
            f"its input {shape_of(op.x)} is neither (1, channels, height, width) nor a volume",
            "use a 2D or 3D Conv",
        )
    yield from _constant_weights(op)
    yield from _behind_neuron(op, op.x)


def _gemm(op: onnx.GemmOp) -> Iterator[tuple[str, str]]:
    yield from _constant_weights(op)
    p = op.params
    if (p["alpha"], p["beta"], p["transA"], p["transB"]) != (1.0, 1.0, 0, 1):
        yield "it is not in the form x @ w.T + b", "run simplify-onnx"
    yield from _behind_neuron(op, op.x)


def _constant_weights(op: onnx.ConvOp | onnx.GemmOp) -> Iterator[tuple[str, str]]:
    for value in op.operands[1:]:
        array = constant_of(value)
        if array is None:
            yield "its weights are computed by the network", "make weights and bias constants"
        elif not np.isfinite(array).all():
            yield "its weights hold NaN or infinity", "train or export the model again"


def _behind_neuron(op: Operation, x: SSAValue) -> Iterator[tuple[str, str]]:
    """Spikes carry the input of a layer or pool, so it must be the image or never negative."""
    source = x
    while isinstance(source.owner, _RESHAPES):
        source = source.owner.x
    if isinstance(source.owner, onnx.AveragePoolOp) and not isinstance(op, onnx.PoolOp):
        # An average of the image is a sum of pixels, which the first layer may take as it is.
        source = source.owner.x
    image = isinstance(source, BlockArgument) or isinstance(source.owner, onnx.PixelsOp)
    if image or is_nonnegative(source):
        return
    owner = source.owner
    if isinstance(owner, Operation) and isinstance(owner, _TAKEN):
        yield (
            f"no activation stands between it and {describe(owner)}",
            "put a Relu between them, or merge the two layers into one",
        )


def _add(op: onnx.AddOp) -> Iterator[tuple[str, str]]:
    if constant_of(op.lhs) is not None or constant_of(op.rhs) is not None:
        x = op.rhs if constant_of(op.lhs) is not None else op.lhs
        yield _left_constant(x)
    elif shape_of(op.lhs) != shape_of(op.rhs):
        yield (
            f"a residual of {shape_of(op.lhs)} and {shape_of(op.rhs)}",
            "add tensors of the same shape",
        )


def _neuron(op: onnx.ReluOp | onnx.ClipOp) -> Iterator[tuple[str, str]]:
    if isinstance(op, onnx.ClipOp):
        low, high = op.params.get("min"), op.params.get("max")
        if low != 0.0 or high is None or high <= 0.0:
            yield (
                f"it limits to [{'-inf' if low is None else low}, "
                f"{'inf' if high is None else high}]",
                "a spiking neuron's range is [0, max]: use Clip(0, max) or Relu",
            )


def _pool(op: onnx.PoolOp) -> Iterator[tuple[str, str]]:
    p = op.params
    if len(shape_of(op.x)) not in (4, 5) or set(p["dilations"]) != {1}:
        yield "it is dilated, or over other than two or three axes", "use a plain 2D or 3D pool"
    if isinstance(op, onnx.MaxPoolOp):
        if isinstance(op.x, BlockArgument):
            yield "it pools the network's input", "put a Conv and a Relu in front of it"
        if all(isinstance(use.operation, _NEURONS) for use in op.result.uses):
            return
    else:
        if any(p["pads"]) and not p["count_include_pad"]:
            yield (
                "its pads do not count in the mean, so it divides differently at the rim",
                "export it with count_include_pad = 1, or without pads",
            )
        if _is_pointwise(op.x) and not any(p["pads"]):
            return
    yield from _behind_neuron(op, op.x)


def _is_pointwise(value: SSAValue) -> bool:
    """Whether only 1x1 convolutions make the value: those and an average change places."""
    match value.owner:
        case onnx.ConvOp() as conv:
            plain = set(conv.params["strides"]) == {1} and not any(conv.params["pads"])
            return plain and set(shape_of(conv.w)[2:]) == {1}
        case onnx.AddOp(lhs=lhs, rhs=rhs):
            return _is_pointwise(lhs) and _is_pointwise(rhs)
        case _:
            return False


def _softmax(op: onnx.SoftmaxOp | onnx.LogSoftmaxOp) -> Iterator[tuple[str, str]]:
    if not all(isinstance(use.operation, func.ReturnOp) for use in op.result.uses):
        yield "it is not the last node", "only the network's output may be a softmax"
    shape, axis = shape_of(op.x), op.params["axis"]
    if math.prod(shape) != shape[axis]:
        yield f"it runs over axis {axis} of {shape}", "let it run over the classes, of shape (1, n)"

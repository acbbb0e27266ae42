"""The onnx dialect: the imported network, one op per ONNX node, float32 tensors.

A network is a `func.func` with one argument and one result; the batch dimension is 1. What ONNX
spells differently from opset to opset (attribute or input, auto_pad, ceil_mode, implicit shapes)
is resolved on import, so an op has one form:

    %c = onnx.Conv %x, %w, %b {strides = [2, 2], pads = [1, 1, 1, 1], node = "conv1"}
        : (tensor<1x3x32x32xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<1x8x16x16xf32>

Parameters at their defaults are not printed. `op.params` gives all of them as Python values, and
`node` is the name of the ONNX node, which messages and layer names use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
)
from xdsl.ir import Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.onnx_given import (
    DelayOp,
    LevelsOp,
    NeuronsOp,
    PixelsOp,
    QuantOp,
    ReadoutOp,
    RecurrentOp,
)
from snnir.dialects.onnx_op import TENSOR, OnnxOp, parse_params, print_params

if TYPE_CHECKING:
    import numpy as np


def constant_of(value: SSAValue) -> np.ndarray | None:
    """The array behind a value that an `onnx.Constant` defines, else None."""
    owner = value.owner
    return from_dense(owner.value) if isinstance(owner, ConstantOp) else None


@irdl_op_definition
class ConstantOp(OnnxOp):
    """Weights or another array known before the network runs; `node` is the initialiser's name."""

    name = "onnx.Constant"
    value = prop_def(DenseIntOrFPElementsAttr)

    def __init__(
        self,
        value: np.ndarray | DenseIntOrFPElementsAttr,
        node: str | StringAttr | None = None,
    ):
        dense = value if isinstance(value, DenseIntOrFPElementsAttr) else to_dense(value)
        properties = {"value": dense}
        if node is not None:
            properties["node"] = StringAttr(node) if isinstance(node, str) else node
        IRDLOperation.__init__(self, result_types=[dense.type], properties=properties)

    def verify_(self) -> None:
        if self.value.type != self.result.type:
            raise VerifyException(f"value of type {self.value.type} makes no {self.result.type}")

    def print(self, printer: Printer) -> None:
        print_params(printer, {}, self.node)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_attribute(self.value)

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        params = parse_params(parser, cls)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        value = parser.parse_attribute()
        if not isinstance(value, DenseIntOrFPElementsAttr):
            parser.raise_error("dense<...> : tensor<...xf32> expected")
        op = cls(value, params.get("node"))
        op.attributes = dict(attributes.data) if attributes else {}
        return op


@irdl_op_definition
class ConvOp(OnnxOp):
    """Cross-correlation of x (N, C, ...) with w (O, C / group, ...), plus b (O)."""

    name = "onnx.Conv"
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    b = opt_operand_def(TENSOR)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    group = prop_def(IntegerAttr)


@irdl_op_definition
class GemmOp(OnnxOp):
    """alpha * a' @ b' + beta * c.

    simplify-onnx leaves alpha = beta = transB = 1 and transA = 0: x @ w.T + bias.
    """

    name = "onnx.Gemm"
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    b = opt_operand_def(TENSOR)
    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)
    transA = prop_def(IntegerAttr)
    transB = prop_def(IntegerAttr)


@irdl_op_definition
class MatMulOp(OnnxOp):
    """Matrix product with numpy's rules for other ranks than two."""

    name = "onnx.MatMul"
    lhs = operand_def(TENSOR)
    rhs = operand_def(TENSOR)


@irdl_op_definition
class BatchNormalizationOp(OnnxOp):
    """(x - mean) / sqrt(var + epsilon) * scale + bias, per channel."""

    name = "onnx.BatchNormalization"
    x = operand_def(TENSOR)
    scale = operand_def(TENSOR)
    bias = operand_def(TENSOR)
    mean = operand_def(TENSOR)
    var = operand_def(TENSOR)
    epsilon = prop_def(FloatAttr)


class UnaryOp(OnnxOp):
    """One tensor in, one out."""

    x = operand_def(TENSOR)


@irdl_op_definition
class ReluOp(UnaryOp):
    name = "onnx.Relu"


@irdl_op_definition
class ClipOp(UnaryOp):
    """x limited to [min, max]; an absent bound does not limit."""

    name = "onnx.Clip"
    min = opt_prop_def(FloatAttr)
    max = opt_prop_def(FloatAttr)


class PoolOp(UnaryOp):
    """A window that slides over the spatial dimensions; ceil_mode has become end pads."""

    kernel_shape = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    pads = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)


@irdl_op_definition
class MaxPoolOp(PoolOp):
    """Maximum of the window; padding never wins."""

    name = "onnx.MaxPool"


@irdl_op_definition
class AveragePoolOp(PoolOp):
    """Mean of the window; padding counts in the divisor where count_include_pad = 1."""

    name = "onnx.AveragePool"
    count_include_pad = prop_def(IntegerAttr)


@irdl_op_definition
class GlobalAveragePoolOp(UnaryOp):
    name = "onnx.GlobalAveragePool"


@irdl_op_definition
class ReduceMeanOp(UnaryOp):
    name = "onnx.ReduceMean"
    axes = prop_def(DenseArrayBase)
    keepdims = prop_def(IntegerAttr)


@irdl_op_definition
class FlattenOp(UnaryOp):
    """A matrix of (dimensions before axis, the others)."""

    name = "onnx.Flatten"
    axis = prop_def(IntegerAttr)


@irdl_op_definition
class ReshapeOp(UnaryOp):
    """The same elements in row-major order under another shape, which has no 0 and no -1."""

    name = "onnx.Reshape"
    shape = prop_def(DenseArrayBase)


@irdl_op_definition
class SqueezeOp(UnaryOp):
    name = "onnx.Squeeze"
    axes = prop_def(DenseArrayBase)


@irdl_op_definition
class UnsqueezeOp(UnaryOp):
    name = "onnx.Unsqueeze"
    axes = prop_def(DenseArrayBase)


@irdl_op_definition
class TransposeOp(UnaryOp):
    name = "onnx.Transpose"
    perm = prop_def(DenseArrayBase)


class BinaryOp(OnnxOp):
    """Elementwise with broadcasting."""

    lhs = operand_def(TENSOR)
    rhs = operand_def(TENSOR)


@irdl_op_definition
class AddOp(BinaryOp):
    name = "onnx.Add"


@irdl_op_definition
class SubOp(BinaryOp):
    name = "onnx.Sub"


@irdl_op_definition
class MulOp(BinaryOp):
    name = "onnx.Mul"


@irdl_op_definition
class DivOp(BinaryOp):
    name = "onnx.Div"


@irdl_op_definition
class SumOp(OnnxOp):
    """Elementwise sum of any number of tensors."""

    name = "onnx.Sum"
    inputs = var_operand_def(TENSOR)

    def _segments(self, values: list[SSAValue]) -> list[Any]:
        return [values]


@irdl_op_definition
class PadOp(UnaryOp):
    """pads = all begins, then all ends, over every dimension; negative ones crop."""

    name = "onnx.Pad"
    pads = prop_def(DenseArrayBase)
    mode = prop_def(StringAttr)
    value = prop_def(FloatAttr)


@irdl_op_definition
class IdentityOp(UnaryOp):
    name = "onnx.Identity"


@irdl_op_definition
class DropoutOp(UnaryOp):
    """The identity, as at inference."""

    name = "onnx.Dropout"


@irdl_op_definition
class SoftmaxOp(UnaryOp):
    name = "onnx.Softmax"
    axis = prop_def(IntegerAttr)


@irdl_op_definition
class LogSoftmaxOp(UnaryOp):
    name = "onnx.LogSoftmax"
    axis = prop_def(IntegerAttr)


Onnx = Dialect(
    "onnx",
    [
        ConstantOp, ConvOp, GemmOp, MatMulOp, BatchNormalizationOp, ReluOp, ClipOp, MaxPoolOp,
        AveragePoolOp, GlobalAveragePoolOp, ReduceMeanOp, FlattenOp, ReshapeOp, SqueezeOp,
        UnsqueezeOp, TransposeOp, AddOp, SubOp, MulOp, DivOp, SumOp, PadOp, IdentityOp, DropoutOp,
        SoftmaxOp, LogSoftmaxOp, PixelsOp, QuantOp, LevelsOp, DelayOp, NeuronsOp,
        RecurrentOp,
        ReadoutOp,
    ],
    [],
)  # fmt: skip

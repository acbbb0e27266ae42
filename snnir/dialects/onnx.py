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

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    Float32Type,
    FloatAttr,
    FunctionType,
    IntegerAttr,
    StringAttr,
    TensorType,
    f32,
    i64,
)
from xdsl.ir import Attribute, Dialect, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.dense import from_dense, to_dense
from snnir.dialects.onnx_shapes import RULES, Shape, default_params

if TYPE_CHECKING:
    import numpy as np

FLOAT_PARAMS = frozenset({"alpha", "beta", "epsilon", "min", "max", "value"})
TENSOR = TensorType[Float32Type]


def shape_of(value: SSAValue) -> Shape:
    """The shape of a tensor value, batch dimension included."""
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def constant_of(value: SSAValue) -> np.ndarray | None:
    """The array behind a value that an `onnx.Constant` defines, else None."""
    owner = value.owner
    return from_dense(owner.value) if isinstance(owner, ConstantOp) else None


def describe(op: Operation) -> str:
    """How messages name an op: its ONNX node and its kind."""
    node = op.properties.get("node")
    name = f"node '{node.data}'" if isinstance(node, StringAttr) else "unnamed node"
    return f"{name} ({op.name.removeprefix('onnx.')})"


def _to_attr(name: str, value: Any) -> Attribute:
    if isinstance(value, str):
        return StringAttr(value)
    if name in FLOAT_PARAMS:
        return FloatAttr(float(value), f32)
    if isinstance(value, Sequence):
        return DenseArrayBase.from_list(i64, [int(v) for v in value])
    return IntegerAttr(int(value), i64)


def _from_attr(attr: Attribute) -> Any:
    match attr:
        case DenseArrayBase():
            return tuple(attr.iter_values())
        case FloatAttr() | IntegerAttr():
            return attr.value.data
        case StringAttr():
            return attr.data
        case _:
            raise ValueError(f"no parameter is written as {attr}")


def _float_text(value: float) -> str:
    """The shortest decimal that reads back as the same float32."""
    packed = struct.pack("<f", value)
    digits = next(d for d in range(1, 18) if struct.pack("<f", float(f"{value:.{d}g}")) == packed)
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    mantissa += "" if "." in mantissa else ".0"
    return f"{mantissa}e{exponent}" if exponent else mantissa


def _param_text(value: Any) -> str:
    match value:
        case float():
            return _float_text(value)
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)


def _parse_param(parser: Parser) -> tuple[str, Any]:
    name = parser.parse_identifier("parameter name expected")
    parser.parse_punctuation("=")
    text = parser.parse_optional_str_literal()
    if text is not None:
        return name, text
    values = parser.parse_optional_comma_separated_list(
        parser.Delimiter.SQUARE, parser.parse_integer
    )
    return name, values if values is not None else parser.parse_number()


class OnnxOp(IRDLOperation):
    """What all ops of the dialect share: construction, shape inference, syntax, verifier.

    Args:
        operands: the operands; None for an optional one that is absent.
        node: the name of the ONNX node, kept through rewrites.
        params: the parameters as Python values; what is missing takes its default.

    Raises:
        ValueError: if the operand shapes and parameters do not fit together.
    """

    result = result_def(TENSOR)
    node = opt_prop_def(StringAttr)

    traits = traits_def(Pure())

    def __init__(
        self,
        *operands: SSAValue | Operation | None,
        node: str | StringAttr | None = None,
        **params: Any,
    ):
        values = [SSAValue.get(v) for v in operands if v is not None]
        shapes = [shape_of(v) for v in values]
        params = {**default_params(self.name, shapes), **params}
        shape = RULES[self.name](shapes, params)
        properties = {k: _to_attr(k, v) for k, v in params.items() if v is not None}
        if node is not None:
            properties["node"] = StringAttr(node) if isinstance(node, str) else node
        super().__init__(
            operands=self._segments(values),
            result_types=[TensorType(f32, shape)],
            properties=properties,
        )

    def _segments(self, values: list[SSAValue]) -> list[Any]:
        missing = len(self.get_irdl_definition().operands) - len(values)
        return [*values, *([None] * missing)]

    @property
    def params(self) -> dict[str, Any]:
        """All parameters but `node`, as Python numbers, tuples and strings."""
        order = (k for k in self.get_irdl_definition().properties if k != "node")
        return {k: _from_attr(self.properties[k]) for k in order if k in self.properties}

    def verify_(self) -> None:
        shapes = [shape_of(v) for v in self.operands]
        if any(n < 0 for s in (*shapes, shape_of(self.result)) for n in s):
            raise VerifyException(f"{describe(self)}: every dimension must have a fixed size")
        try:
            expected = RULES[self.name](shapes, self.params)
        except ValueError as error:
            raise VerifyException(f"{describe(self)}: {error}") from error
        if expected != shape_of(self.result):
            raise VerifyException(
                f"{describe(self)}: result is {shape_of(self.result)}, "
                f"the operands and parameters make {expected}"
            )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_ssa_value)
        defaults = default_params(self.name, [shape_of(v) for v in self.operands])
        shown = {k: v for k, v in self.params.items() if k not in defaults or v != defaults[k]}
        _print_params(printer, shown, self.node)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" : ")
        printer.print_operation_type(self)

    @classmethod
    def parse(cls, parser: Parser) -> OnnxOp:
        unresolved = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        params = _parse_params(parser, cls)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_function_type()
        values = parser.resolve_operands(unresolved or [], type.inputs.data, position)
        _check_types(parser, type)
        defaults = default_params(cls.name, [shape_of(v) for v in values])
        node = params.pop("node", None)
        properties = {k: _to_attr(k, v) for k, v in {**defaults, **params}.items()}
        if node is not None:
            properties["node"] = StringAttr(node)
        return cls.create(
            operands=values,
            result_types=type.outputs.data,
            properties=properties,
            attributes=attributes.data if attributes else {},
        )


def _check_types(parser: Parser, type: FunctionType) -> None:
    for t in (*type.inputs, *type.outputs):
        if not isinstance(t, TensorType) or t.element_type != f32:
            parser.raise_error(f"a tensor of f32 is expected here, not {t}")


def _print_params(printer: Printer, params: Mapping[str, Any], node: StringAttr | None) -> None:
    entries = dict(params) | ({"node": node} if node else {})
    if not entries:
        return
    printer.print_string(" {")
    for index, (name, value) in enumerate(entries.items()):
        printer.print_string(f"{', ' if index else ''}{name} = ")
        if isinstance(value, StringAttr):
            printer.print_string_literal(value.data)
        elif isinstance(value, str):
            printer.print_string_literal(value)
        else:
            printer.print_string(_param_text(value))
    printer.print_string("}")


def _parse_params(parser: Parser, cls: type[OnnxOp]) -> dict[str, Any]:
    entries = parser.parse_optional_comma_separated_list(
        parser.Delimiter.BRACES, lambda: _parse_param(parser)
    )
    params = dict(entries or [])
    known = cls.get_irdl_definition().properties
    for name in params:
        if name not in known:
            parser.raise_error(f"{cls.name} has no parameter '{name}': {', '.join(known)}")
    return params


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
        _print_params(printer, {}, self.node)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_attribute(self.value)

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        params = _parse_params(parser, cls)
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
        SoftmaxOp, LogSoftmaxOp,
    ],
    [],
)  # fmt: skip

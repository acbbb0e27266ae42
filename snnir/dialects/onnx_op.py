"""What all ops of the onnx dialect share: construction, shape inference, syntax, verifier."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from xdsl.dialects.builtin import (
    DenseArrayBase,
    Float32Type,
    FloatAttr,
    FunctionType,
    IntegerAttr,
    StringAttr,
    TensorType,
    f32,
    f64,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, opt_prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.onnx_shapes import RULES, Shape, default_params

FLOAT_PARAMS = frozenset({"alpha", "beta", "epsilon", "min", "max", "value", "spike", "step"})
FLOAT_LISTS = frozenset({"scale", "unit"})
TENSOR = TensorType[Float32Type]


def shape_of(value: SSAValue) -> Shape:
    """The shape of a tensor value, batch dimension included."""
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


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
    if name in FLOAT_LISTS:
        return DenseArrayBase.from_list(f64, [float(v) for v in value])
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
            return f"[{', '.join(map(_param_text, value))}]"
        case _:
            return str(value)


def _parse_param(parser: Parser) -> tuple[str, Any]:
    name = parser.parse_identifier("parameter name expected")
    parser.parse_punctuation("=")
    text = parser.parse_optional_str_literal()
    if text is not None:
        return name, text
    values = parser.parse_optional_comma_separated_list(
        parser.Delimiter.SQUARE, parser.parse_number
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
        print_params(printer, shown, self.node)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" : ")
        printer.print_operation_type(self)

    @classmethod
    def parse(cls, parser: Parser) -> OnnxOp:
        unresolved = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        params = parse_params(parser, cls)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        parser.parse_punctuation(":")
        position = parser.pos
        type = parser.parse_function_type()
        values = parser.resolve_operands(unresolved or [], type.inputs.data, position)
        _check_types(parser, type, position)
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


def _check_types(parser: Parser, type: FunctionType, start: int) -> None:
    for t in (*type.inputs, *type.outputs):
        if not isinstance(t, TensorType) or t.element_type != f32:
            parser.raise_error(f"a tensor of f32 is expected here, not {t}", start, start + 1)


def print_params(printer: Printer, params: Mapping[str, Any], node: StringAttr | None) -> None:
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


def parse_params(parser: Parser, cls: type[OnnxOp]) -> dict[str, Any]:
    entries = parser.parse_optional_comma_separated_list(
        parser.Delimiter.BRACES, lambda: _parse_param(parser)
    )
    params = dict(entries or [])
    known = cls.get_irdl_definition().properties
    for name in params:
        if name not in known:
            parser.raise_error(f"{cls.name} has no parameter '{name}': {', '.join(known)}")
    return params

"""Reads an ONNX file into plain Python: nodes in order, constants, the input and the output.

What is wrong with the file as a whole is found here; what is wrong with one node is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snnir.errors import UserError
from snnir.frontend.onnx_advice import advise_file
from snnir.frontend.onnx_functions import DOMAIN
from snnir.frontend.onnx_nodes import FLOAT_TYPES, Node

if TYPE_CHECKING:
    import onnx

OLDEST_OPSET = 7
# From 23 on the supported operators have only gained element types.
NEWEST_OPSET = 25


@dataclass(frozen=True)
class Tensor:
    """The network's input or output."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """An ONNX graph whose nodes stand in an order in which they can be computed."""

    file: str
    name: str
    opset: int
    nodes: list[Node]
    unordered: dict[str, str]
    constants: dict[str, np.ndarray]
    input: Tensor
    fixed_batch: int
    output: str
    needed: frozenset[str]


def read_graph(path: str | os.PathLike[str]) -> Graph:
    """The graph of an ONNX file.

    Raises:
        UserError: if the file cannot be read, is no ONNX model, or is not a network with one
            input and one output of fixed size.
    """
    file = os.fspath(path)
    model = load_model(file)
    opset = _opset(model, file)
    graph = model.graph
    constants = {t.name: _array(t, file) for t in graph.initializer}
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        raise UserError(f"initialiser '{name}' is sparse", where=file, hint="store it densely")
    proto_nodes = _named(graph.node)
    output = _output(graph, file)
    input_, batch = _input(graph, constants, file)
    nodes = [_node(proto, name, model, opset) for proto, name in proto_nodes]
    ordered, unordered = _order(nodes, {input_.name, *constants, ""})
    needed = _needed(nodes, output)
    return Graph(
        file, graph.name, opset, ordered, unordered, constants, input_, batch, output, needed
    )


def whole_model(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes, or those of an equal model that holds the weights kept beside it.

    Raises:
        UserError: the file cannot be taken.
    """
    import onnx
    from onnx.external_data_helper import uses_external_data

    with open(path, "rb") as stream:
        data = stream.read()
    graph = onnx.load_model_from_string(data).graph
    if not any(uses_external_data(tensor) for tensor in graph.initializer):
        return data
    return load_model(path).SerializeToString()


def load_model(path: str | os.PathLike[str]) -> onnx.ModelProto:
    """The model of a file, with weights kept beside it.

    Raises:
        UserError: the file cannot be read, or is no ONNX model.
    """
    file = os.fspath(path)
    if os.path.isdir(file):
        raise UserError("this is a directory", where=file, hint="give the .onnx file in it")
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(error.strerror or "cannot be read", where=file) from None
    if not data:
        raise UserError("the file is empty", where=file, hint="export or download it again")

    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError):
        raise UserError("not an ONNX model", where=file, hint=advise_file(data[:64])) from None
    if not model.opset_import or not (model.graph.node or model.graph.output):
        raise UserError("not an ONNX model", where=file, hint=advise_file(data[:64]))
    if not all(isinstance(text, str) for text in _names(model.graph)):
        # protobuf gives bytes for a string that is no UTF-8.
        raise UserError("a name in it is no text", where=file, hint=advise_file(data[:64]))
    try:
        onnx.load_external_data_for_model(model, os.path.dirname(os.path.abspath(file)))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise UserError(
            f"the weights kept beside the model cannot be read: {_first_line(error)}",
            where=file,
            hint="put the external data file into the model's folder",
        ) from None
    if model.functions:
        import onnx.inliner

        own = [(f.domain, f.name) for f in model.functions if f.domain == DOMAIN]
        model = onnx.inliner.inline_selected_functions(model, own, exclude=True)
    return model


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    yield graph.name
    yield from (v.name for v in (*graph.input, *graph.output, *graph.initializer))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _opset(model: onnx.ModelProto, file: str) -> int:
    versions = {o.domain: o.version for o in model.opset_import}
    opset = versions.get("", versions.get("ai.onnx"))
    if opset is None:
        raise UserError(f"it uses only the domains {', '.join(versions)}", where=file)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise UserError(
            f"opset {opset} is not supported",
            where=file,
            hint=f"export with opset {OLDEST_OPSET} to {NEWEST_OPSET}, or convert it with "
            "onnx.version_converter",
        )
    return opset


def _array(tensor: onnx.TensorProto, where: str) -> np.ndarray:
    from onnx import numpy_helper

    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        what = f"tensor '{tensor.name}' does not hold what its shape says: {_first_line(error)}"
        raise UserError(what, where=where, hint="the file may be damaged") from None
    if tensor.data_type in FLOAT_TYPES and array.dtype != np.float64:
        array = array.astype(np.float32, copy=False)
    return array


def _attribute(attribute: onnx.AttributeProto, where: str) -> Any:
    from onnx import AttributeProto, helper

    if attribute.type == AttributeProto.TENSOR:
        return _array(attribute.t, where)
    if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
        return "subgraph"
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if attribute.type in (6, 7, 8) else value


def _named(protos: Any) -> list[tuple[onnx.NodeProto, str]]:
    """Each node with a name that no other node has."""
    taken: set[str] = set()
    named = []
    for index, proto in enumerate(protos):
        wanted = proto.name or f"{proto.op_type}_{index}"
        name, count = wanted, 2
        while name in taken:
            name, count = f"{wanted}_{count}", count + 1
        taken.add(name)
        named.append((proto, name))
    return named


def _node(proto: onnx.NodeProto, name: str, model: onnx.ModelProto, opset: int) -> Node:
    where = f"node '{name}' ({proto.op_type})"
    attributes = {a.name: _attribute(a, where) for a in proto.attribute}
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    return Node(
        name, proto.op_type, domain, opset, tuple(proto.input), _used(proto), attributes,
        _complaint(proto, model, opset),
    )  # fmt: skip


def _used(proto: onnx.NodeProto) -> tuple[str, ...]:
    outputs = list(proto.output)
    while len(outputs) > 1 and not outputs[-1]:
        outputs.pop()
    return tuple(outputs)


def _complaint(proto: onnx.NodeProto, model: onnx.ModelProto, opset: int) -> str | None:
    """What ONNX's own checker says about the node: wrong input counts, attributes, types."""
    from onnx import checker

    if proto.domain not in ("", "ai.onnx"):
        return None
    context = checker.C.CheckerContext()
    context.ir_version = model.ir_version or 3
    context.opset_imports = {"": opset}
    try:
        checker.check_node(proto, context)
    except (checker.ValidationError, UnicodeDecodeError) as error:
        return _first_line(error)
    return None


def _output(graph: onnx.GraphProto, file: str) -> str:
    if len(graph.output) != 1:
        names = ", ".join(f"'{o.name}'" for o in graph.output) or "none"
        raise UserError(
            f"the model has {len(graph.output)} outputs ({names}) where one is taken",
            where=file,
            hint="cut it to the output that classifies with onnx.utils.extract_model",
        )
    output = graph.output[0]
    if output.type.WhichOneof("value") not in (None, "tensor_type"):
        kind = output.type.WhichOneof("value").removesuffix("_type")
        raise UserError(f"output '{output.name}' is a {kind}, not a tensor", where=file)
    return output.name


def _input(
    graph: onnx.GraphProto, constants: dict[str, np.ndarray], file: str
) -> tuple[Tensor, int]:
    """The input with batch size 1, and the batch size that the file fixes (1 if it fixes none)."""
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(f"'{i.name}'" for i in inputs) or "none"
        raise UserError(
            f"the model has {len(inputs)} inputs ({names}) where one is taken",
            where=file,
            hint="make the others constants, or join them before the network",
        )
    value = inputs[0]
    if value.type.WhichOneof("value") != "tensor_type":
        kind = (value.type.WhichOneof("value") or "untyped").removesuffix("_type")
        raise UserError(f"input '{value.name}' is a {kind}, not a tensor", where=file)
    tensor = value.type.tensor_type
    _check_element_type(value.name, tensor.elem_type, graph, file)
    if not tensor.HasField("shape") or not tensor.shape.dim:
        raise UserError(
            f"input '{value.name}' has no shape", where=file, hint="export it with a fixed size"
        )
    dims = [d.dim_value if d.WhichOneof("value") == "dim_value" else 0 for d in tensor.shape.dim]
    labels = [d.dim_param or str(d.dim_value or "?") for d in tensor.shape.dim]
    unknown = [labels[d] for d in range(1, len(dims)) if dims[d] <= 0]
    if unknown:
        raise UserError(
            f"input '{value.name}' has the shape ({', '.join(labels)}), of which "
            f"{', '.join(unknown)} has no fixed size",
            where=file,
            hint="export with fixed sizes; only the first dimension, the batch, may stay open",
        )
    if len(dims) == 1 and dims[0] > 0:
        # A plain vector has no batch dimension to set to 1.
        return Tensor(value.name, (dims[0],)), 1
    return Tensor(value.name, (1, *dims[1:])), max(dims[0], 1)


def _check_element_type(name: str, element: int, graph: onnx.GraphProto, file: str) -> None:
    from onnx import TensorProto

    readers = {n.op_type for n in graph.node if name in n.input}
    if element in FLOAT_TYPES or readers == {"Cast"}:
        return
    kind = TensorProto.DataType.Name(element).lower()
    raise UserError(
        f"input '{name}' holds {kind}, not float", where=file, hint="export a float32 input"
    )


def _order(nodes: list[Node], available: set[str]) -> tuple[list[Node], dict[str, str]]:
    """The nodes in computing order, and for those that have none the reason by node name."""
    ordered: list[Node] = []
    pending = nodes
    while pending:
        waiting = []
        for node in pending:
            if available.issuperset(node.inputs):
                ordered.append(node)
                available.update(node.outputs)
            else:
                waiting.append(node)
        if len(waiting) == len(pending):
            break
        pending = waiting
    else:
        return ordered, {}
    produced = {output for node in nodes for output in node.outputs}
    reasons = {}
    for node in pending:
        lost = [i for i in node.inputs if i not in available and i not in produced]
        if lost:
            reasons[node.name] = f"its input '{lost[0]}' is no input, initialiser or node's output"
        else:
            waits = next(i for i in node.inputs if i not in available)
            reasons[node.name] = f"its input '{waits}' depends on the node itself or on a lost one"
    return ordered + pending, reasons


def _needed(nodes: list[Node], output: str) -> frozenset[str]:
    """Names of the nodes that the output depends on."""
    producer = {name: node for node in nodes for name in node.outputs if name}
    needed: set[str] = set()
    stack = [output]
    while stack:
        node = producer.get(stack.pop())
        if node is not None and node.name not in needed:
            needed.add(node.name)
            stack.extend(node.inputs)
    return frozenset(needed)

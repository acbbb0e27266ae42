"""ONNX files into the onnx dialect: import for compiling, check for saying what would not compile.

Each node becomes one op, float32, for one sample. Nodes whose inputs are all known and that the
dialect does not have (the shape arithmetic of exporters) are computed on the way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FileLineColLoc,
    IntAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    f32,
)
from xdsl.ir import Block, Region, SSAValue

from snnir.dialects.onnx import ConstantOp
from snnir.dialects.onnx_op import OnnxOp, shape_of
from snnir.errors import UserError
from snnir.frontend.onnx_advice import advise
from snnir.frontend.onnx_file import Graph, read_graph
from snnir.frontend.onnx_functions import DOMAIN, FUNCTIONS, ROLES, import_function
from snnir.frontend.onnx_nodes import IMPORTERS, Node, NodeError, check_finite, import_node
from snnir.frontend.onnx_qonnx import DOMAINS as QONNX
from snnir.frontend.onnx_qonnx import quantised_constant
from snnir.frontend.onnx_quantised import dequantised
from snnir.interpreters.onnx import known_value

# What becomes of a node, for the report.
_ROLES = {
    **dict.fromkeys(("Conv", "Gemm", "MatMul"), "a synapse layer"),
    **dict.fromkeys(("Relu", "Clip"), "a spiking neuron"),
    **dict.fromkeys(("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"), "pooling"),
    **dict.fromkeys(("Add", "Sum"), "a bias or a residual connection"),
    **dict.fromkeys(("Sub", "Mul", "Div"), "folded into the neighbouring layer where exact"),
    **dict.fromkeys(("Softmax", "LogSoftmax"), "left to the host, as the last node"),
    "BatchNormalization": "folded into the neighbouring layer",
    "Pad": "folded into the next layer",
    "ReduceMean": "pooling, over the spatial dimensions",
}


@dataclass(frozen=True)
class NodeReport:
    """Whether and how one node of a model is supported.

    Args:
        node: the node's name.
        op_type: its ONNX operator.
        domain: the operator's domain, "" for standard ONNX.
        supported: whether it can be imported.
        how: what becomes of it, or what is wrong.
        hint: what to do where it is not supported.
        shape: the shape of its result, where known.
    """

    node: str
    op_type: str
    domain: str
    supported: bool
    how: str
    hint: str | None = None
    shape: tuple[int, ...] | None = None


def import_model(path: str | os.PathLike[str]) -> ModuleOp:
    """The network of an ONNX file as a module with one `func.func`.

    Raises:
        UserError: for a file, node or tensor that cannot be taken, naming it.
    """
    graph = read_graph(path)
    importer = _Importer(graph)
    for node, report in importer.run():
        if not report.supported:
            where = f"{graph.file}: node '{node.name}' ({node.op_type})"
            raise UserError(report.how, where=where, hint=report.hint)
    return importer.finish()


def check_model(path: str | os.PathLike[str]) -> list[NodeReport]:
    """A report on each node of an ONNX file, in computing order.

    Raises:
        UserError: only for what concerns the file as a whole.
    """
    return [report for _, report in _Importer(read_graph(path)).run()]


class _Importer:
    """Builds the network node by node; a node that fails leaves its outputs unknown."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.fixed_batch = graph.fixed_batch
        self.block = Block(arg_types=[TensorType(f32, graph.input.shape)])
        self.block.args[0].name_hint = _identifier(graph.input.name)
        self.values: dict[str, SSAValue] = {graph.input.name: self.block.args[0]}
        self.constants = dict(graph.constants)
        # Tensor -> the node at fault for its being unknown.
        self.lost: dict[str, str] = {}

    def tensor(self, name: str) -> SSAValue:
        if name not in self.values:
            op = ConstantOp(check_finite(self.constants[name], name), node=name)
            op.result.name_hint = _identifier(name)
            self.block.add_op(op)
            self.values[name] = op.result
        return self.values[name]

    def constant(self, name: str) -> np.ndarray | None:
        if name in self.constants:
            return self.constants[name]
        return known_value(self.values[name])

    def run(self) -> Iterator[tuple[Node, NodeReport]]:
        for node in self.graph.nodes:
            yield node, self._one(node)

    def _one(self, node: Node) -> NodeReport:
        def report(supported: bool, how: str, hint: str | None = None, shape=None) -> NodeReport:
            return NodeReport(node.name, node.op_type, node.domain, supported, how, hint, shape)

        if node.name not in self.graph.needed:
            self.lost.update(dict.fromkeys(node.outputs, node.name))
            return report(True, "unused: the output does not depend on it")
        try:
            if reason := self.graph.unordered.get(node.name):
                raise NodeError(reason, "the graph is damaged: export the model again")
            culprit = next((self.lost[i] for i in node.inputs if i in self.lost), None)
            if culprit is not None:
                self.lost.update(dict.fromkeys(node.outputs, culprit))
                if _is_known(node):
                    return report(True, f"not examined: it depends on '{culprit}'")
                raise _unsupported(node)
            return self._import(node, report)
        except NodeError as error:
            self.lost.update(dict.fromkeys(node.outputs, node.name))
            return report(False, error.what, error.hint)

    def _import(self, node: Node, report) -> NodeReport:
        if node.complaint is not None and node.op_type in IMPORTERS:
            if node.complaint.startswith("No Op registered"):
                raise _unsupported(node)
            raise NodeError(node.complaint, "the model breaks the ONNX standard: export it again")
        if (array := self._evaluate(node)) is not None:
            self.constants[node.outputs[0]] = array
            return report(True, "a constant", shape=array.shape)
        if not _is_known(node):
            raise _unsupported(node)
        op = import_function(node, self) if node.domain else import_node(node, self)
        for output in node.outputs[1:]:
            # Dropout's mask, which nothing may read.
            self.lost[output] = node.name
        op.result.name_hint = _identifier(node.outputs[0])
        self.block.add_op(op)
        self.values[node.outputs[0]] = op.result
        role = ROLES[node.op_type] if node.domain else _ROLES.get(node.op_type, "no hardware")
        return report(True, role, shape=shape_of(op.result))

    def _evaluate(self, node: Node) -> np.ndarray | None:
        """The value of a node that is known now and that the dialect does not express."""
        if node.domain in QONNX and node.op_type == "Quant":
            arrays = [self.constant(name) for name in node.inputs]
            known = all(array is not None for array in arrays)
            return quantised_constant(node, arrays) if known else None
        if node.domain or "subgraph" in node.attributes.values():
            return None
        if node.op_type == "Constant":
            return _constant(node)
        if node.op_type == "Shape" and node.inputs[0] in self.values:
            shape = shape_of(self.values[node.inputs[0]])
            end = node.get("end", len(shape))
            return np.array(shape[node.get("start", 0) : end], np.int64)
        if not node.inputs or len(node.outputs) != 1:
            return None
        known = {name: self.constant(name) for name in node.inputs if name}
        if any(array is None for array in known.values()):
            return None
        data = known.get(node.inputs[0])
        floats = data is not None and data.dtype.kind == "f"
        if node.op_type in IMPORTERS and node.op_type != "Cast" and floats:
            return None
        if node.op_type == "DequantizeLinear":
            return dequantised(node, [known[name] for name in node.inputs if name])
        return _compute(node, {k: v for k, v in known.items() if v is not None})

    def finish(self) -> ModuleOp:
        graph = self.graph
        if graph.output not in self.values or not isinstance(
            self.values[graph.output].owner, OnnxOp
        ):
            raise UserError(f"output '{graph.output}' does not come from a layer", where=graph.file)
        result = self.values[graph.output]
        if graph.fixed_batch > 1 and shape_of(result)[:1] != (1,):
            raise UserError(
                f"the model is fixed to batch size {graph.fixed_batch} and cannot be changed to 1",
                where=graph.file,
                hint="export it with batch size 1 or an open batch dimension",
            )
        self.block.add_op(func.ReturnOp(result))
        names = [ArrayAttr([DictionaryAttr({"onnx.name": StringAttr(name)})])
                 for name in (graph.input.name, graph.output)]  # fmt: skip
        network = func.FuncOp(
            _identifier(graph.name) or "network",
            ([self.block.args[0].type], [result.type]),
            Region(self.block),
            arg_attrs=names[0],
            res_attrs=names[1],
        )
        module = ModuleOp([network])
        module.location = FileLineColLoc(StringAttr(graph.file), IntAttr(1), IntAttr(1))
        return module


def _is_known(node: Node) -> bool:
    known = {"": IMPORTERS, DOMAIN: FUNCTIONS, **dict.fromkeys(QONNX, ("Quant",))}
    return node.op_type in known.get(node.domain, ())


def _unsupported(node: Node) -> NodeError:
    domain = node.domain and f" of domain '{node.domain}'"
    hint = advise(node.op_type, node.domain, [*IMPORTERS, "Constant"])
    return NodeError(f"operator {node.op_type}{domain} is not supported", hint)


def _constant(node: Node) -> np.ndarray:
    for attribute, dtype in (
        ("value", None), ("value_float", np.float32), ("value_floats", np.float32),
        ("value_int", np.int64), ("value_ints", np.int64),
    ):  # fmt: skip
        if attribute in node.attributes:
            return np.asarray(node.attributes[attribute], dtype)
    raise NodeError(f"a constant given as {', '.join(node.attributes)} is not supported")


def _compute(node: Node, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The result of a standard operator on constants, by ONNX's reference implementation."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    try:
        proto = helper.make_node(node.op_type, node.inputs, node.outputs, **node.attributes)
        types = [
            helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for k, v in inputs.items()
        ]
        result = helper.make_empty_tensor_value_info(node.outputs[0])
        graph = helper.make_graph([proto], "constant", types, [result])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.opset)])
        with np.errstate(all="ignore"):
            return np.asarray(ReferenceEvaluator(model).run(None, inputs)[0])
    except Exception as error:
        # The reference implementation raises whatever numpy raises on what does not fit.
        raise NodeError(f"it cannot be computed from its constants: {error}") from error


def _identifier(name: str) -> str | None:
    """The name as an identifier of the IR, C and Verilog."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"t{text}" if text[:1].isdigit() else text or None

"""Operators of other domains: Quant, and the functions of `snnir`.

Trained spiking networks are written with functions, whose bodies in the file let any runtime run
it. Here they are taken by name and attributes, as one op each.
"""

from __future__ import annotations

from collections.abc import Callable

from snnir.dialects import onnx
from snnir.dialects.onnx_op import OnnxOp
from snnir.frontend.onnx_nodes import Env, Node, NodeError, import_node
from snnir.frontend.onnx_qonnx import import_quant

DOMAIN = "snnir"


def _neurons(coding: str) -> Callable[[Node, Env], OnnxOp]:
    names = ("unit", "bias", "fraction", "weight_bits", "steps", "theta", "spike")

    def build(node: Node, env: Env) -> OnnxOp:
        leak = node.get("leak", 0) if coding == "rate" else 0
        params = _attributes(node, *names)
        return onnx.NeuronsOp(
            env.tensor(node.inputs[0]), node=node.name, coding=coding, leak=leak, **params
        )

    return build


def _pixels(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "scale", "zero", "bits")
    return onnx.PixelsOp(env.tensor(node.inputs[0]), node=node.name, **params)


def _readout(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "unit", "bias", "fraction", "weight_bits")
    return onnx.ReadoutOp(env.tensor(node.inputs[0]), node=node.name, **params)


def _recurrent(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "of")
    return onnx.RecurrentOp(env.tensor(node.inputs[0]), node=node.name, **params)


def _max_pool(node: Node, env: Env) -> OnnxOp:
    """Max pooling of complete trains, which for spikes step by step takes more than MaxPool."""
    plain = Node(node.name, "MaxPool", "", node.opset, node.inputs, node.outputs, node.attributes)
    return import_node(plain, env)


def _attributes(node: Node, *names: str) -> dict:
    missing = [name for name in names if name not in node.attributes]
    if missing:
        raise NodeError(f"it has no attribute '{missing[0]}'", "export the network again")
    return {name: node.attributes[name] for name in names}


FUNCTIONS: dict[str, Callable[[Node, Env], OnnxOp]] = {
    "Pixels": _pixels,
    "Radix": _neurons("radix"),
    "Rate": _neurons("rate"),
    "MaxPool": _max_pool,
    "Recurrent": _recurrent,
    "Readout": _readout,
    "Quant": import_quant,
}

ROLES = {
    "Pixels": "what a pixel means",
    "Radix": "spiking neurons, as trained",
    "Rate": "spiking neurons, as trained",
    "MaxPool": "pooling",
    "Recurrent": "spikes of the step before",
    "Readout": "the readout, as trained",
    "Quant": "the values of pixels or of a layer's trains",
}
"""What becomes of a function, for the report."""


def import_function(node: Node, env: Env) -> OnnxOp:
    """The op of a function's call.

    Raises:
        NodeError: if its attributes are missing or do not fit.
    """
    return import_node(node, env, FUNCTIONS)

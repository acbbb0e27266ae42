"""Operators of other domains: Quant, and the functions of `snnir`.

Trained spiking networks are written with functions, whose bodies in the file let any runtime run
it. Here they are taken by name and attributes, as one op each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snnir.dialects import onnx
from snnir.dialects.onnx_op import OnnxOp
from snnir.dialects.snn import SILENT, TIES
from snnir.frontend.onnx_nodes import Env, Node, NodeError, import_node
from snnir.frontend.onnx_qonnx import import_quant

DOMAIN = "snnir"


def _neurons(coding: str) -> Callable[[Node, Env], OnnxOp]:
    names = ("unit", "bias", "fraction", "weight_bits", "steps", "theta", "spike")

    def build(node: Node, env: Env) -> OnnxOp:
        params = _attributes(node, *names)
        for name in ("leak", "ahead", "margin"):
            params[name] = node.get(name, 0) if coding == "rate" else 0
        return onnx.NeuronsOp(env.tensor(node.inputs[0]), node=node.name, coding=coding, **params)

    return build


def _pixels(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "scale", "zero", "bits")
    return onnx.PixelsOp(env.tensor(node.inputs[0]), node=node.name, **params)


_SHARED = ("unit", "bias", "weight_bits")


def _glm(node: Node, env: Env) -> OnnxOp:
    """Neurons that spike with the probability that their potential says."""
    p = _attributes(node, *_SHARED, "steps", "points", "seed")
    return onnx.NeuronsOp(
        env.tensor(node.inputs[0]), node=node.name, coding="rate", steps=p["steps"], fraction=0,
        theta=[1] * len(p["bias"]), spike=1.0, leak=0, neuron="glm_window",
        values=_values(points=p["points"], seed=p["seed"]), **{key: p[key] for key in _SHARED},
    )  # fmt: skip


def _first_to_spike(node: Node, env: Env) -> OnnxOp:
    """The same neurons, read out: the first that spikes decides."""
    p = _attributes(node, *_SHARED, "steps", "points", "seed", "ties", "silent")
    if p["ties"] not in (0, 1) or p["silent"] not in (0, 1, 2):
        raise NodeError("its ties are not 0 or 1, or its silent not 0, 1 or 2")
    ties, silent = TIES[p["ties"]], SILENT[p["silent"]]
    values = _values(
        points=p["points"], ties=ties,
        silent="potential" if silent == "potential" else "nothing", seed=p["seed"],
    )  # fmt: skip
    return onnx.ReadoutOp(
        env.tensor(node.inputs[0]), node=node.name, fraction=0, neuron="readout_first_spike",
        values=values, ties=ties, silent=silent, **{key: p[key] for key in _SHARED},
    )  # fmt: skip


def _values(**values: object) -> str:
    """Values of a neuron as the option neuron-values has them."""
    texts = {k: ":".join(map(str, v)) if isinstance(v, Sequence) and not isinstance(v, str) else v
             for k, v in values.items()}  # fmt: skip
    return ",".join(f"{name}={text}" for name, text in texts.items())


def _levels(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "levels")
    return onnx.LevelsOp(env.tensor(node.inputs[0]), node=node.name, **params)


def _delay(node: Node, env: Env) -> OnnxOp:
    params = _attributes(node, "steps", "delay")
    return onnx.DelayOp(env.tensor(node.inputs[0]), node=node.name, **params)


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
    "Levels": _levels,
    "Delay": _delay,
    "Glm": _glm,
    "FirstToSpike": _first_to_spike,
}

ROLES = {
    "Pixels": "what a pixel means",
    "Radix": "spiking neurons, as trained",
    "Rate": "spiking neurons, as trained",
    "MaxPool": "pooling",
    "Recurrent": "spikes of the step before",
    "Readout": "the readout, as trained",
    "Levels": "the trains of pixels",
    "Delay": "a filter over past steps",
    "Glm": "spiking neurons, as trained",
    "FirstToSpike": "the readout, as trained",
    "Quant": "the values of pixels or of a layer's trains",
}
"""What becomes of a function, for the report."""


def import_function(node: Node, env: Env) -> OnnxOp:
    """The op of a function's call.

    Raises:
        NodeError: if its attributes are missing or do not fit.
    """
    return import_node(node, env, FUNCTIONS)

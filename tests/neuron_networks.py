"""Networks in which each layer fires in its own way, for the tests of neurons as programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from c_programs import parse
from xdsl.dialects.builtin import ModuleOp, StringAttr

from snnir.dialects.dense import to_dense
from snnir.dialects.neurons import NeuronChoice
from snnir.dialects.snn import ConvOp, FireOp, NeuronOp
from snnir.passes.quantise import QuantisePass
from snnir.pipeline.plugins import make_context

CHANNELS, EXTENT = 4, 6

REFRACTORY = """
# Not shipped: two states beside the membrane, one of which counts the steps for which it is silent.
# Some names are words of C or Verilog, or of the programs that are printed.
neuron tired(theta, bias, static = 2 + channel, wire = 3):
    state v: int24 = theta >> 1
    state c: fix20.4 = 0
    state begin = 0
    c = c - (c >> 2)
    if begin > 0:
        begin = begin - 1
    elif v < -theta and step > 1:
        v = -theta
    else:
        v = v - (v >> wire) + I + bias - c
    spike when v >= theta and begin == 0 delayed by 1
    on spike:
        v = v - theta
        begin = min(static, 3)
        c = c + theta * 0.25q4
"""


def parallel_network(neurons: Sequence[NeuronOp], coding: str, steps: int) -> ModuleOp:
    """An image, a layer of plain neurons, behind it one layer for each neuron, and their sum."""
    dims = f"{CHANNELS}x{EXTENT}x{EXTENT}"
    train = f"!snn.train<{dims}, {coding}, {steps}>"
    current = f"!snn.current<{dims}, {coding}, {steps}>"
    first = f"!snn.current<{dims}, direct, 4>"
    choice = NeuronChoice(coding)
    one = f"dense<1.0> : tensor<{CHANNELS}x{CHANNELS}x1x1xf32>"
    out = f"!snn.current<3x1x1, {coding}, {steps}>"
    size = CHANNELS * EXTENT * EXTENT
    lines = [
        f"%i = snn.encode %image scale array<f64: 0.1, 0.1, 0.1, 0.1> : "
        f"tensor<1x{dims}xf32> -> !snn.train<{dims}, direct, 4>",
        f"%c = snn.conv %i weights {one} : !snn.train<{dims}, direct, 4> -> {first}",
        f'%t = snn.fire %c with @{choice.fire_name} name "first" threshold dense<2.0> : '
        f"tensor<1xf32> : {first} -> {train}",
    ]
    for index, neuron in enumerate(neurons):
        name = neuron.sym_name.data
        lines += [
            f"%c{index} = snn.conv %t weights {one} : {train} -> {current}",
            f'%t{index} = snn.fire %c{index} with @{name} name "{name}" '
            f"bias dense<0.1> : tensor<{CHANNELS}xf32> threshold dense<1.0> : tensor<1xf32> : "
            f"{current} -> {train}",
            f"%d{index} = snn.dense %t{index} weights dense<1.0> : tensor<3x{size}xf32> : "
            f"{train} -> {out}",
        ]
    sums = ", ".join(f"%d{index}" for index in range(len(neurons)))
    types = ", ".join([out] * len(neurons))
    lines += [
        f"%sum = snn.add {sums} : {types} -> {out}",
        f'%out = snn.readout %sum with @{choice.readout_name} name "out" : '
        f"{out} -> tensor<1x3xf32>",
        "func.return %out : tensor<1x3xf32>",
    ]
    body = "\n  ".join(lines)
    text = f"func.func @net(%image: tensor<1x{dims}xf32>) -> tensor<1x3xf32> {{\n  {body}\n}}"
    module = parse(text, *neurons, choice.fire_neuron(), choice.readout_neuron())
    rng = np.random.default_rng(len(neurons))
    for op in module.walk():
        if "weights" in op.properties:
            shape = op.weights.type.get_shape()
            scale = 0.5 if isinstance(op, ConvOp) else 0.1
            op.properties["weights"] = to_dense(rng.normal(0.2, scale, shape).astype(np.float32))
    QuantisePass(weight_bits=6).apply(make_context(), module)
    module.verify()
    return module


def frames(number: int, seed: int = 1) -> np.ndarray:
    """Random pixels of 4 bits, (N, H, W, C)."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 16, (number, EXTENT, EXTENT, CHANNELS))
    return (pixels * (rng.random(pixels.shape) < 0.8)).astype(np.uint8)


def fires(module: ModuleOp) -> dict[str, FireOp]:
    return {op.label.data: op for op in module.walk() if isinstance(op, FireOp)}


def renamed(neuron: NeuronOp, name: str) -> NeuronOp:
    neuron.sym_name = StringAttr(name)
    return neuron

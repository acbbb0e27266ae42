"""First-to-spike networks as integers and as an ONNX file: numpy alone.

What training sees, the numpy model here, and what the compiler makes of the file are the same
integers. A random number of a neuron's shift register is known in advance, so that a neuron that
spikes with probability sigmoid(u) is one whose threshold is another in each step.

Source: Bagheri, Simeone and Rajendran, Training Probabilistic Spiking Neural Networks with
First-to-Spike Decoding, ICASSP 2018; Amin, Curtis and Hayes-Gill, Piecewise linear approximation
applied to nonlinear function of a neural network, IEE Proceedings 1997.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snnir.training.first_spike_functions import IR_VERSION, OPSET, functions

DOMAIN = "snnir"
TIES = ("lowest", "strongest")
SILENT = ("potential", "lowest", "none")
LOW, HIGH = -128, 127
"""What a potential is clipped to, with 4 bits behind its point."""


def levels(steps: int) -> list[int]:
    """A level of pixels for each step: 127, 63, 191, 31, ... halve what is left of the range.

    So a train of T steps has about T * pixel / 256 spikes, and the first steps tell most.
    """
    reversed_bits = [int(f"{step:08b}"[::-1], 2) for step in range(1, steps + 1)]
    return [bits - 1 for bits in reversed_bits]


def chance(u: np.ndarray) -> np.ndarray:
    """The probability of a spike in 1024ths, of potentials in 16ths: lines without a multiplier."""
    u = np.clip(u, LOW, HIGH)
    size = np.abs(u)
    line = np.where(size < 16, 512 + 16 * size, np.where(size < 38, 640 + 8 * size, 864 + 2 * size))
    above = np.minimum(line, 1024)
    return np.where(u >= 0, above, 1024 - above)


def random_numbers(seeds: np.ndarray, steps: int) -> np.ndarray:
    """(steps, channels): the numbers below 1024 that shift registers of 16 bits give."""
    register = np.maximum(np.asarray(seeds, np.int64) & 0xFFFF, 1)
    found = []
    for _ in range(steps):
        for _ in range(5):
            parity = register >> 15 ^ register >> 14 ^ register >> 12 ^ register >> 3
            register = register << 1 & 0xFFFF | parity & 1
        found.append(register & 1023)
    return np.array(found)


def thresholds(seeds: np.ndarray, steps: int) -> np.ndarray:
    """(steps, channels): the least potential in 16ths at which a neuron spikes in a step."""
    chances = chance(np.arange(LOW, HIGH + 1))
    return LOW + np.searchsorted(chances, random_numbers(seeds, steps), side="right")


@dataclass
class GlmLayer:
    """Neurons with a filter over the steps of a window.

    Args:
        weights: int8 (window, outputs, inputs): of the current step, of the one before, and so on.
        bias: integers per output.
        points: bits of weights and bias behind their point, 4 to 12.
        seeds: of the shift registers, 16 bits per output.
    """

    weights: np.ndarray
    bias: np.ndarray
    points: int
    seeds: np.ndarray

    def potentials(self, spikes: np.ndarray) -> np.ndarray:
        """Clipped potentials in 16ths (T, N, outputs) of spikes (T, N, inputs)."""
        total = np.zeros((*spikes.shape[:2], len(self.bias)), np.float32)
        for delay, weights in enumerate(self.weights[: len(spikes)].astype(np.float32)):
            total[delay:] += spikes[: len(spikes) - delay] @ weights.T
        total = total.astype(np.int64) + self.bias
        return np.clip(total >> (self.points - 4), LOW, HIGH)

    def fires(self, potentials: np.ndarray) -> np.ndarray:
        """Spikes (T, N, outputs)."""
        return potentials >= thresholds(self.seeds, len(potentials))[:, None]


@dataclass
class FirstToSpike:
    """A network whose first output neuron to spike decides.

    Args:
        levels: a pixel for each step; an input spikes in a step if it is above that.
        layers: the last one decides.
        ties: `lowest` (index) or `strongest` (potential) of those that spike first together.
        silent: what decides where none spikes: the largest `potential` of the last step, `lowest`
            (class 0), `none` (no class, -1).
    """

    levels: list[int]
    layers: list[GlmLayer]
    ties: str = "lowest"
    silent: str = "potential"
    trains: list[np.ndarray] = field(default_factory=list, repr=False)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """What `readout_first_spike` reads out of uint8 pixels: (N, classes)."""
        flat = pixels.reshape(len(pixels), -1)
        spikes = np.stack([flat > level for level in self.levels]).astype(np.float32)
        for layer in self.layers[:-1]:
            spikes = layer.fires(layer.potentials(spikes)).astype(np.float32)
            self.trains.append(spikes)
        last = self.layers[-1]
        potentials = last.potentials(spikes)
        steps = len(potentials)
        worth = (steps - np.arange(steps))[:, None, None] * 256
        worth = worth + (potentials - LOW if self.ties == "strongest" else 0)
        best = np.where(last.fires(potentials), worth, 0).max(0)
        silent = potentials[-1] - LOW if self.silent == "potential" else 0
        return np.where(best > 0, best, silent)

    def decide(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes, -1 where there is none, and steps spent until they were found."""
        scores = self.scores(pixels)
        best, steps = scores.max(1), len(self.levels)
        classes = scores.argmax(1)
        if self.silent == "none":
            classes = np.where(best >= 256, classes, -1)
        return classes, np.where(best >= 256, steps + 1 - (best >> 8), steps)

    def within(self, steps: int) -> FirstToSpike:
        """The same network with fewer steps allowed."""
        return FirstToSpike(self.levels[:steps], self.layers, self.ties, self.silent)


def export_first_to_spike(net: FirstToSpike, path: str | Path, image: tuple[int, ...]) -> None:
    """Writes the network: standard ONNX and functions of the domain `snnir`.

    Args:
        image: (C, H, W) or (features,) of the pixels that it takes, as floats of 0 to 255.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    steps = len(net.levels)
    nodes, initializers = [], []

    def call(function: str, source: str, name: str, **attributes) -> str:
        nodes.append(
            helper.make_node(function, [source], [name], name=name, domain=DOMAIN, **attributes)
        )
        return name

    def node(kind: str, inputs: list[str], name: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    spikes = call("Levels", "image", "levels", levels=list(map(int, net.levels)))
    for number, layer in enumerate(net.layers, 1):
        is_last = number == len(net.layers)
        unit, total = 2.0**-layer.points, ""
        for delay, weights in enumerate(layer.weights[:steps]):
            name = f"dense{number}.{delay}" if len(layer.weights) > 1 else f"dense{number}"
            source = spikes
            if delay:
                source = call("Delay", source, f"{name}.delay", steps=steps, delay=delay)
            flat = node("Flatten", [source], f"{name}.flatten", axis=1)
            scale = np.full(len(weights), unit, np.float32)
            initializers += [
                numpy_helper.from_array(weights.astype(np.int8), f"{name}.integers"),
                numpy_helper.from_array(scale, f"{name}.scale"),
            ]
            names = [f"{name}.integers", f"{name}.scale"]
            real = node("DequantizeLinear", names, f"{name}.weight", axis=0)
            current = node("Gemm", [flat, real], name, transB=1)
            total = node("Add", [total, current], f"{name}.sum") if total else current
        least = thresholds(layer.seeds, steps).astype(np.int64) << (layer.points - 4)
        attributes = {
            "steps": steps,
            "points": layer.points,
            "weight_bits": 8,
            "unit": [unit] * len(layer.bias),
            "bias": [int(b) for b in layer.bias],
            "seed": [int(s) for s in layer.seeds],
            "thresholds": least.ravel().tolist(),
        }
        if is_last:
            ties, silent = TIES.index(net.ties), SILENT.index(net.silent)
            call("FirstToSpike", total, "scores", ties=ties, silent=silent, **attributes)
        else:
            spikes = call("Glm", total, f"neurons{number}", **attributes)
    taken = {n.op_type for n in nodes if n.domain == DOMAIN}
    image_info = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *image])
    classes = len(net.layers[-1].bias)
    outputs = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", classes])
    graph = helper.make_graph(nodes, "network", [image_info], [outputs], initializers)
    model = helper.make_model(
        graph,
        functions=functions(taken),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        ir_version=IR_VERSION,
        producer_name="snnir",
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(path))

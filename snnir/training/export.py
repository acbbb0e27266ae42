"""A spiking network as an ONNX file that holds its integers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from snnir.training.functions import OPSET, functions
from snnir.training.spiking import Branch, Layer, SpikingNetwork, sources
from snnir.training.trains import MaxPool, Train, Window

if TYPE_CHECKING:
    import numpy as np
    import onnx

    from snnir.training.recurrent import RecurrentNetwork

DOMAIN = "snnir"
IR_VERSION = 8


def export_onnx(
    network: SpikingNetwork | RecurrentNetwork, path: str | Path, image: tuple[int, ...]
) -> None:
    """Writes the network as it is in evaluation mode.

    Weights are int8 initialisers behind DequantizeLinear, one scale for each output channel.
    Pixels, neurons, pools of rate-coded trains and the readout are calls of functions of the domain
    `snnir`, with coding, steps, thresholds, leak, biases and bit widths as attributes; the file
    holds their bodies, made of standard operators. `snnc compile` takes all integers as they are.

    Args:
        image: (C, H, W) or (C, D, H, W) of the input, whose float values are those of
            `network.pixels.real`.
    """
    import onnx

    with torch.no_grad():
        model = _Writer(network, image).model()
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(path))


def _shapes(network: SpikingNetwork, image: tuple[int, ...]) -> list[tuple[int, ...]]:
    was = network.training
    device = network.pixels.zero.device
    trains = network.eval().run(torch.zeros(1, *image, device=device))
    network.train(was)
    found = [t.values.shape[2 if t.kind == "steps" else 1 :] for t in trains]
    return [tuple(image), *map(tuple, found)]


class _Writer:
    """Collects nodes and initialisers, stage by stage."""

    def __init__(self, network: SpikingNetwork, image: tuple[int, ...]) -> None:
        self.network, self.image = network, image
        self.rate = network.code.coding == "rate"
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.functions: set[str] = set()
        self.counts: dict[str, int] = {}
        self.made: set[str] = set()
        # Only over volumes does it matter which shape a train has.
        volumes = len(image) == 4
        self.shapes = _shapes(network, image) if volumes else [()] * (len(network.stages) + 1)
        """(C, H, W) or (C, D, H, W) of each train; empty in networks over maps."""

    def model(self) -> onnx.ModelProto:
        from onnx import TensorProto, helper

        pixels = self.network.pixels
        channels = self.image[0]
        name = self.call(
            "Pixels",
            "image",
            "pixels",
            scale=[pixels.scale] * channels,
            zero=pixels.zero.expand(channels).int().tolist(),
            bits=getattr(pixels, "bits", 8),
            repeats=[self.network.code.steps if self.rate else 1, 1, 1],
        )
        tensors = [name]
        trains = [Train(torch.zeros(()), torch.tensor(pixels.scale))]
        for stage in self.network.stages:
            # Trains that are still to be made are those of the step before.
            given = [trains[i] if i < len(trains) else self.past(i) for i in sources(stage)]
            names = [tensors[i] if i < len(tensors) else self.neurons(i) for i in sources(stage)]
            if isinstance(stage, MaxPool):
                tensors.append(self.max_pool(stage, names[0]))
                trains.append(given[0])
            else:
                tensors.append(self.layer(stage, names, given))
                if stage.fires:
                    trains.append(Train(torch.zeros(()), stage.spike_value()))
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *self.image])
        classes = len(self.network.layers()[-1].bias)
        outputs = helper.make_tensor_value_info(tensors[-1], TensorProto.FLOAT, ["batch", classes])
        graph = helper.make_graph(self.nodes, "network", [image], [outputs], self.initializers)
        return helper.make_model(
            graph,
            functions=functions(self.functions),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
            ir_version=IR_VERSION,
            producer_name="snnir",
        )

    def layer(self, layer: Layer, names: list[str], trains: list[Train]) -> str:
        ready = layer.integers(trains)
        currents = []
        for branch, name, train, weight in zip(
            layer.branches, names, trains, ready.weights, strict=True
        ):
            scale = ready.unit / branch.step(train)
            if name not in self.made:
                # The shape is that of the layer's currents, of which the first is not recurrent.
                name = self.call("Recurrent", currents[0], self.fresh("past"), of=name)
            if branch.window is not None:
                shape = self.shapes[branch.source]
                if len(shape) == 4 and isinstance(branch.window.kernel, int):
                    name = self.reshape(name, *shape[2:])
                name = self.average_pool(branch.window, name)
            currents.append(name if branch.weight is None else self.synapse(
                branch, weight, scale, name))  # fmt: skip
        total = currents[0]
        for other in currents[1:]:
            total = self.node("Add", [total, other], self.fresh("add"))
        attributes: dict[str, Any] = {
            "unit": ready.unit.tolist(),
            "bias": _whole(ready.bias),
            "fraction": int(layer.fraction),
            "weight_bits": layer.bits,
            "steps": self.network.code.steps if self.rate or layer.fires else 1,
        }
        if not layer.fires:
            return self.call("Readout", total, "outputs", **attributes)
        attributes |= {"theta": _whole(ready.theta), "spike": float(layer.spike_value())}
        if self.rate:
            attributes["leak"] = 0 if ready.leak is None else int(ready.leak)
            attributes |= {"ahead": layer.code.ahead, "margin": layer.code.margin}
        kind = "Rate" if self.rate else "Radix"
        return self.call(kind, total, self.fresh("neurons"), **attributes)

    def past(self, number: int) -> Train:
        """A train of the step before, of which no values are known."""
        return Train(torch.zeros(()), self.network.stages[number - 1].spike_value())

    def neurons(self, number: int) -> str:
        """The node of the neurons that a stage will have."""
        before = [s for s in self.network.stages[: number - 1] if getattr(s, "fires", False)]
        return f"neurons{len(before) + 1}"

    def synapse(
        self, branch: Branch, weight: torch.Tensor, scale: torch.Tensor, source: str
    ) -> str:
        name = self.fresh("dense" if branch.geometry is None else "conv")
        integers = weight.to(torch.int8).numpy()
        self.initialise(f"{name}.integers", integers)
        self.initialise(f"{name}.scale", scale.float().numpy())
        real = self.node(
            "DequantizeLinear", [f"{name}.integers", f"{name}.scale"], f"{name}.weight", axis=0
        )
        if branch.geometry is None:
            flat = self.node("Flatten", [source], self.fresh("flatten"), axis=1)
            return self.node("Gemm", [flat, real], name, transB=1)
        rank = integers.ndim - 2
        if rank == 2:
            source = self.as_map(source, branch)
        geometry = {key: _sizes(value, rank) for key, value in branch.geometry.items()}
        return self.node(
            "Conv",
            [source, real],
            name,
            kernel_shape=list(integers.shape[2:]),
            strides=geometry["stride"],
            pads=geometry["padding"] * 2,
            dilations=geometry["dilation"],
            group=branch.geometry["groups"],
        )

    def as_map(self, source: str, branch: Branch) -> str:
        """Where slices become channels, which a pool before the convolution may have done."""
        shape = self.shapes[branch.source]
        if len(shape) < 4 or (branch.window and isinstance(branch.window.kernel, int)):
            return source
        height, width = shape[2:]
        if branch.window is not None:
            sizes = zip(shape[1:], *vars(branch.window).values(), strict=True)
            _, height, width = (
                (n + 2 * pad - kernel) // stride + 1 for n, kernel, stride, pad in sizes
            )
        return self.reshape(source, height, width)

    def reshape(self, source: str, height: int, width: int) -> str:
        import numpy as np

        name = self.fresh("slices")
        self.initialise(f"{name}.shape", np.array([0, -1, height, width], np.int64))
        return self.node("Reshape", [source, f"{name}.shape"], name)

    def max_pool(self, stage: MaxPool, source: str) -> str:
        attributes = _pool(stage.window)
        shape = self.shapes[stage.source]
        if len(shape) == 4 and isinstance(stage.window.kernel, int):
            source = self.reshape(source, *shape[2:])
        if not self.rate:
            return self.node("MaxPool", [source], self.fresh("pool"), **attributes)
        steps = self.network.code.steps
        return self.call("MaxPool", source, self.fresh("pool"), **attributes, steps=steps)

    def average_pool(self, window: Window, source: str) -> str:
        attributes = {**_pool(window), "count_include_pad": 1}
        return self.node("AveragePool", [source], self.fresh("average"), **attributes)

    def fresh(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}{self.counts[kind]}"

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.made.add(name)
        return name

    def call(self, function: str, source: str, name: str, **attributes: Any) -> str:
        from onnx import helper

        self.functions.add(function)
        self.nodes.append(
            helper.make_node(function, [source], [name], name=name, domain=DOMAIN, **attributes)
        )
        self.made.add(name)
        return name

    def initialise(self, name: str, array: np.ndarray) -> None:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(array, name))


def _pool(window: Window) -> dict[str, list[int]]:
    rank = 2 if isinstance(window.kernel, int) else 3
    return {
        "kernel_shape": _sizes(window.kernel, rank),
        "strides": _sizes(window.stride, rank),
        "pads": _sizes(window.padding, rank) * 2,
    }


def _sizes(value: int | tuple[int, ...], rank: int) -> list[int]:
    return [value] * rank if isinstance(value, int) else list(value)


def _whole(values: torch.Tensor) -> list[int]:
    return [int(v) for v in values.tolist()]

"""A compiled rate-coded network for other simulators: the same integers as float tensors.

Networks are chains (convolutions, dense layers, max pools) of integrate-and-fire neurons with the
soft reset. All run layer by layer over all T steps, which is each simulator's fastest way, and pool
complete trains, so that all trains are equal to those of the compiler's own interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.network import network_of, schedule
from snnir.dialects import snn
from snnir.dialects.assembly import int_list
from snnir.dialects.dense import from_dense
from snnir.errors import UserError


@dataclass
class Layer:
    """A synapse, and the neurons behind it (none behind the last) with the max pool on these.

    Args:
        weights: (M, C, KH, KW), or (M, C) for a dense layer.
        padding, stride: of the convolution; None for a dense layer.
        gain: what one current counts for: 2^fraction.
        bias, theta: per channel.
        pool: (kernel, stride) or None.
    """

    weights: np.ndarray
    padding: int | None
    stride: int | None
    gain: float
    bias: np.ndarray
    theta: np.ndarray | None
    pool: tuple[int, int] | None = None


def read_layers(module: ModuleOp) -> list[Layer]:
    """The layers of a quantised network.

    Raises:
        UserError: it is no chain of rate-coded causal neurons with the soft reset and >=.
    """
    layers: list[Layer] = []
    for op in network_of(module).body.block.ops:
        match op:
            case snn.ConvOp() | snn.DenseOp():
                synapse = op
            case snn.FireOp() | snn.ReadoutOp():
                layers.append(_layer(synapse, op))
            case snn.MaxPoolOp():
                layers[-1].pool = (int_list(op.kernel)[0], int_list(op.strides)[0])
            case snn.AddOp() | snn.OneToOneOp() | snn.SumPoolOp():
                raise UserError(f"{op.name}: only chains of layers are compared")
    return layers


def _layer(synapse: snn.SynapseOp, op) -> Layer:
    how = schedule(op)
    fires = isinstance(op, snn.FireOp)
    if not how["rate"] or (fires and op.neuron.string_value() != "integrate_and_fire_soft_ge"):
        raise UserError("only rate-coded causal neurons with the soft reset are compared")
    params = {name: from_dense(dense).astype(np.float32) for name, dense in op.params.data.items()}
    weights = from_dense(synapse.weights).astype(np.float32)
    padding = stride = None
    if isinstance(synapse, snn.ConvOp):
        padding, stride = int_list(synapse.pads)[0], int_list(synapse.strides)[0]
    gain = float(1 << how["fraction"])
    return Layer(weights, padding, stride, gain, params["bias"], params.get("theta"))


def torch_networks(layers: list[Layer], steps: int) -> dict:
    """Simulator name to a function from pixels (N, C, H, W) as float32 to potentials (N, M)."""
    import torch

    torch.set_grad_enabled(False)
    functions = {}
    for name, neuron in (("snntorch", _snntorch), ("spikingjelly", _spikingjelly),
                         ("sinabs", _sinabs)):  # fmt: skip
        try:
            functions[name] = _torch_network(layers, steps, neuron)
        except ImportError as error:
            print(f"{name}: left out, {error}", flush=True)
    return functions


def _torch_network(layers: list[Layer], steps: int, neuron):
    import torch
    from torch.nn import functional as F

    shape = (1, -1, 1, 1)
    ready = []
    for layer in layers:
        fires = layer.theta is not None
        # SpikingJelly has one threshold for a layer: currents are given in thresholds then.
        unit = layer.theta if fires and neuron is _spikingjelly else np.ones_like(layer.bias)
        scale = (layer.gain / unit).reshape(-1, *([1] * (layer.weights.ndim - 1)))
        weights = torch.from_numpy((layer.weights * scale).astype(np.float32))
        bias = torch.from_numpy((layer.bias / unit).astype(np.float32))
        fire = neuron(layer.theta, steps) if fires else None
        ready.append((layer, weights, bias, fire))

    def run(pixels: np.ndarray) -> np.ndarray:
        x, count, first = torch.from_numpy(pixels), len(pixels), True
        for layer, weights, bias, fire in ready:
            if layer.padding is None:
                current = F.linear(x.flatten(1), weights, bias)[:, :, None, None]
            else:
                current = F.conv2d(x, weights, bias, layer.stride, layer.padding)
            if fire is None:
                return current.view(steps, count, -1).sum(0).numpy()
            size = current.shape[1:]
            # The image's current is computed once and is the same in all steps.
            current = current.view(1 if first else steps, count, *size).expand(
                steps, -1, -1, -1, -1
            )
            first = False
            spikes = fire(current)
            if layer.pool:
                # The train of most spikes in each window, the first on a tie.
                total, at = F.max_pool2d(spikes.sum(0), *layer.pool, return_indices=True)
                flat = at.flatten(2).expand(steps, -1, -1, -1)
                spikes = spikes.flatten(3).gather(3, flat).view(steps, *total.shape)
            x = spikes.flatten(0, 1)
        raise AssertionError("the last layer has no neurons")

    assert shape
    return run


def _start(theta: np.ndarray) -> np.ndarray:
    return np.floor(theta / 2).reshape(1, -1, 1, 1).astype(np.float32)


def _snntorch(theta: np.ndarray, steps: int):
    import snntorch
    import torch

    # It fires at v > theta: half a unit more makes that v >= theta, as all else is an integer.
    start = torch.from_numpy(_start(theta) + 0.5)
    neuron = snntorch.Leaky(beta=1.0, threshold=torch.from_numpy(theta.reshape(1, -1, 1, 1)))

    def fire(current):
        v = start.expand_as(current[0])
        spikes = []
        for step in range(steps):
            spike, v = neuron(current[step], v)
            spikes.append(spike)
        return torch.stack(spikes)

    return fire


def _spikingjelly(theta: np.ndarray, steps: int):
    import torch
    from spikingjelly.activation_based import functional, neuron

    node = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m").eval()
    start = torch.from_numpy(_start(theta) / theta.reshape(1, -1, 1, 1).astype(np.float32))

    def fire(current):
        functional.reset_net(node)
        node.v = start.expand_as(current[0]).clone()
        return node(current.contiguous())

    return fire


def _sinabs(theta: np.ndarray, steps: int):
    import sinabs.activation
    import sinabs.layers
    import torch

    layer = sinabs.layers.IAF(
        spike_threshold=torch.from_numpy(theta.reshape(-1, 1, 1)),
        spike_fn=sinabs.activation.SingleSpike,
    ).eval()
    start = torch.from_numpy(_start(theta))

    def fire(current):
        batch_first = current.transpose(0, 1)
        size = (current.shape[1], *current.shape[2:])
        if not layer.is_state_initialised() or layer.v_mem.shape != size:
            layer.init_state_with_shape(size)
        layer.v_mem = start.expand(size).clone()
        return layer(batch_first.contiguous()).transpose(0, 1).contiguous()

    return fire


def unrolled_onnx(layers: list[Layer], steps: int, shape: tuple[int, ...]) -> bytes:
    """The spiking network as an ONNX graph: all steps as a batch, neurons step by step.

    Args:
        shape: of the pixels, (N, C, H, W); the graph is for this N alone.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, names = [], [], iter(range(1 << 30))

    def add(kind: str, *inputs: str, outputs: int = 1, **attributes) -> list[str]:
        results = [f"v{next(names)}" for _ in range(outputs)]
        nodes.append(helper.make_node(kind, list(inputs), results, **attributes))
        return results

    def constant(array) -> str:
        name = f"c{next(names)}"
        constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    count, first, x = shape[0], True, "pixels"
    dims = shape[1:]
    for layer in layers:
        batch = count if first else steps * count
        weights, bias = constant(layer.weights * np.float32(layer.gain)), constant(layer.bias)
        channels = len(layer.bias)
        if layer.padding is None:
            (x,) = add("Reshape", x, constant(np.array([batch, int(np.prod(dims))])))
            (x,) = add("Gemm", x, weights, bias, transB=1)
            dims = (channels, 1, 1)
        else:
            kernel = layer.weights.shape[2]
            (x,) = add("Conv", x, weights, bias, pads=[layer.padding] * 4,
                       strides=[layer.stride] * 2)  # fmt: skip
            dims = (
                channels,
                *((d + 2 * layer.padding - kernel) // layer.stride + 1 for d in dims[1:]),
            )
        if layer.theta is None:
            (x,) = add("Reshape", x, constant(np.array([steps, count, channels])))
            (x,) = add("ReduceSum", x, constant(np.array([0])), keepdims=0)
            continue
        (x,) = add("Reshape", x, constant(np.array([batch, *dims])))
        parts = [x] * steps if first else add("Split", x, outputs=steps, axis=0, num_outputs=steps)
        first = False
        theta = constant(layer.theta.reshape(1, -1, 1, 1))
        v, spikes = constant(_start(layer.theta)), []
        for part in parts:
            (v,) = add("Add", v, part)
            (above,) = add("GreaterOrEqual", v, theta)
            (spike,) = add("Cast", above, to=TensorProto.FLOAT)
            (drop,) = add("Mul", spike, theta)
            (v,) = add("Sub", v, drop)
            spikes.append(spike)
        if layer.pool:
            size, stride = layer.pool
            (total,) = add("Sum", *spikes)
            _, at = add("MaxPool", total, outputs=2, kernel_shape=[size] * 2, strides=[stride] * 2)
            flat = constant(np.array([-1]))
            spikes = [add("Gather", add("Reshape", spike, flat)[0], at)[0] for spike in spikes]
            dims = (dims[0], *((d - size) // stride + 1 for d in dims[1:]))
        (x,) = add("Concat", *spikes, axis=0)
    graph = helper.make_graph(
        nodes,
        "unrolled",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [count, len(layers[-1].bias)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()

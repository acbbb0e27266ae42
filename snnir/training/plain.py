"""A plain torch network as an ONNX file: one node for each module, batch norm kept."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

OPSET = 17
IR_VERSION = 8


def export_plain(net: nn.Module, path: str | Path, image: tuple[int, ...]) -> None:
    """Writes a network of the modules that `spiking` takes, as it is in evaluation mode.

    Args:
        image: shape of one input.

    Raises:
        ValueError: for another module, naming it.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    traced = fx.symbolic_trace(net.eval())
    with torch.inference_mode():
        ShapeProp(traced).propagate(torch.zeros(1, *image))
    graph = traced.graph
    modules = dict(net.named_modules())
    nodes, arrays, names = [], {}, {}
    for node in graph.nodes:
        inputs = [names[source] for source in node.all_input_nodes]
        if node.op == "placeholder":
            names[node] = "image"
            continue
        if node.op == "output":
            output = inputs[0]
            continue
        module = modules.get(node.target) if node.op == "call_module" else None
        kind, parameters, attributes = _form(module, node)
        label = node.target if module is not None else node.name
        held = [f"{label}.{name}" for name in parameters]
        arrays |= {
            tensor: getattr(module, name).detach().numpy()
            for tensor, name in zip(held, parameters, strict=True)
        }
        if kind == "Reshape":
            held.append(f"{label}.shape")
            arrays[held[-1]] = np.array([0, -1, *_shape(node)[2:]], np.int64)
        names[node] = label
        nodes.append(helper.make_node(kind, inputs + held, [label], name=label, **attributes))
    with torch.inference_mode():
        shape = net(torch.zeros(1, *image)).shape[1:]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", *image])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", *shape])],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="snnir",
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, str(path))


def _form(module: nn.Module | None, node: fx.Node) -> tuple[str, list[str], dict[str, Any]]:
    """The operator, its parameters by name, its attributes."""
    match module:
        case nn.Conv2d() | nn.Conv3d() if module.padding_mode == "zeros" and not isinstance(
            module.padding, str
        ):
            attributes = {
                "kernel_shape": list(module.kernel_size),
                "strides": list(module.stride),
                "pads": list(module.padding) * 2,
                "dilations": list(module.dilation),
                "group": module.groups,
            }
            return "Conv", _weights(module), attributes
        case nn.Linear():
            return "Gemm", _weights(module), {"transB": 1}
        case nn.BatchNorm1d() | nn.BatchNorm2d() | nn.BatchNorm3d():
            held = ["weight", "bias", "running_mean", "running_var"]
            return "BatchNormalization", held, {"epsilon": module.eps}
        case nn.ReLU():
            return "Relu", [], {}
        case nn.MaxPool2d() | nn.MaxPool3d() if not module.ceil_mode and module.dilation in (
            1,
            (1, 1),
            (1, 1, 1),
        ):
            return "MaxPool", [], _window(module, len(_shape(node)) - 2)
        case nn.AvgPool2d() | nn.AvgPool3d() if not module.ceil_mode:
            window = _window(module, len(_shape(node)) - 2)
            return "AveragePool", [], {**window, "count_include_pad": 1}
        case nn.AdaptiveAvgPool2d() if module.output_size in (1, (1, 1)):
            return "GlobalAveragePool", [], {}
        case nn.AdaptiveAvgPool3d() if module.output_size in (1, (1, 1, 1)):
            return "GlobalAveragePool", [], {}
        case nn.Flatten() if module.end_dim == -1:
            return "Flatten", [], {"axis": 1}
        case nn.Flatten() if (module.start_dim, module.end_dim) == (1, 2):
            return "Reshape", [], {}
        case nn.Dropout() | nn.Dropout3d() | nn.Identity():
            return "Identity", [], {}
        case None if node.target in (operator.add, torch.add):
            return "Add", [], {}
    what = type(module).__name__ if module is not None else node.target
    raise ValueError(f"'{node.name}' ({what}) is not written as ONNX here")


def _weights(module: nn.Conv2d | nn.Conv3d | nn.Linear) -> list[str]:
    return ["weight"] if module.bias is None else ["weight", "bias"]


def _window(module: nn.Module, rank: int) -> dict[str, list[int]]:
    return {
        "kernel_shape": _sizes(module.kernel_size, rank),
        "strides": _sizes(module.stride, rank),
        "pads": _sizes(module.padding, rank) * 2,
    }


def _sizes(value: int | tuple[int, ...], rank: int) -> list[int]:
    return [value] * rank if isinstance(value, int) else list(value)


def _shape(node: fx.Node) -> tuple[int, ...]:
    """Of what a node makes of one input."""
    return tuple(node.meta["tensor_meta"].shape)

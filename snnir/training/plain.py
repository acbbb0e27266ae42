"""A plain torch network as an ONNX file: one node for each module, batch norm kept."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

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

    graph = fx.symbolic_trace(net.eval()).graph
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
        case nn.Conv2d() if module.padding_mode == "zeros" and not isinstance(module.padding, str):
            attributes = {
                "kernel_shape": _pair(module.kernel_size),
                "strides": _pair(module.stride),
                "pads": _pair(module.padding) * 2,
                "dilations": _pair(module.dilation),
                "group": module.groups,
            }
            return "Conv", _weights(module), attributes
        case nn.Linear():
            return "Gemm", _weights(module), {"transB": 1}
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            held = ["weight", "bias", "running_mean", "running_var"]
            return "BatchNormalization", held, {"epsilon": module.eps}
        case nn.ReLU():
            return "Relu", [], {}
        case nn.MaxPool2d() if not module.ceil_mode and module.dilation in (1, (1, 1)):
            return "MaxPool", [], _window(module)
        case nn.AvgPool2d() if not module.ceil_mode:
            return "AveragePool", [], {**_window(module), "count_include_pad": 1}
        case nn.AdaptiveAvgPool2d() if module.output_size in (1, (1, 1)):
            return "GlobalAveragePool", [], {}
        case nn.Flatten():
            return "Flatten", [], {"axis": 1}
        case nn.Dropout() | nn.Identity():
            return "Identity", [], {}
        case None if node.target in (operator.add, torch.add):
            return "Add", [], {}
    what = type(module).__name__ if module is not None else node.target
    raise ValueError(f"'{node.name}' ({what}) is not written as ONNX here")


def _weights(module: nn.Conv2d | nn.Linear) -> list[str]:
    return ["weight"] if module.bias is None else ["weight", "bias"]


def _window(module: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, list[int]]:
    return {
        "kernel_shape": _pair(module.kernel_size),
        "strides": _pair(module.stride),
        "pads": _pair(module.padding) * 2,
    }


def _pair(value: int | tuple[int, int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)

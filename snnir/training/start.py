"""Starts a module with the weights of an ONNX file, or of a checkpoint."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn

from snnir.frontend.onnx_file import load_model
from snnir.training.spiking import SpikingNetwork


def start_from(net: nn.Module, path: Path) -> None:
    """Gives `net` the weights of an ONNX network of the same layers in the same order.

    Convolutions, batch norms and dense layers of the file are met in the order of its nodes.

    Raises:
        UserError: the file cannot be read.
        ValueError: a layer's kind or shape differs, or the numbers of layers do.
    """
    from onnx import numpy_helper

    graph = load_model(path).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kinds = {"Conv": nn.Conv2d | nn.Conv3d, "BatchNormalization": nn.modules.batchnorm._BatchNorm}
    kinds["Gemm"] = nn.Linear
    names = ("weight", "bias", "running_mean", "running_var")
    nodes = [node for node in graph.node if node.op_type in kinds]
    modules = [module for module in net.modules() if isinstance(module, tuple(kinds.values()))]
    if len(nodes) != len(modules):
        raise ValueError(f"{path} has {len(nodes)} layers with weights, not {len(modules)}")
    with torch.no_grad():
        for node, module in zip(nodes, modules, strict=True):
            given = [torch.tensor(arrays[name]) for name in node.input[1:]]
            held = [getattr(module, name, None) for name in names[: len(given)]]
            if not isinstance(module, kinds[node.op_type]) or any(
                a is None or a.shape != b.shape for a, b in zip(held, given, strict=True)
            ):
                raise ValueError(f"{path}: node '{node.name}' is not what {module} takes")
            for target, value in zip(held, given, strict=True):
                target.copy_(value)


def learnt_by(network: SpikingNetwork, checkpoint: Path) -> None:
    """Gives a spiking network the parameters of another of its form, of any coding and steps.

    Args:
        checkpoint: that `fit` wrote while it trained the other.

    Raises:
        ValueError: it is no checkpoint, or of a network of another form.
    """
    try:
        learnt = torch.load(checkpoint, weights_only=True)["averaged"]
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError):
        raise ValueError(f"{checkpoint} is no checkpoint of a training") from None
    own = dict(network.named_parameters())
    if {name: p.shape for name, p in own.items()} != {
        name: learnt[name].shape for name in own if name in learnt
    }:
        raise ValueError(f"{checkpoint} is of a network of another form")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(learnt[name])

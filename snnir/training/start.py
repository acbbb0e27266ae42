"""Starts a module with the weights of an ONNX file, or of checkpoints."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from snnir.frontend.onnx_file import load_model
from snnir.training.spiking import SpikingNetwork


def start_from(net: nn.Module, path: Path, images: torch.Tensor | None = None) -> None:
    """Gives `net` the weights of an ONNX network of the same layers in the same order.

    Convolutions, batch norms and dense layers of the file are met in the order of its nodes. Batch
    norms that the file has folded into the layers before add their biases; to be trained on, they
    normalise as those do that have seen `images`, and undo it.

    Args:
        images: (N, ...) as the network takes them, for batch norms that the file has folded.

    Raises:
        UserError: the file cannot be read.
        ValueError: a layer's kind or shape differs, or the numbers of layers do.
    """
    from onnx import numpy_helper

    graph = load_model(path).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kinds = {"Conv": nn.Conv2d | nn.Conv3d, "BatchNormalization": _BatchNorm, "Gemm": nn.Linear}
    names = ("weight", "bias", "running_mean", "running_var")
    nodes = [node for node in graph.node if node.op_type in kinds]
    modules = [module for module in net.modules() if isinstance(module, tuple(kinds.values()))]
    folded = all(node.op_type != "BatchNormalization" for node in nodes)
    norms = [module for module in modules if folded and isinstance(module, _BatchNorm)]
    named = [module for module in modules if module not in norms]
    if len(nodes) != len(named):
        raise ValueError(f"{path} has {len(nodes)} layers with weights, not {len(named)}")
    behind = dict(zip(modules, modules[1:], strict=False))
    with torch.no_grad():
        for norm in norms:
            _add_nothing(norm)
        for node, module in zip(nodes, named, strict=True):
            given = [torch.tensor(arrays[name]) for name in node.input[1:]]
            held = [getattr(module, name, None) for name in names[: len(given)]]
            if held[1:] == [None] and behind.get(module) in norms:
                held[1] = behind[module].bias
            if not isinstance(module, kinds[node.op_type]) or any(
                a is None or a.shape != b.shape for a, b in zip(held, given, strict=True)
            ):
                raise ValueError(f"{path}: node '{node.name}' is not what {module} takes")
            for target, value in zip(held, given, strict=True):
                target.copy_(value)
        if norms and images is not None:
            _normalise(net, norms, images)


def _add_nothing(norm: nn.Module) -> None:
    """Makes a batch norm answer what it is given."""
    for value in (norm.running_mean, norm.bias):
        value.zero_()
    norm.running_var.fill_(1)
    norm.weight.fill_((1 + norm.eps) ** 0.5)


def _normalise(net: nn.Module, norms: list[nn.Module], images: torch.Tensor) -> None:
    """Has batch norms that only add a bias normalise too, and undo it: the net stays the same."""

    def measure(norm: nn.Module, given: tuple[torch.Tensor]) -> None:
        (x,) = given
        axes = [axis for axis in range(x.ndim) if axis != 1]
        variance, mean = torch.var_mean(x, axes, correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)

    was_training = net.training
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    try:
        net.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        net.train(was_training)


def learnt_by(network: SpikingNetwork, *checkpoints: Path) -> None:
    """Gives a spiking network the parameters of others of its form, of any coding and steps.

    Args:
        checkpoints: that `fit` wrote while it trained the others, which were trained on from one
            another; of several, the mean of their parameters is taken, of one named twice both.

    Raises:
        ValueError: one is no checkpoint, or of a network of another form.

    Source: Izmailov et al., Averaging Weights Leads to Wider Optima, UAI 2018.
    """
    own = dict(network.named_parameters())
    shapes = {name: parameter.shape for name, parameter in own.items()}
    found = []
    for checkpoint in checkpoints:
        try:
            learnt = torch.load(checkpoint, weights_only=True)["averaged"]
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError):
            raise ValueError(f"{checkpoint} is no checkpoint of a training") from None
        if shapes != {name: learnt[name].shape for name in own if name in learnt}:
            raise ValueError(f"{checkpoint} is of a network of another form")
        found.append(learnt)
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(torch.stack([learnt[name].double() for learnt in found]).mean(0))

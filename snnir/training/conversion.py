"""A trained plain network becomes a spiking one, with starting values for scales and thresholds."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from snnir.calibration.images import Histogram
from snnir.calibration.rounding import weight_units
from snnir.dialects.onnx_shapes import check_neurons
from snnir.training.spiking import Branch, Layer, SpikingNetwork, sources
from snnir.training.trains import Code, MaxPool, Pixels, Train, Window

MAX_FRACTION = 16
READOUT_FRACTION = 4

SPREAD = 256
"""How much finer a channel's unit may be than the coarsest: membranes grow with it."""

_PASSING = (nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.Identity)
_AVERAGES = (nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool3d)


@dataclass(frozen=True)
class _Spikes:
    """A tensor that trains carry: a train's number, and an average pool that waits."""

    source: int
    window: Window | None = None


@dataclass(frozen=True)
class _Linear:
    """A tensor before its ReLU: (source, weight, window, geometry) of each branch, and a bias."""

    branches: tuple[tuple, ...]
    bias: torch.Tensor


def spiking(
    net: nn.Module,
    pixels: Pixels,
    images: torch.Tensor,
    *,
    coding: str = "radix",
    steps: int = 4,
    bits: int = 4,
    leaky: bool = False,
    ahead: int = 0,
    margin: int = 0,
) -> SpikingNetwork:
    """The network with neurons in place of its ReLUs, ready to be fine-tuned.

    Batch norm goes into the weights. Scales of weights start where the squared rounding error is
    least, thresholds where the activations of `images` lose least.

    Args:
        net: of Conv2d, Linear, BatchNorm, ReLU, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), of
            their forms for volumes, Flatten (of all, or of channels and slices), Dropout and
            additions; it takes (u / 255 - mean) / std as `pixels` was told.
        images: uint8 (N, C, H, W) or (N, C, D, H, W), a few hundred.
        coding, steps: radix, or rate over as many steps. bits: of weights, 2 to 8.
        leaky: rate-coded neurons get a leak that is trained.
        ahead: steps that rate-coded neurons without a leak integrate before they first fire.
        margin: quarters of their threshold that membranes of such neurons must be above it to fire
            while currents are still to come.

    Raises:
        ValueError: for a module that has no spiking form, naming it; for options that cannot be.
    """
    code = Code(coding, steps, ahead, margin)
    check_neurons({"coding": coding, "steps": steps, "weight_bits": bits, "leak": int(leaky),
                   "ahead": ahead, "margin": margin})  # fmt: skip
    graph = fx.symbolic_trace(net.eval())
    real = pixels.real(images)
    ShapeProp(graph).propagate(real[:1])
    builder = _Builder(dict(graph.named_modules()), code, bits, leaky, pixels.gains)
    network = SpikingNetwork(pixels, builder.build(graph.graph), code)
    with torch.no_grad():
        _calibrate(network, real)
    return network


class _Builder:
    """One walk over the traced graph."""

    def __init__(self, modules, code: Code, bits: int, leaky: bool, gains: torch.Tensor) -> None:
        self.modules, self.code, self.bits, self.leaky = modules, code, bits, leaky
        self.gains = gains
        self.stages: list[Layer | MaxPool] = []

    def build(self, graph: fx.Graph) -> list[Layer | MaxPool]:
        forms: dict[fx.Node, _Spikes | _Linear] = {}
        for node in graph.nodes:
            if node.op == "placeholder":
                forms[node] = _Spikes(0)
            elif node.op == "output":
                self.layer(forms[node.args[0]], node, fires=False)
            else:
                forms[node] = self.convert(node, [forms[n] for n in node.all_input_nodes])
        return self.stages

    def convert(self, node: fx.Node, given: list[_Spikes | _Linear]) -> _Spikes | _Linear:
        module = self.modules.get(node.target) if node.op == "call_module" else None
        form = given[0]
        if isinstance(module, _PASSING) or node.target in (torch.flatten, "flatten"):
            return form
        if isinstance(module, nn.ReLU) or node.target in (torch.relu, "relu"):
            return form if isinstance(form, _Spikes) else self.layer(form, node, fires=True)
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and isinstance(form, _Linear):
            return _folded(form, module)
        if node.target in (operator.add, operator.iadd, torch.add, "add") and len(given) == 2:
            parts = [f if isinstance(f, _Linear) else _identity(f, node) for f in given]
            return _Linear(parts[0].branches + parts[1].branches, parts[0].bias + parts[1].bias)
        if isinstance(form, _Spikes):
            match module:
                case nn.Conv2d() | nn.Conv3d():
                    return self.convolution(form, module)
                case nn.Linear():
                    return self.dense(form, module)
                case nn.MaxPool2d() | nn.MaxPool3d() if form.window is None:
                    self.stages.append(MaxPool(form.source, _window(module, node)))
                    return _Spikes(len(self.stages))
                case _ if isinstance(module, _AVERAGES) and form.window is None:
                    return replace(form, window=_window(module, node))
        what = type(module).__name__ if module is not None else node.target
        raise ValueError(f"'{node.name}' ({what}) has no spiking form here")

    def convolution(self, form: _Spikes, module: nn.Conv2d | nn.Conv3d) -> _Linear:
        geometry = {
            name: getattr(module, name) for name in ("stride", "padding", "dilation", "groups")
        }
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise ValueError(f"{module} pads otherwise than with a number of zeros")
        weight = module.weight.detach().clone()
        if form.source == 0:
            # Slices that are seen as channels have the gain of their own channel.
            channels = self.gains.repeat_interleave(module.in_channels // len(self.gains))
            groups = channels.view(module.groups, -1)
            gains = groups.repeat_interleave(module.out_channels // module.groups, 0)
            weight *= gains.view(*gains.shape, *[1] * (weight.ndim - 2))
        return _Linear(((form.source, weight, form.window, geometry),), _bias(module))

    def dense(self, form: _Spikes, module: nn.Linear) -> _Linear:
        weight = module.weight.detach().clone()
        if form.source == 0:
            weight *= self.gains.repeat_interleave(module.in_features // len(self.gains))
        return _Linear(((form.source, weight, form.window, None),), _bias(module))

    def layer(self, form: _Spikes | _Linear, node: fx.Node, fires: bool) -> _Spikes:
        if isinstance(form, _Spikes):
            raise ValueError("the network must end in a layer with weights")
        branches = [Branch(*parts) for parts in form.branches]
        leaky = self.leaky and fires
        self.stages.append(
            Layer(branches, form.bias, self.code, fires=fires, bits=self.bits, leaky=leaky)
        )
        return _Spikes(len(self.stages))


def _bias(module: nn.Conv2d | nn.Linear) -> torch.Tensor:
    if module.bias is None:
        return torch.zeros(len(module.weight))
    return module.bias.detach().clone()


def _identity(form: _Spikes, node: fx.Node) -> _Linear:
    if form.source == 0:
        raise ValueError(f"'{node.name}' adds the image to a layer's currents")
    channels = node.meta["tensor_meta"].shape[1]
    return _Linear(((form.source, None, form.window, None),), torch.zeros(channels))


def _folded(form: _Linear, norm: nn.modules.batchnorm._BatchNorm) -> _Linear:
    if len(form.branches) > 1 or form.branches[0][1] is None:
        raise ValueError("a batch norm behind an addition has no spiking form")
    ((source, weight, window, geometry),) = form.branches
    gain = (norm.running_var + norm.eps).rsqrt()
    shift = torch.zeros_like(gain)
    if norm.affine:
        gain, shift = gain * norm.weight.detach(), norm.bias.detach()
    bias = (form.bias - norm.running_mean) * gain + shift
    weight = weight * gain.view(-1, *[1] * (weight.ndim - 1))
    return _Linear(((source, weight, window, geometry),), bias)


def _window(module: nn.Module, node: fx.Node) -> Window:
    before = node.args[0].meta["tensor_meta"].shape[2:]
    if isinstance(module, nn.AdaptiveAvgPool3d):
        if set(node.meta["tensor_meta"].shape[2:]) != {1}:
            raise ValueError(f"'{node.name}' must average all of a volume")
        return Window(tuple(before), tuple(before), (0, 0, 0))
    if isinstance(module, nn.MaxPool3d | nn.AvgPool3d):
        return _window3d(module, node)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        if set(node.meta["tensor_meta"].shape[2:]) != {1} or len(set(before)) != 1:
            raise ValueError(f"'{node.name}' must average all of a square map")
        return Window(before[0], before[0], 0)
    values = [
        v if isinstance(v, int) else v[0]
        for v in (module.kernel_size, module.stride, module.padding)
        if isinstance(v, int) or len(set(v)) == 1
    ]
    plain = not module.ceil_mode and getattr(module, "dilation", 1) == 1
    if len(values) != 3 or not plain or not getattr(module, "count_include_pad", True):
        raise ValueError(f"'{node.name}' is no plain square pool")
    return Window(*values)


def _window3d(module: nn.MaxPool3d | nn.AvgPool3d, node: fx.Node) -> Window:
    """A pool over volumes, with a size of its own for each axis."""
    plain = getattr(module, "dilation", 1) in (1, (1, 1, 1)) and not module.ceil_mode
    if not plain or not getattr(module, "count_include_pad", True):
        raise ValueError(f"'{node.name}' is dilated, or divides differently at the rim")
    kernel, stride, padding = (
        (v,) * 3 if isinstance(v, int) else tuple(v)
        for v in (module.kernel_size, module.stride, module.padding)
    )
    return Window(kernel, stride, padding)


def _calibrate(network: SpikingNetwork, real: torch.Tensor) -> None:
    """Scales, thresholds and fractions, layer by layer, from real activations."""
    values, steps = [real], [torch.tensor(network.pixels.scale)]
    for stage in network.stages:
        inputs = [values[i] for i in sources(stage)]
        trains = [Train(x, steps[i]) for i, x in zip(sources(stage), inputs, strict=True)]
        if isinstance(stage, MaxPool):
            pooled = stage(trains)
            values.append(pooled.values)
            steps.append(pooled.step)
            continue
        current = sum(_transmitted(b, x) for b, x in zip(stage.branches, inputs, strict=True))
        out = current + stage.bias.view(-1, *[1] * (current.ndim - 2))
        _choose_scale(stage, trains)
        if stage.fires:
            out = out.relu()
            stage.neurons.fill_(out[0].numel())
            full = histogram_of(out).merged().least_error(stage.code.levels)[0]
            stage.full.fill_(float(full) if full > 0 else 1.0)
            steps.append(stage.spike_value())
            theta = float((stage.spike_value() / stage.integers(trains).unit).min())
            wanted = math.ceil(math.log2(4 * stage.code.levels / theta))
            stage.fraction.fill_(min(max(wanted, 0), MAX_FRACTION))
        else:
            stage.fraction.fill_(READOUT_FRACTION)
        values.append(out)


def histogram_of(out: torch.Tensor) -> Histogram:
    """What a layer's channels answer; `out` is (N, C, ...)."""
    histogram = Histogram()
    histogram.add(out.numpy().reshape(*out.shape[:2], -1, 1))
    return histogram


def _transmitted(branch: Branch, x: torch.Tensor) -> torch.Tensor:
    weight = torch.ones(x.shape[1]) if branch.weight is None else branch.weight
    terms = 1 if branch.window is None else branch.window.terms
    return branch.transmit(weight, x) / terms


def _choose_scale(layer: Layer, trains: list[Train]) -> None:
    """The unit that loses least of the weights; for several branches the largest that one needs."""
    found = []
    for branch, train in zip(layer.branches, trains, strict=True):
        if branch.weight is not None:
            rows = (branch.weight * branch.step(train)).reshape(len(layer.scale), -1)
            found.append(weight_units(rows.numpy(), layer.bits, "mse"))
    unit = np.max(found, axis=0)
    unit = np.maximum(unit, max(unit.max() / SPREAD, 1e-12))
    main = max(range(len(layer.branches)), key=lambda i: _size(layer.branches[i]))
    layer.scale.copy_(torch.tensor(unit) / layer.branches[main].step(trains[main]))


def _size(branch: Branch) -> int:
    return 0 if branch.weight is None else branch.weight.numel()

"""Factors between layers by which every channel uses the whole of its layer's threshold."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import fx, nn

from snnir.training.conversion import histogram_of

LEAST = 1 / 64
"""Of a layer's full-scale; a channel that hardly fires must not make huge weights behind it."""

_WEIGHTED = (nn.Conv2d, nn.Conv3d, nn.Linear)
_NORM = nn.modules.batchnorm._BatchNorm


@dataclass(eq=False)
class _Stream:
    """Maps whose channels keep one factor: a layer's, and all that identities join to it.

    Args:
        writers: modules that scale what enters; readers: modules with weights that see it.
        full: of each layer in it, the best full-scale per channel over that of the layer.
    """

    writers: list[nn.Module] = field(default_factory=list)
    readers: list[nn.Module] = field(default_factory=list)
    full: list[np.ndarray] = field(default_factory=list)
    movable: bool = True
    joined: _Stream | None = None

    @property
    def root(self) -> _Stream:
        return self if self.joined is None else self.joined.root

    def join(self, other: _Stream) -> _Stream:
        mine, theirs = self.root, other.root
        if mine is not theirs:
            mine.writers += theirs.writers
            mine.readers += theirs.readers
            mine.full += theirs.full
            mine.movable &= theirs.movable
            theirs.joined = mine
        return mine


def equalise(net: nn.Module, images: torch.Tensor, levels: int) -> None:
    """Divides each channel by what it fires of its layer's threshold; the network stays what it is.

    A layer has one threshold, and a channel whose activations are a tenth of it only fires a tenth
    of a train's values. A ReLU passes positive factors: what channel c makes is divided by s_c (in
    its batch norm, or in the weights and the bias), and all weights that read it are multiplied by
    it. s_c is the full-scale that loses least of the channel's activations, over that of the layer;
    where identities join layers, one factor serves all of them, the geometric mean.

    Args:
        net: modules that `spiking` takes, in place.
        images: (N, C, H, W) as the network takes them, some hundred.
        levels: values above 0 of a train.

    Source: Nagel et al., ICCV 2019 (factors between layers); Kim et al., AAAI 2020 (thresholds of
    channels).
    """
    streams = _Walk(net.eval(), levels).run(images)
    with torch.no_grad():
        for stream in streams:
            factor = np.exp(np.mean(np.log(stream.full), axis=0))
            _scale(stream, torch.tensor(factor, dtype=torch.float32))


class _Walk(fx.Interpreter):
    """Runs the network once, and finds who writes and who reads each layer's maps."""

    def __init__(self, net: nn.Module, levels: int) -> None:
        super().__init__(fx.symbolic_trace(net))
        self.levels, self.streams = levels, []
        self.modules = dict(net.named_modules())
        # Of each node: the stream that it carries, or what writes a sum before its ReLU.
        self.carried: dict[fx.Node, _Stream] = {}
        self.sums: dict[fx.Node, _Stream] = {}

    @torch.no_grad()
    def run(self, images: torch.Tensor) -> list[_Stream]:
        super().run(images)
        roots = dict.fromkeys(stream.root for stream in self.streams)
        return [s for s in roots if s.movable and s.readers]

    def run_node(self, node: fx.Node) -> torch.Tensor:
        value = super().run_node(node)
        module = self.modules.get(node.target) if node.op == "call_module" else None
        given = node.all_input_nodes
        if node.op == "output":
            for stream in filter(None, map(self.stream_of, given)):
                stream.root.movable = False
        elif isinstance(module, _WEIGHTED):
            if given[0] in self.carried:
                stream = self.carried[given[0]].root
                stream.readers.append(module)
                stream.movable &= getattr(module, "groups", 1) == 1 and not isinstance(
                    module, nn.Conv3d
                )
            self.sums[node] = _Stream([module])
        elif isinstance(module, _NORM):
            # What is before it keeps its factor: the norm alone scales.
            self.sums[node] = _Stream([module], movable=module.affine)
        elif isinstance(module, nn.ReLU) or node.target in (torch.relu, "relu"):
            self.carried[node] = self.fires(self.sums.get(given[0]), value)
        elif node.target in (operator.add, operator.iadd, torch.add, "add"):
            parts = [self.stream_of(n) for n in given]
            if None in parts:
                parts = [_Stream(movable=False)]
            self.sums[node] = parts[0].join(parts[-1])
        elif given and given[0] in self.carried:
            self.carried[node] = self.carried[given[0]]
        return value

    def fires(self, stream: _Stream | None, value: torch.Tensor) -> _Stream:
        stream = (stream or _Stream(movable=False)).root
        histogram = histogram_of(value)
        whole = float(histogram.merged().least_error(self.levels)[0])
        own = histogram.least_error(self.levels) / (whole or 1.0)
        stream.full.append(np.where(own > 0, np.maximum(own, LEAST), 1.0))
        self.streams.append(stream)
        return stream

    def stream_of(self, node: fx.Node) -> _Stream | None:
        return self.sums.get(node) or self.carried.get(node)


def _scale(stream: _Stream, factor: torch.Tensor) -> None:
    for module in stream.writers:
        module.weight /= factor.view(-1, *[1] * (module.weight.ndim - 1))
        if module.bias is not None:
            module.bias /= factor
    for module in stream.readers:
        inputs = factor.repeat_interleave(module.weight.shape[1] // len(factor))
        module.weight *= inputs.view(1, -1, *[1] * (module.weight.ndim - 2))

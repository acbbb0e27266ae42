"""Random networks whose neurons keep their states from window to window, for tests."""

from __future__ import annotations

import numpy as np
from random_networks import RandomNetwork, _Maker, seeded_pick
from xdsl.dialects.builtin import DenseArrayBase, f64

from snnir.analysis.network import is_rate, layers
from snnir.dialects.assembly import integer, ints
from snnir.dialects.snn import EncodeOp
from snnir.dialects.snn_types import TrainType


class _WindowMaker(_Maker):
    """Rate-coded layers; the input is an image for each window, or spikes."""

    spikes = False
    pools = True

    def encode(self, image, shape):
        if not self.spikes:
            return super().encode(image, shape)
        self.pixel_bits = self.steps
        op = EncodeOp.build(
            operands=[image],
            properties={
                "scale": DenseArrayBase.from_list(f64, [1.0] * shape[0]),
                "pads": ints([0, 0, 0, 0]),
            },
            result_types=[TrainType(shape, "rate", self.steps)],
        )
        return self.add(op).train

    def max_pool(self, source):
        return super().max_pool(source) if self.pools else source


def encoder(network: RandomNetwork) -> EncodeOp:
    return next(op for op in network.module.walk() if isinstance(op, EncodeOp))


def window_network(
    seed: int,
    windows: int = 3,
    samples: int = 2,
    spikes: bool = False,
    pools: bool = True,
    most_steps: int = 16,
) -> RandomNetwork:
    """A network of causal neurons, and frames for `samples` of `windows` each, in a row."""
    pick = seeded_pick(seed)
    while True:
        maker = _WindowMaker(pick, samples * windows)
        maker.spikes, maker.pools = spikes, pools
        if maker.choice.coding != "rate" or maker.choice.emission != "causal":
            continue
        if maker.steps > (min(most_steps, 8) if spikes else most_steps):
            continue
        network = maker.make()
        # A readout of the image itself has bit planes to weigh, which no window can go on with.
        if all(map(is_rate, layers(network.module))):
            break
    encoder(network).properties["windows"] = integer(windows)
    return network


def given(network: RandomNetwork, spikes: bool) -> np.ndarray:
    """The frames as the integer reference takes them."""
    if not spikes:
        return network.images
    return np.ascontiguousarray(network.frames.transpose(0, 3, 1, 2))

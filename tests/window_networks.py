"""Random networks whose neurons keep their states from window to window, for tests."""

from __future__ import annotations

import numpy as np
from random_networks import RandomNetwork, _Maker, seeded_pick

from snnir.analysis.network import encode_of, is_rate, layers
from snnir.dialects.assembly import integer


class _WindowMaker(_Maker):
    """Rate-coded layers; the input is an image for each window, or spikes."""

    spikes = False
    pools = True

    def encode(self, image, shape):
        return (self.encode_spikes if self.spikes else super().encode)(image, shape)

    def max_pool(self, source):
        return super().max_pool(source) if self.pools else source


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
    encode_of(network.module).properties["windows"] = integer(windows)
    return network


def given(network: RandomNetwork, spikes: bool) -> np.ndarray:
    """The frames as the integer reference takes them."""
    if not spikes:
        return network.images
    return np.ascontiguousarray(network.frames.transpose(0, 3, 1, 2))

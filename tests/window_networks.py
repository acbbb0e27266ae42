"""Random networks whose neurons keep their states from window to window, for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from c_programs import schedule
from comparing import differences
from random_networks import RandomNetwork, _Maker, seeded_pick

from snnir.analysis.network import encode_of, is_rate, layers, network_of
from snnir.dialects.assembly import integer
from snnir.dialects.snn import SynapseOp
from snnir.interpreters.pe import run_program
from snnir.interpreters.snn import run_snn
from snnir.runtime.cmodel import CEngine
from snnir.runtime.engine import EngineResult


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


def delayed_windows(seed: int, spikes: bool, **options) -> RandomNetwork:
    """The next random network of windows from a seed on whose synapses are delayed at random.

    Delays matter to what it says.
    """
    rng = np.random.default_rng(seed)
    while True:
        net = window_network(seed, spikes=spikes, **options)
        soon = run_snn(net.module, given(net, spikes)).potentials
        for op in network_of(net.module).body.block.ops:
            if isinstance(op, SynapseOp) and op.source.type.coding_name == "rate":
                delay = int(rng.integers(0, op.source.type.steps.data))
                if delay:
                    op.properties["delay"] = integer(delay)
        net.module.verify()
        if not np.array_equal(soon, run_snn(net.module, given(net, spikes)).potentials):
            return net
        seed += 1000


def twice_as_long(net: RandomNetwork) -> RandomNetwork:
    """A network of two windows as one of a single window of all steps."""
    whole = net.module.clone()
    for op in whole.walk():
        for value in op.results:
            kind = value.type
            if hasattr(kind, "steps"):
                extra = [kind.terms] if hasattr(kind, "terms") else []
                value._type = type(kind)(kind.shape, kind.coding, 2 * kind.steps.data, *extra)
    next(op for op in whole.walk() if op.name == "snn.encode").properties.pop("windows")
    whole.verify()
    return replace(net, module=whole)


def run_on_machine(net: RandomNetwork, spikes: bool, cache: Path) -> EngineResult:
    """What C says, which is what both interpreters say, the clocks included."""
    want = run_snn(net.module, given(net, spikes))
    module = schedule(net.module, net.pipeline + ",verify-pe-schedule")
    module.verify()
    found = run_program(module, net.frames, count_cycles=True)
    assert np.array_equal(found.potentials, want.potentials.reshape(len(net.frames), -1))
    # Pixels that no pool needs are computed by no machine.
    for label, words in found.trains.items():
        if label in want.trains:
            assert np.array_equal(words, np.where(words == 0, 0, want.trains[label])), label
    result = CEngine.from_module(module, cache, ("-O1",)).run(net.frames)
    assert differences(result, found) == []
    assert np.array_equal(result.cycles, found.cycles)
    return result

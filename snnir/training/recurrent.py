"""Recurrent spiking networks as torch modules that compute with the compiler's integers.

A sample is a row of windows of one step each. Every layer begins a window with the membranes that
it had at the end of the one before, and may see what it, or a layer behind it, fired then. Integers
and gradients are those of `spiking`; in evaluation mode trains and potentials are the machine's.
"""

from __future__ import annotations

import torch
from torch import nn

from snnir.calibration.rounding import top_level
from snnir.dialects.neurons import LEAK_BITS
from snnir.training.rounding import floored, spike
from snnir.training.spiking import Branch, Integers, Layer
from snnir.training.trains import Code, Train

STEP = Code("rate", 1)
"""A window is one step: what is fired in it can come back in the next one."""

FRACTION = 3


class Spikes(nn.Module):
    """The input: spikes, 0 or 1, as pixels of one bit."""

    bits, scale = 1, 1.0

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("zero", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> Train:
        return Train(x.float(), torch.tensor(1.0))


class RecurrentNetwork(nn.Module):
    """A network of dense layers over streams of spikes (N, windows, C, H, W).

    A branch whose source is a layer's own train, or one that a later layer makes, sees the spikes
    of the window before, none in the first. Outputs are the potentials behind the last window, in
    the mean over windows.

    Args:
        stages: layers in computing order; stage i makes train i + 1, train 0 is the input, the last
            stage is the readout.

    Source: Bellec et al., Long short-term memory and learning-to-learn in networks of spiking
    neurons, NeurIPS 2018 (gradients through time, with a surrogate for the spike's).
    """

    def __init__(self, stages: list[Layer]) -> None:
        super().__init__()
        self.pixels, self.stages, self.code = Spikes(), nn.ModuleList(stages), STEP

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        *_, potentials = self.run(x)[-1]
        return (potentials.values * potentials.step).float() / x.shape[1]

    def run(self, x: torch.Tensor) -> list[list[Train]]:
        """For each window the train of each stage; of the readout the potentials so far."""
        steps = [torch.tensor(1.0), *(s.spike_value() for s in self.stages if s.fires)]
        ready = [
            stage.integers([Train(x, steps[b.source]) for b in stage.branches])
            for stage in self.stages
        ]
        states: list[torch.Tensor | None] = [None] * len(ready)
        before: list[Train] = []
        found = []
        for window in range(x.shape[1]):
            trains = [self.pixels(x[:, window].flatten(1))]
            for number, (stage, integers) in enumerate(zip(self.stages, ready, strict=True)):
                given = [
                    trains[b.source] if b.source <= number else self.past(before, b.source, trains)
                    for b in stage.branches
                ]
                values, states[number] = self.step(stage, integers, given, states[number])
                step = steps[number + 1] if stage.fires else self.potential_step(stage, integers)
                trains.append(Train(values, step))
            before = trains
            found.append(trains[1:])
        return found

    def past(self, before: list[Train], source: int, trains: list[Train]) -> Train:
        """What a layer fired in the window before."""
        if before:
            return before[source]
        stage = self.stages[source - 1]
        silence = trains[0].values.new_zeros(len(trains[0].values), len(stage.bias))
        return Train(silence, stage.spike_value())

    def potential_step(self, stage: Layer, integers: Integers) -> torch.Tensor:
        return integers.unit / 2.0 ** int(stage.fraction)

    def step(
        self, stage: Layer, ready: Integers, given: list[Train], state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Spikes or potentials of a window, and the membranes behind it."""
        bias, *currents = stage.exactly(ready.bias, *stage.currents(ready, given))
        current = sum(currents) * 2.0 ** int(stage.fraction) + bias
        if not stage.fires:
            total = current if state is None else state + current
            return total, total
        (theta,) = stage.exactly(ready.theta)
        membrane = (theta / 2).floor().expand_as(current) if state is None else state
        if ready.leak is not None:
            membrane = membrane - floored(membrane * ready.leak / (1 << LEAK_BITS))
        membrane = membrane + current
        fired = spike(membrane / theta - 1)
        return fired.float(), membrane - fired * theta

    def layers(self) -> list[Layer]:
        """Those with neurons, and the readout."""
        return list(self.stages)


def recurrent(
    inputs: int, hidden: list[int], outputs: int, *, bits: int = 8, seed: int = 0
) -> RecurrentNetwork:
    """Layers of leaky neurons, each of which sees its own spikes as well, and a readout."""
    generator = torch.Generator().manual_seed(seed)

    def weight(rows: int, columns: int, gain: float) -> torch.Tensor:
        return torch.randn(rows, columns, generator=generator) * gain / columns**0.5

    stages, sizes = [], [inputs, *hidden, outputs]
    for number, (before, count) in enumerate(zip(sizes, sizes[1:], strict=False)):
        fires = number < len(hidden)
        branches = [Branch(number, weight(count, before, 1.5))]
        if fires:
            branches.append(Branch(number + 1, weight(count, count, 0.5)))
        layer = Layer(branches, torch.zeros(count), STEP, fires=fires, bits=bits, leaky=True)
        with torch.no_grad():
            rows = torch.cat([branch.weight for branch in branches], dim=1).abs()
            largest = rows.amax(1) if fires else rows.max().view(1)
            layer.scale.copy_(largest / top_level(bits))
            layer.fraction.fill_(FRACTION)
        stages.append(layer)
    return RecurrentNetwork(stages)

"""Spiking networks as torch modules that compute with the compiler's integers.

What a layer multiplies, adds and compares are the integers of the compiled network, in training as
in evaluation: rounded on the way from the trained parameters, with gradients that pass through.
Trains are tensors of integers (kept as floats). In evaluation mode all sums are exact, so trains
and potentials are those of the interpreter, the C program and the hardware; while a network is
trained in bfloat16 its currents have 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import nn

from snnir.calibration.rounding import top_level
from snnir.dialects.neurons import LEAK_BITS
from snnir.training.firing import fired
from snnir.training.rounding import counts, rounded, slowed
from snnir.training.trains import Code, MaxPool, Pixels, Train, Window, merged

EXACT = 2**24
"""Integers up to here are exact in float32."""

WIDEST = (1 << 15) - 1
"""The largest integer weight of an identity branch."""


class Branch(nn.Module):
    """A synapse: convolution, dense, or the identity where there is no weight.

    Args:
        source: number of the train that it reads; 0 is the image.
        window: of an average pool before it, which only sums.
        geometry: stride, padding, dilation, groups of a convolution; one over maps sees the
            slices of volumes as channels.
    """

    def __init__(
        self,
        source: int,
        weight: torch.Tensor | None,
        window: Window | None = None,
        geometry: dict | None = None,
    ) -> None:
        super().__init__()
        self.source, self.window, self.geometry = source, window, geometry
        self.weight = None if weight is None else nn.Parameter(weight)

    def step(self, train: Train) -> torch.Tensor:
        """Real value of what weight 1 makes of a count of 1."""
        return train.step if self.window is None else train.step / self.window.terms

    def transmit(self, weight: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Currents from weights, which may be real ones, and values (N, ...)."""
        if self.window is not None:
            w = self.window
            flat = isinstance(w.kernel, int)
            pool = nn.functional.avg_pool2d if flat else nn.functional.avg_pool3d
            values = merged(values) if flat else values
            values = pool(values, w.kernel, w.stride, w.padding, divisor_override=1)
        if self.geometry is not None and weight.ndim == 5:
            return nn.functional.conv3d(values, weight, **self.geometry)
        if self.geometry is not None:
            return nn.functional.conv2d(merged(values), weight, **self.geometry)
        if self.weight is None:
            return values * weight.view(-1, *[1] * (values.ndim - 2))
        return nn.functional.linear(values.flatten(1), weight)


@dataclass
class Integers:
    """What the compiler makes of a layer; `unit` is the real value of a current of 1."""

    weights: list[torch.Tensor]
    unit: torch.Tensor
    bias: torch.Tensor
    theta: torch.Tensor | None
    leak: torch.Tensor | None


LEAK = 1 / 16
"""What neurons lose of their membrane at each step before training."""


class Layer(nn.Module):
    """Synapses whose currents meet, and the neurons or the readout behind them.

    Trained are the weights and biases as real numbers, `scale` (of each output channel's weights),
    `full` (what a train of all spikes stands for, the theta of QCFS) and `leak` (the share of a
    membrane that is lost at each step).

    Args:
        code: of the network's neurons; `fires`: whether this layer has some, or is the readout,
            whose outputs share one scale.
        bits: of weights.
    """

    def __init__(
        self,
        branches: list[Branch],
        bias: torch.Tensor,
        code: Code,
        *,
        fires: bool,
        bits: int,
        leaky: bool = False,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.bias = nn.Parameter(bias)
        self.code, self.fires, self.bits = code, fires, bits
        self.scale = nn.Parameter(torch.ones(len(bias) if fires else 1))
        self.full = nn.Parameter(torch.tensor(1.0)) if fires else None
        self.leak = nn.Parameter(torch.tensor(LEAK)) if fires and leaky else None
        self.register_buffer("fraction", torch.tensor(0))
        self.register_buffer("neurons", torch.tensor(1))

    def spike_value(self) -> torch.Tensor:
        """What a spike of least weight stands for."""
        full = slowed(self.full.abs(), self.shared())
        return full if self.code.coding == "rate" else full / self.code.levels

    def shared(self) -> float:
        """By how much the gradient of a parameter of all neurons is slowed."""
        return float(self.neurons * self.code.levels) ** -0.5

    def integers(self, trains: list[Train]) -> Integers:
        """The layer's integers for the branches' trains, differentiable."""
        steps = [branch.step(train) for branch, train in zip(self.branches, trains, strict=True)]
        top = top_level(self.bits)
        sizes = [0 if b.weight is None else b.weight.numel() for b in self.branches]
        scale = slowed(self.scale.abs(), (sum(sizes) * top / len(self.scale)) ** -0.5)
        unit = (scale * steps[sizes.index(max(sizes))]).expand(len(self.bias))
        for size, step in zip(sizes, steps, strict=True):
            if not size:
                # The unit divides the identity's step, so that its real weight is exactly 1.
                unit = step / rounded(step / unit).clamp(1, WIDEST)
        weights = []
        for branch, step in zip(self.branches, steps, strict=True):
            if branch.weight is None:
                weights.append(rounded(step / unit))
            else:
                inverse = (step / unit).view(-1, *[1] * (branch.weight.ndim - 1))
                weights.append(rounded((branch.weight * inverse).clamp(-top, top)))
        shift = 2.0 ** int(self.fraction)
        bias = self.whole_bias(unit)
        theta = leak = None
        if self.fires:
            theta = rounded(self.spike_value() / unit * shift).clamp_min(1)
        if self.leak is not None:
            whole = 1 << LEAK_BITS
            leak = rounded((slowed(self.leak.abs(), self.shared()) * whole).clamp(max=whole - 1))
        return Integers(weights, unit, bias, theta, leak)

    def whole_bias(self, unit: torch.Tensor) -> torch.Tensor:
        """The integer that the bias is, in membranes whose unit of current stands for `unit`."""
        return rounded(self.bias / unit * 2.0 ** int(self.fraction))

    def forward(self, trains: list[Train]) -> Train:
        ready = self.integers(trains)
        if trains[0].counts is not None and self.fires:
            return self.fire_through_counts(ready, trains)
        trains = [_counted(train) for train in trains]
        currents = self.currents(ready, trains)
        if not self.fires:
            return Train(*self.read(ready, currents, trains))
        if self.code.coding == "radix" or any(train.kind == "count" for train in trains):
            return self.fire_at_once(ready, self.summed(currents, trains))
        return Train(
            self.fire_step_by_step(ready, currents, trains)[0], self.spike_value(), "steps"
        )

    def currents(self, ready: Integers, trains: list[Train]) -> list[torch.Tensor]:
        """Of each branch."""
        return [
            self.current(branch, weight, train)
            for branch, weight, train in zip(self.branches, ready.weights, trains, strict=True)
        ]

    def current(self, branch: Branch, weight: torch.Tensor, train: Train) -> torch.Tensor:
        """Of (N, ...) or (T, N, ...) values; exact in evaluation mode."""
        values = train.values
        if not self.training and self.reach(branch, weight, train) >= EXACT:
            weight, values = weight.double(), values.double()
        if train.kind != "steps":
            return branch.transmit(weight, values)
        flat = branch.transmit(weight, values.flatten(0, 1))
        return flat.view(*values.shape[:2], *flat.shape[1:])

    def reach(self, branch: Branch, weight: torch.Tensor, train: Train) -> float:
        """What no current of the branch exceeds."""
        terms = 1 if branch.window is None else branch.window.terms
        largest = weight.detach().abs().flatten(1 if weight.ndim > 1 else 0).sum(-1).max()
        return float(largest * train.values.detach().abs().max() * terms)

    def exactly(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        """As float64 in evaluation mode, where membranes need it."""
        return [x if self.training else x.double() for x in tensors]

    def summed(self, currents, trains: list[Train]) -> torch.Tensor:
        """What all steps bring to a membrane, in currents, but for the bias."""
        steps = self.code.steps if any(train.kind != "still" for train in trains) else 1
        total = 0
        for current, train in zip(self.exactly(*currents), trains, strict=True):
            if train.kind == "steps":
                current = current.sum(0)
            elif train.kind == "still" and self.code.coding == "rate":
                current = current * steps
            total = total + current
        return total

    def fire_at_once(self, ready: Integers, total: torch.Tensor) -> Train:
        """Clip-floor-shift: clip(floor((V + theta / 2) / theta), 0, levels).

        Exact for radix coding, and for rate coding as long as spikes come evenly.

        Source: Bu et al., Optimal ANN-SNN conversion (QCFS), ICLR 2022.
        """
        bias, theta = (_along(x, total) for x in self.exactly(ready.bias, ready.theta))
        rate = self.code.coding == "rate"
        offset = bias * (self.code.steps if rate else 1) + (theta / 2).floor()
        # By a power of two, so that nothing is rounded here.
        unit = 2.0 ** int(self.fraction)
        values = counts(total, offset / unit, theta / unit, self.code.levels)
        return Train(values.float(), self.spike_value(), "count" if rate else "still")

    def fire_through_counts(self, ready: Integers, trains: list[Train]) -> Train:
        """What is fired step by step, with the gradient of the count of even spikes.

        What leaked of the membranes that were is missing from the sum that is counted. Gradients
        go through one sum instead of T steps, and none is needed between steps.

        Source: Yu et al., Rate-based backpropagation, NeurIPS 2024 (that the mean over all steps
        carries the gradient); here it passes through clip-floor-shift.
        """
        with torch.no_grad():
            spikes, held = self.fire_step_by_step(ready, self.currents(ready, trains), trains)
        summed = [_counted(train) for train in trains]
        total = self.summed(self.currents(ready, summed), summed)
        if ready.leak is not None:
            total = total - held * ready.leak / 2.0 ** (LEAK_BITS + int(self.fraction))
        even = self.fire_at_once(ready, total)
        exact = even.values + (spikes.sum(0) - even.values).detach()
        return Train(spikes, even.step, "steps", exact)

    def fire_step_by_step(
        self, ready: Integers, currents, trains: list[Train]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The spikes (T, N, ...), and the sum of the membranes that leaked (`firing.fired`)."""
        bias, theta, *currents = self.exactly(ready.bias, ready.theta, *currents)
        scale = 2.0 ** int(self.fraction)
        still = [c for c, train in zip(currents, trains, strict=True) if train.kind == "still"]
        moving = [c for c, train in zip(currents, trains, strict=True) if train.kind != "still"]
        shape = still[0] if still else moving[0][0]
        constant = _along(bias, shape)
        if still:
            constant = constant + reduce(add, still) * scale
        together = reduce(add, moving) if moving else None
        return fired(together, constant, _along(theta, shape), ready.leak, self.code, scale)

    def read(self, ready: Integers, currents, trains: list[Train]) -> tuple:
        """The potentials, and what a potential of 1 stands for."""
        steps = self.code.steps if any(train.kind != "still" for train in trains) else 1
        total = self.summed(currents, trains) * 2.0 ** int(self.fraction)
        (bias,) = self.exactly(ready.bias)
        membrane = total + _along(bias, total) * (steps if self.code.coding == "rate" else 1)
        return membrane, ready.unit / (2.0 ** int(self.fraction) * steps)


class SpikingNetwork(nn.Module):
    """A network whose integers are those of the compiled one, for training and for reference.

    Takes what `Pixels.real` makes of images and gives real outputs. In training mode with
    `evenly`, rate-coded layers count spikes as if they came evenly (QCFS), which is fast; without,
    they fire step by step, as in evaluation mode, and gradients go `through` all "steps" or through
    the "counts" of spikes.

    Args:
        stages: layers and pools in computing order; stage i makes train i + 1, train 0 is the
            image, the last stage is the readout.
    """

    def __init__(self, pixels: Pixels, stages: list[Layer | MaxPool], code: Code) -> None:
        super().__init__()
        self.pixels, self.stages, self.code = pixels, nn.ModuleList(stages), code
        self.evenly, self.through = True, "steps"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        potentials = self.run(x)[-1]
        return (potentials.values * potentials.step).float()

    def run(self, x: torch.Tensor) -> list[Train]:
        """The train of each stage; of the readout the potentials."""
        trains = [self.pixels(x)]
        if self.training and self.code.coding == "rate":
            counts = trains[0].values * self.code.steps
            if self.evenly:
                trains[0].values, trains[0].kind = counts, "count"
            elif self.through == "counts":
                trains[0].counts = counts
        for stage in self.stages:
            trains.append(stage([trains[i] for i in sources(stage)]))
        return trains[1:]

    def layers(self) -> list[Layer]:
        """Those with neurons, and the readout."""
        return [stage for stage in self.stages if isinstance(stage, Layer)]


def sources(stage: Layer | MaxPool) -> list[int]:
    """The numbers of the trains that a stage reads."""
    if isinstance(stage, MaxPool):
        return [stage.source]
    return [branch.source for branch in stage.branches]


def _counted(train: Train) -> Train:
    """With all steps at once, where gradients go through counts."""
    return train if train.counts is None else Train(train.counts, train.step, "count")


def _along(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One value for each channel, dimension 1 of `like`."""
    return values.view(-1, *[1] * (like.ndim - 2))

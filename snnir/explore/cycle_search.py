"""Bits of weights and steps of trains for each layer, so that an image takes so many clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.schedule.loading import Ddr, choose_ring
from snnir.targets import Target
from snnir.tiling.clocks import Activity, Estimator, LayerClocks, streamed_cycles
from snnir.tiling.shape import LayerShape, NetworkShape, SynapseShape, word_shifts

NARROWEST = 2
"""Least bits of a weight."""

SAVED = 1e-4
"""A change that saves a smaller share of the clocks saves none."""


@dataclass(frozen=True)
class Lever:
    """What may be chosen for a layer, and what each choice costs in accuracy.

    Args:
        bits: bits of its weights -> share of its currents' variance that rounding adds.
        steps: steps of its trains -> the same, of the layers that read them.
    """

    label: str
    bits: Mapping[int, float]
    steps: Mapping[int, float]


@dataclass(frozen=True)
class Plan:
    """What is chosen: bits of an array's weights, and of each layer bits and steps."""

    digit: int
    bits: tuple[int, ...]
    steps: tuple[int, ...]
    cycles: float = 0.0
    error: float = 0.0


@dataclass
class ClockModel:
    """Clocks of an image by estimate, for any bits and steps of the layers.

    Args:
        shape: of the network; the digits of its branches are chosen here.
        image: uint8 (N, C, H, W), pixels.
        spiking: (train, steps) -> which neurons spike; `follows` the layer of each train.
        wide: bits -> digits of each branch whose weights no choice changes, by layer and branch.
        streams: whether weights come from DDR.
    """

    shape: NetworkShape
    array: ArrayParameters
    target: Target
    image: np.ndarray
    spiking: Mapping[tuple[str, int], np.ndarray]
    follows: Mapping[str, str]
    wide: Mapping[tuple[str, int, int], int]
    streams: bool
    known: dict[tuple, tuple[LayerClocks, list[int]]] = field(default_factory=dict)

    def cycles(self, digit: int, bits: Mapping[str, int], steps: Mapping[str, int]) -> float:
        """Clocks of an image, the mean of those that are looked at."""
        array = replace(self.array, weight_bits=digit)
        first = Estimator(self.shape).receiving(array)
        found = [self._layer(layer, array, bits, steps) for layer in self.shape.layers]
        clocks = [first, *(one for one, _ in found)]
        if not self.streams:
            return sum(float(layer.total.mean()) for layer in clocks)
        rows = [row for _, own in found for row in own]
        ring = choose_ring(array, max(rows), self.target.bram36)
        return streamed_cycles(clocks, rows, array, ring, Ddr.of(self.target, array.ports))

    def _layer(self, layer: LayerShape, array: ArrayParameters, bits, steps):
        trains = [self.shape.labels[s.source] for s in layer.synapses if s.source]
        read = tuple(steps[self.follows[train]] for train in trains)
        counts = tuple(
            self._digits(layer.label, index, array.weight_bits, bits)
            for index in range(len(layer.synapses))
        )
        key = (layer.label, array.weight_bits, read, counts)
        if key not in self.known:
            synapses = tuple(
                _in_digits(synapse, count, array.weight_bits)
                for synapse, count in zip(layer.synapses, counts, strict=True)
            )
            mine = replace(layer, synapses=synapses)
            maps = tuple(
                self.spiking[name, steps[self.follows[name]]] if name in trains else np.zeros(0)
                for name in self.shape.labels[1:]
            )
            estimator = Estimator(self.shape, Activity(self.image, maps))
            words = word_shifts(self.shape.image_bits, array.planes)
            clocks = estimator.layer(mine, array, words)
            self.known[key] = clocks, estimator.layer_rows(mine, array)
        return self.known[key]

    def _digits(self, label: str, branch: int, digit: int, bits: Mapping[str, int]) -> int:
        fixed = self.wide.get((label, branch, digit))
        return digits_of(bits[label], digit) if fixed is None else fixed


def digits_of(bits: int, digit: int) -> int:
    """Balanced digits of `digit` bits that hold symmetric weights of `bits` bits."""
    top, reach, count = (1 << (bits - 1)) - 1, 0, 0
    while reach < top:
        reach += ((1 << (digit - 1)) - 1) << (digit * count)
        count += 1
    return count


def _in_digits(synapse: SynapseShape, count: int, digit: int) -> SynapseShape:
    return replace(synapse, shifts=tuple(digit * i for i in reversed(range(count))))


@dataclass
class Search:
    """Looks for the least error within a budget.

    Args:
        levers: of all layers that have weights or fire, in order.
        clocks: `ClockModel.cycles`.
    """

    levers: Sequence[Lever]
    clocks: Callable[[int, Mapping[str, int], Mapping[str, int]], float]

    def digits(self) -> range:
        """Bits that the array's weights may have."""
        return range(NARROWEST, min(8, max(max(lever.bits) for lever in self.levers)) + 1)

    def plan(self, digit: int, bits: Sequence[int], steps: Sequence[int]) -> Plan:
        labels = [lever.label for lever in self.levers]
        own = dict(zip(labels, bits, strict=True)), dict(zip(labels, steps, strict=True))
        error = sum(
            lever.bits[b] + lever.steps.get(t, 0.0)
            for lever, b, t in zip(self.levers, bits, steps, strict=True)
        )
        return Plan(digit, tuple(bits), tuple(steps), self.clocks(digit, *own), error)

    def extreme(self, digit: int, *, narrow: bool, short: bool) -> Plan:
        """All weights as narrow, or all trains as short, as they may be; or as good as they may."""
        ends = {True: min, False: max}
        return self.plan(
            digit,
            [ends[narrow](lever.bits) for lever in self.levers],
            [ends[short](lever.steps) for lever in self.levers],
        )

    def least(self) -> Plan:
        """The fewest clocks that can be had."""
        every = (self.extreme(digit, narrow=True, short=True) for digit in self.digits())
        return min(every, key=lambda plan: plan.cycles)

    def within(self, budget: float) -> Plan | None:
        """The plan of least error of those that are looked at; None where there is none.

        For each width of the array's weights: from the best on, the change is made that costs least
        error for the clocks it saves; then what the budget still allows is taken back, the changes
        of most error first.
        """
        found = [self._taken_back(plan, budget) for plan in self._cut(budget)]
        return min(found, key=lambda plan: (plan.error, plan.cycles), default=None)

    def _cut(self, budget: float) -> Iterator[Plan]:
        for digit in self.digits():
            plan = self.extreme(digit, narrow=False, short=False)
            while plan is not None and plan.cycles > budget:
                plan = self._cheapest(plan, budget)
            if plan is not None:
                yield plan

    def _cheapest(self, plan: Plan, budget: float) -> Plan | None:
        """The change of least error for a clock that is still wanted; None where none saves any."""
        best, price = None, np.inf
        for other in self._changes(plan, -1):
            saved = min(plan.cycles - other.cycles, plan.cycles - budget)
            # Below a ten-thousandth nothing is saved: it is the estimate that moves.
            if plan.cycles - other.cycles > plan.cycles * SAVED:
                asked = (other.error - plan.error) / saved
                if asked < price:
                    best, price = other, asked
        return best

    def _taken_back(self, plan: Plan, budget: float) -> Plan:
        while True:
            within = [other for other in self._changes(plan, 1) if other.cycles <= budget]
            better = min(within, key=lambda other: other.error, default=plan)
            if better.error >= plan.error:
                return plan
            plan = better

    def _changes(self, plan: Plan, sign: int) -> Iterator[Plan]:
        """One layer's bits or steps made smaller, or larger."""
        for index, lever in enumerate(self.levers):
            for name, known in (("bits", lever.bits), ("steps", lever.steps)):
                now = getattr(plan, name)
                for value in known:
                    if (value - now[index]) * sign > 0 and (
                        name == "steps" or self._matters(plan.digit, now[index], value, lever, sign)
                    ):
                        changed = (*now[:index], value, *now[index + 1 :])
                        parts = {"bits": plan.bits, "steps": plan.steps} | {name: changed}
                        yield self.plan(plan.digit, **parts)

    def _matters(self, digit: int, now: int, value: int, lever: Lever, sign: int) -> bool:
        """Whether these bits are the most for their number of digits, and that number another."""
        count = digits_of(value, digit)
        most = max(b for b in lever.bits if digits_of(b, digit) == count)
        return value == most and (sign > 0 or count < digits_of(now, digit))

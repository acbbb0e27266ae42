"""Proven ranges: what currents and membrane potentials can become, for any input whatsoever.

Widths of accumulators and membranes come from here and are never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.ir import Operation, SSAValue

from snnir.analysis.intervals import Evaluator, Interval, interval, join, same, signed_bits, union
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import AddOp, ConvOp, DenseOp, NeuronOp, OneToOneOp
from snnir.dialects.snn_types import SumType
from snnir.errors import UserError

ENDLESS_STEPS = 2048
"""Steps in which the states of a sample of any length must have reached their bounds."""


def current_range(op: Operation) -> tuple[np.ndarray, np.ndarray]:
    """The exact range of one step's current, per output channel, as int64 (lo, hi).

    Each term of a synapse is a bit of a train, or, under an average pool, a count of 0..terms.
    Both bounds are reached by some input as long as the window lies inside of the map.

    Args:
        op: a `conv`, `dense` or `one_to_one` synapse with integer weights, or an `add`.
    """
    if isinstance(op, AddOp):
        ranges = [current_range(value.owner) for value in op.currents]
        return sum(lo for lo, _ in ranges), sum(hi for _, hi in ranges)
    assert isinstance(op, ConvOp | DenseOp | OneToOneOp)
    weights = from_dense(op.weights).astype(np.int64)
    weights = weights.reshape(weights.shape[0], -1)
    source = op.source.type
    terms = source.terms.data if isinstance(source, SumType) else 1
    return np.minimum(weights, 0).sum(1) * terms, np.maximum(weights, 0).sum(1) * terms


@dataclass
class NeuronRanges:
    """What a layer's neurons can hold at any time.

    Args:
        values: (lo, hi) of every i64 value of the regions, block arguments included.
        states: (lo, hi) of each state at the end of any window.
    """

    values: dict[SSAValue, tuple[int, int]] = field(default_factory=dict)
    states: tuple[tuple[int, int], ...] = ()

    @property
    def lo(self) -> int:
        return min(lo for lo, _ in self.values.values())

    @property
    def hi(self) -> int:
        return max(hi for _, hi in self.values.values())

    @property
    def bits(self) -> int:
        return signed_bits(self.lo, self.hi)

    @property
    def state_bits(self) -> tuple[int, ...]:
        """Bits that hold each state between windows."""
        return tuple(signed_bits(lo, hi) for lo, hi in self.states)


def integrations(coding: str, neuron_is_rate: bool, steps_in: int, steps_out: int):
    """How often `integrate` is called and by how much the plane currents weigh in each call.

    Returns:
        (calls, planes): `planes` is None where each call takes one plane, else the weight of each
        plane in the sum that every call takes.
    """
    if coding == "direct" and neuron_is_rate:
        return steps_out, [1 << (steps_in - 1 - p) for p in range(steps_in)]
    return steps_in, None


@dataclass(frozen=True)
class CallRanges:
    """What is known of one call of a region.

    Args:
        values: the interval of every i64 value of the region, block arguments included.
        results: of the states that it yields.
    """

    role: str
    values: Mapping[SSAValue, Interval]
    results: Sequence[Interval]


def call_ranges(
    neuron: NeuronOp,
    params: Mapping[str, Interval],
    currents: Sequence[Interval],
    steps_out: int,
    states: Sequence[Interval] | None = None,
) -> Iterator[CallRanges]:
    """Each call of a region in the life of one image, from the first to the last.

    Args:
        params: what each of the neuron's parameters may be.
        currents: what each call of `integrate` gets.
        states: those at the end of the window before, if it is not the first of a sample.
    """
    parameters = [params[name] for name in neuron.param_names]

    def run(role: str, *arguments: Interval) -> CallRanges:
        block = neuron.role(role).block
        known = dict(zip(block.args, arguments, strict=True))
        evaluator = Evaluator(known, dict(known))
        assert block.last_op is not None
        results = [evaluator.value(v) for v in block.last_op.operands]
        return CallRanges(role, evaluator.seen, results[: len(neuron.state_names)])

    last = CallRanges("", {}, states or ())
    if states is None:
        yield (last := run("start", *parameters))
    emission = neuron.emission.data
    for step, current in enumerate(currents):
        yield (last := run("integrate", *last.results, current, *parameters))
        if emission == "causal":
            left = interval(len(currents) - 1 - step, len(currents) - 1 - step)
            yield (last := run("fire", *last.results, *parameters, left))
    if emission != "causal":
        yield (last := run("settle", *last.results, *parameters))
    if emission == "after":
        for left in reversed(range(steps_out)):
            yield (last := run("fire", *last.results, *parameters, interval(left, left)))


def neuron_ranges(
    neuron: NeuronOp,
    params: Mapping[str, np.ndarray],
    current: tuple[np.ndarray, np.ndarray],
    *,
    coding: str,
    steps_in: int,
    steps_out: int,
    fraction: int,
    rate: bool,
    windows: int = 1,
) -> NeuronRanges:
    """Ranges of all values of a neuron's regions, unrolled over the steps of one image.

    Args:
        params: the neuron's parameters, one integer per channel.
        current: range of one plane's current before the shift by `fraction`, per channel.
        coding: of the currents; `rate`: whether the neuron's own train is rate-coded.
        steps_out: steps of the neuron's train (of the network's, for a readout).
        windows: so many windows follow one another, each with the states of the one before; 0
            stands for any number.

    Raises:
        UserError: a state has no bound, or none that 62 bits hold.
    """
    calls, planes = integrations(coding, rate, steps_in, steps_out)
    weight = (sum(planes) if planes else 1) << fraction
    given = {name: interval(values, values) for name, values in params.items()}
    i = interval(current[0].astype(object) * weight, current[1].astype(object) * weight)
    seen: dict[SSAValue, Interval] = {}
    states, ends = None, []
    for _ in range(windows or -(-ENDLESS_STEPS // calls)):
        before = states
        for call in call_ranges(neuron, given, [i] * calls, steps_out, states):
            for value, found in call.values.items():
                join(seen, value, found)
            states = call.results
        joined = list(map(union, ends, states)) if ends else states
        states, ends = states if windows else joined, joined
        if before is not None and all(map(same, before, states)):
            # Each window behind this one is like it.
            break
    else:
        if not windows:
            named = zip(neuron.state_names, before, states, strict=True)
            growing = (name for name, *both in named if not same(*both))
            raise UserError(
                f"state {next(growing)} of neuron @{neuron.sym_name.data} has no bound for a "
                "sample of any length",
                hint="give it a type that saturates, or a leak, or a number of windows",
            )
    bounds = {v: (int(min(lo)), int(max(hi))) for v, (lo, hi) in seen.items()}
    kept = tuple((int(min(lo)), int(max(hi))) for lo, hi in ends)
    return NeuronRanges(bounds, kept)


def membrane_range(neuron: NeuronOp, params, current, **how) -> tuple[int, int]:
    """(lo, hi) over all values that a neuron of the layer ever holds; see `neuron_ranges`."""
    ranges = neuron_ranges(neuron, params, current, **how)
    return ranges.lo, ranges.hi

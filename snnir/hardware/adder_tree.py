"""A lane: the gated sum over all banks for one channel and plane, and its accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from snnir.hardware.language.builder import Module, Signal, mux
from snnir.hardware.neuron import resize
from snnir.hardware.timing import tree_stages


def lane_module(banks: int, weight_bits: int, acc_bits: int, shifts: Sequence[int]) -> Module:
    """A lane of `banks` taps.

    A pair of taps adds 0, w0, w1 or w0+w1: the sum of the pair comes from outside, where it is
    formed once for all planes, so a lane only selects, and a LUT does that for one bit.  Two
    pairs are added and registered; a tree of adders follows, a register behind each level.

    The accumulator has one adder and no more: what it adds to, its own value, that value shifted
    (a phase ends) or nothing (a pixel ends), is chosen by the same LUTs that feed the carry chain.

    Ports: `weight0` ..., `pair0` ... (one bit wider), `gates` (one bit per bank), `clear`,
    `shift` (one bit per shift); `accumulator`.  `clear` and `shift` come with the first sum that
    is added behind them.
    """
    m = Module("lane", doc=f"one channel and plane: {banks} gated weights per clock")
    ports = lane_ports(m, banks, weight_bits, shifts)
    terms = gated(m, ports.weights, ports.pairs, ports.gates)
    for level in range(tree_stages(banks)):
        terms = [
            m.pipe(f"sum{level}_{i}", _pair_sum(terms[2 * i : 2 * i + 2]))
            for i in range((len(terms) + 1) // 2)
        ]
    (total,) = terms
    accumulator = m.reg("accumulator", acc_bits)
    base = shifted_base(accumulator, ports.clear, ports.shift, shifts)
    accumulator.next = resize(total, acc_bits) + base
    m.output("accumulator", accumulator)
    return m


class LanePorts(NamedTuple):
    """The inputs of a lane."""

    weights: list[Signal]
    pairs: list[Signal]
    gates: Signal
    clear: Signal
    shift: Signal | None


def lane_ports(m: Module, banks: int, weight_bits: int, shifts: Sequence[int]) -> LanePorts:
    """Declare the clock and the inputs of a lane, of whichever form."""
    m.clock()
    return LanePorts(
        [m.input(f"weight{k}", weight_bits) for k in range(banks)],
        [m.input(f"pair{k}", weight_bits + 1) for k in range(banks // 2)],
        m.input("gates", banks),
        m.input("clear", 1),
        m.input("shift", len(shifts)) if shifts else None,
    )


def shifted_base(
    accumulator: Signal, clear: Signal, shift: Signal | None, shifts: Sequence[int]
) -> Signal:
    """What a lane's sum is added to."""
    base = accumulator
    for i, amount in enumerate(shifts):
        assert shift is not None
        base = mux(shift[i], accumulator.shl(amount), base)
    return mux(clear, 0, base)


def gated(
    m: Module, weights: Sequence[Signal], pairs: Sequence[Signal], gates: Signal
) -> list[Signal]:
    """What each pair of taps adds."""
    if len(weights) == 1:
        return [mux(gates, weights[0], 0)]
    terms = []
    for i, pair in enumerate(pairs):
        first, second = (resize(w, pair.width) for w in weights[2 * i : 2 * i + 2])
        one = gates[2 * i]
        both = mux(gates[2 * i + 1], pair, first)
        terms.append(mux(one, both, mux(gates[2 * i + 1], second, m.const(0, pair.width))))
    return terms


def _pair_sum(terms: Sequence[Signal]) -> Signal:
    """The sum of two terms, one bit wider; a term alone stays what it is."""
    if len(terms) == 1:
        return terms[0]
    width = terms[0].width + 1
    return resize(terms[0], width) + resize(terms[1], width)

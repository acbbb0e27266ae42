"""A lane of 7-series cells: what `adder_tree.py` describes, in fewer LUTs than synthesis finds.

Sums travel through the tree with their sign bit inverted.  As unsigned numbers they are then the
signed ones plus a half of the range, and the half ranges of two operands add up to that of the
sum: adders need no sign extension, and the carry is the sum's highest bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from snnir.hardware.adder_tree import gated, lane_ports, shifted_base
from snnir.hardware.language.builder import Module, Signal, cat
from snnir.hardware.neuron import resize
from snnir.hardware.timing import tree_stages
from snnir.hardware.xc7 import carry_chain, lut, lut_pair

FOLDED_SHIFTS = 2
"""Shifts whose choice still fits the accumulator's LUTs beside the two operands."""


def xc7_lane_module(banks: int, weight_bits: int, acc_bits: int, shifts: Sequence[int]) -> Module:
    """The lane of `lane_module` with its ports and registers; the `pair` inputs must be the sums
    of their weights, because a bit of each is computed from the others."""
    m = Module("lane", doc=f"one channel and plane: {banks} gated weights per clock, in xc7 cells")
    ports = lane_ports(m, banks, weight_bits, shifts)
    levels = tree_stages(banks)
    if banks < 4:
        (term,) = gated(m, ports.weights, ports.pairs, ports.gates)
        total: Signal = m.pipe("sum0_0", term)
    else:
        first = pair_adder_module(weight_bits, last=levels == 1)
        sums: list[Signal] = []
        for i in range(banks // 4):
            inputs = {f"weight{k}": ports.weights[4 * i + k] for k in range(4)}
            inputs |= {f"pair{k}": ports.pairs[2 * i + k] for k in range(2)}
            gates = ports.gates.bits(4 * i, 4)
            added = m.instance(f"adder0_{i}", first, gates=gates, **inputs)["sum"]
            sums.append(m.pipe(f"sum0_{i}", added))
        for level in range(1, levels):
            sums = [
                m.pipe(
                    f"sum{level}_{i}",
                    _sum(m, f"adder{level}_{i}", left ^ right, left, last=level == levels - 1),
                )
                for i, (left, right) in enumerate(zip(sums[::2], sums[1::2], strict=True))
            ]
        (total,) = sums
    accumulator = m.reg("accumulator", acc_bits)
    inputs = {"total": total, "accumulator": accumulator, "clear": ports.clear}
    if ports.shift is not None:
        inputs["shift"] = ports.shift
    adder = accumulate_module(total.width, acc_bits, shifts)
    accumulator.next = m.instance("accumulate", adder, **inputs)["next"]
    m.output("accumulator", accumulator)
    return m


def _sum(m: Module, name: str, sums: Signal, data: Signal, last: bool) -> Signal:
    """One bit more than the operands; the last sum of the tree has its sign bit as it is.

    A sum input of 1 behind the chain's end inverts the carry.
    """
    if last:
        return carry_chain(m, name, cat(m.const(1, 1), sums), cat(m.const(0, 1), data))[0]
    total, carry = carry_chain(m, name, sums, data)
    return cat(carry, total)


def _chosen(gate0: int, gate1: int, weight0: int, weight1: int, pair: int) -> int:
    """A bit of what two taps add."""
    if gate0 and gate1:
        return pair
    return weight0 if gate0 else weight1 if gate1 else 0


def _chosen_sign(gate0: int, gate1: int, weight0: int, weight1: int, pair: int) -> int:
    """The sign bit, inverted, from the signs of the weights and their sum's bit of that place.

    The sum's bit tells the carry into that place, and so the carry out of it.
    """
    carry = weight0 + weight1 + (pair ^ weight0 ^ weight1) > 1
    return 1 - _chosen(gate0, gate1, weight0, weight1, weight0 ^ weight1 ^ carry)


def pair_adder_module(weight_bits: int, last: bool) -> Module:
    """Four taps: two LUTs for a bit, one less for the sign.

    The first LUT selects the bit of one pair.  The second selects that of the other pair and
    adds: it gives the exclusive or that the carry chain wants.  The two highest bits of the first
    pair depend on the same five signals and share a LUT.
    """
    doc = "the sum of four gated weights" + ("" if last else ", sign bit inverted")
    m = Module("lane_pair_adder", doc=doc)
    gates = list(m.input("gates", 4))
    weights = [m.input(f"weight{k}", weight_bits) for k in range(4)]
    pairs = [m.input(f"pair{k}", weight_bits + 1) for k in range(2)]
    top = weight_bits - 1

    def sources(pair: int, i: int) -> list[Signal]:
        own = [weights[2 * pair + k][min(i, top)] for k in range(2)]
        return [*gates[2 * pair : 2 * pair + 2], *own, pairs[pair][i]]

    data = [lut(m, f"select_{i}", sources(0, i), _chosen) for i in range(top)]
    data += lut_pair(m, f"select_{top}", sources(0, top), _chosen, _chosen_sign)
    sums = []
    for i, bit in enumerate(data):
        flip = int(i > top)
        sums.append(
            lut(m, f"add_{i}", [bit, *sources(1, i)], lambda a, *b, f=flip: a ^ _chosen(*b) ^ f)
        )
    chosen, added = m.wire("chosen", cat(*reversed(data))), m.wire("added", cat(*reversed(sums)))
    m.output("sum", _sum(m, "carry", added, chosen, last))
    return m


def accumulate_module(total_bits: int, acc_bits: int, shifts: Sequence[int]) -> Module:
    """What the accumulator becomes: one LUT for a bit, which chooses what is added to and adds."""
    m = Module("lane_accumulate", doc="the accumulator, shifted or cleared, plus the lane's sum")
    total = m.wire("operand", resize(m.input("total", total_bits), acc_bits))
    own, clear = m.input("accumulator", acc_bits), m.input("clear", 1)
    shift = m.input("shift", len(shifts)) if shifts else None
    moved = [own.shl(amount) for amount in shifts]
    keys: list[Signal] = []
    choices, choose = [own, *moved], _by_flags
    if shift is None:
        keys = [clear]
    elif len(shifts) == 1:
        keys = [clear, shift]
    elif len(shifts) == FOLDED_SHIFTS:
        # Three flags are too many inputs; as a number from 0 (nothing) to 3 they are two.
        keys = [*lut_pair(m, "choose", [clear, *shift], _number_low, _number_high)]
        choose = _by_number
    else:
        choices, choose = [shifted_base(own, clear, shift, shifts)], _as_it_is
    sums = []
    for i in range(acc_bits):
        inputs = [total[i], *keys, *(choice[i] for choice in choices)]
        sums.append(lut(m, f"add_{i}", inputs, lambda bit, *rest: bit ^ choose(*rest)))
    added = m.wire("added", cat(*reversed(sums)))
    m.output("next", carry_chain(m, "carry", added, total)[0])
    return m


def _by_flags(clear: int, *rest: int) -> int:
    """Nothing, the accumulator, or where there is a shift, that or the shifted accumulator."""
    if clear:
        return 0
    return rest[0] if len(rest) == 1 else rest[1 + rest[0]]


def _number_low(clear: int, first: int, second: int) -> int:
    return int(not clear and (second or not first))


def _number_high(clear: int, first: int, second: int) -> int:
    return int(not clear and (second or first))


def _by_number(low: int, high: int, own: int, first: int, second: int) -> int:
    return (0, own, first, second)[low + 2 * high]


def _as_it_is(base: int) -> int:
    return base

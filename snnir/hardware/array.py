"""The array: K banks x C channels x P planes, their shadow copy and the channel multiplexer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from snnir.hardware.adder_tree import lane_module
from snnir.hardware.language.builder import Module, Signal, cat, select
from snnir.hardware.memories import address_width
from snnir.hardware.neuron import resize
from snnir.hardware.xc7_lane import xc7_lane_module

if TYPE_CHECKING:
    from snnir.dialects.pe_types import ArrayParameters

LANES = {"portable": lane_module, "xc7": xc7_lane_module}
"""The forms of a lane: behavioural for everything, or of 7-series cells; they do the same."""


def smallest_lanes(part: str) -> str:
    """The form of lanes that takes the fewest LUTs of a device."""
    return "xc7" if part.startswith("xc7") else "portable"


GROUP = 4
"""Channels that the first level of the drain's multiplexer chooses from: two LUTs per bit and
four of them, and a second level of at most 64 groups."""


def channel_module(
    array: ArrayParameters, shifts: Sequence[int], lanes: str = "portable"
) -> Module:
    """One output channel: its weights, the pair sums that all planes share, a lane per plane.

    Ports: `weights` (banks * weight_bits, from the memories' outputs), `trains` (banks * planes),
    `clear`, `shift`, `keep` (copy the accumulators to the shadow), each a clock before it is due;
    `shadow` (planes * acc_bits).

    What all channels are told passes a register of each one's own, or a bit would drive thousands
    of LUTs.
    """
    banks, bits, planes = array.banks, array.weight_bits, array.planes
    m = Module("channel", doc=f"one output channel: {planes} lanes that share {banks} weights")
    m.clock()
    weight_row, train_row = m.input("weights", banks * bits), m.input("trains", banks * planes)
    orders = {"clear": 1, "keep": 1} | ({"shift": len(shifts)} if shifts else {})
    inputs: dict[str, Signal] = {
        key: m.pipe(f"{key}_here", m.input(key, width), keep=True) for key, width in orders.items()
    }
    keep = inputs.pop("keep")
    held = m.pipe("held_weights", weight_row)
    weights = [held.bits(k * bits, bits) for k in range(banks)]
    for k, weight in enumerate(weights):
        inputs[f"weight{k}"] = m.pipe(f"weight{k}", weight)
    for k in range(banks // 2):
        first, second = (resize(w, bits + 1) for w in weights[2 * k : 2 * k + 2])
        inputs[f"pair{k}"] = m.pipe(f"pair{k}", first + second)
    # Their bits gate every bit of every lane.
    trains = m.pipe("gates", m.pipe("held_trains", train_row), keep=True)
    lane = LANES[lanes](banks, bits, array.acc_bits, shifts)
    accumulators = []
    for p in range(planes):
        gates = cat(*[trains[k * planes + p] for k in reversed(range(banks))])
        results = m.instance(f"lane{p}", lane, gates=gates, **inputs)
        accumulators.append(results["accumulator"])
    word = cat(*reversed(accumulators))
    m.output("shadow", m.reg("shadow", word.width, next=word, enable=keep))
    return m


def array_module(array: ArrayParameters, shifts: Sequence[int], lanes: str = "portable") -> Module:
    """All channels, and the way out of the shadow: one channel per clock and lane, in two levels.

    Ports: `weights0` ... (channels * weight_bits per bank), `trains` (banks * planes), `clear`,
    `shift`, `keep`, `group`; `accumulators` (drain * planes * acc_bits, those of the group's first
    channel lowest) two clocks behind `group`.
    """
    channels, bits = array.channels, array.weight_bits
    m = Module(
        "array",
        doc=f"{array.banks} banks x {channels} channels x {array.planes} planes = "
        f"{array.synaptic_operations} synaptic operations per clock",
    )
    m.clock()
    rows = [m.input(f"weights{k}", channels * bits) for k in range(array.banks)]
    shared: dict[str, Signal] = {
        "trains": m.input("trains", array.banks * array.planes),
        "clear": m.input("clear", 1),
        "keep": m.input("keep", 1),
    }
    if shifts:
        shared["shift"] = m.input("shift", len(shifts))
    index = m.input("group", address_width(array.drain_clocks(channels)))
    module = channel_module(array, shifts, lanes)
    shadows = []
    for c in range(channels):
        weights = cat(*[row.bits(c * bits, bits) for row in reversed(rows)])
        results = m.instance(f"channel{c}", module, weights=weights, **shared)
        shadows.append(results["shadow"])
    chosen = []
    for lane in range(array.drain):
        # The last group may have no channel for this lane; what leaves then is not used.
        own = shadows[lane :: array.drain] or shadows[:1]
        chosen.append(channel_multiplexer(m, own, index.trunc(address_width(len(own)))))
    m.output("accumulators", cat(*reversed(chosen)))
    return m


def channel_multiplexer(m: Module, shadows: Sequence[Signal], index: Signal) -> Signal:
    """`shadows[index]`, registered twice."""
    groups = [shadows[i : i + GROUP] for i in range(0, len(shadows), GROUP)]
    firsts = []
    for g, group in enumerate(groups):
        chosen = group[0]
        if len(group) > 1:
            chosen = select(index.trunc((len(group) - 1).bit_length()), group)
        firsts.append(m.pipe(f"group{g}", chosen))
    chosen = firsts[0]
    if len(groups) > 1:
        low = (GROUP - 1).bit_length()
        high = m.pipe("group_index", index[low:])
        chosen = select(high, firsts)
    return m.pipe("chosen", chosen)

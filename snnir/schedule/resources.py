"""Block RAM and LUTs of an array, estimated: what `tile-to-pe` chooses by before there is Verilog.

`snnc synth` gives the counts of the finished design; these figures only rank candidates and refuse
what cannot fit.
"""

from __future__ import annotations

from snnir.dialects.pe_types import ArrayParameters
from snnir.schedule.ram_parts import DISTRIBUTED_ROWS, block_halves, halves_as_blocks


def bram36(width: int, depth: int) -> float:
    """BRAM36 that a memory of `depth` words of `width` bits takes as Yosys maps it, in one piece.

    0 if it goes into LUTs; half ones are counted as such.
    """
    if depth <= DISTRIBUTED_ROWS or width == 0:
        return 0
    return halves_as_blocks(block_halves(width, depth))


def weight_bram36(banks: int, channels: int, weight_bits: int, depth: int) -> float:
    """BRAM36 of the weight memories of all banks."""
    return banks * bram36(channels * weight_bits, depth)


LUT_PER = {
    "lanes": 1.15,
    "shadow": 0.328,
    "banks": 72.4,
    "neurons": 0.698,
    "rate": 5.87,
    "drain": 9.82,
    "control": 896.0,
}
"""LUTs for one of each term of `lut_terms`, fitted to what Yosys counts; see
docs/rationale_explore.md."""

FF_PER = {
    "lanes": 1.05,
    "weights": 1.68,
    "channels": 29.4,
    "banks": 104.0,
    "drain": 6.92,
    "rate": 6.73,
    "control": 1120.0,
}
"""Flip-flops for one of each term of `ff_terms`."""


def lut_terms(array: ArrayParameters, rate: bool) -> dict[str, float]:
    """What a design has of each part that takes LUTs.

    Lanes are counted cell by cell as `snnir/hardware/xc7_lane.py` builds them (pairs, tree,
    accumulator, and the pair sums that a channel's planes share); the shadow in bits, the way out
    of it in bits for a lane of the drain more; neurons in bits of membrane that a plane of a lane
    of the drain holds, once more where trains are rates.
    """
    k, b, lanes = array.banks, array.weight_bits, array.channels * array.planes
    pairs = k // 2 * (b + 1)
    neurons = array.drain * array.planes * array.membrane_bits
    return {
        "lanes": lanes * (_lane_luts(k, b) + array.acc_bits) + array.channels * pairs,
        "shadow": lanes * array.acc_bits,
        "banks": k,
        "neurons": neurons,
        "rate": neurons * rate,
        "drain": (array.drain - 1) * k * array.planes,
        "control": 1,
    }


def ff_terms(array: ArrayParameters, rate: bool) -> dict[str, float]:
    """What a design has of each part that takes flip-flops, in bits or pieces.

    A lane's tree, accumulator and shadow; weights and pair sums of each channel, and its trains;
    what a lane of the drain takes from the shadow; what neurons hold from step to step.
    """
    k, b, lanes = array.banks, array.weight_bits, array.channels * array.planes
    tree = sum((k >> level) * (b + level) for level in range(2, k.bit_length()))
    return {
        "lanes": lanes * (tree + 2 * array.acc_bits),
        "weights": array.channels * (k * b + k // 2 * (b + 1)),
        "channels": array.channels,
        "banks": k,
        "drain": array.drain * array.planes * array.acc_bits,
        "rate": array.drain * array.planes * array.membrane_bits * rate,
        "control": 1,
    }


def _lane_luts(banks: int, weight_bits: int) -> int:
    """LUTs of a lane's selection and tree: two pairs of banks share an adder, then halves."""
    if banks < 4:
        return weight_bits + banks - 1
    total, adders, bits = banks // 4 * (2 * weight_bits + 1), banks // 8, weight_bits + 2
    while adders:
        total, adders, bits = total + adders * bits, adders // 2, bits + 1
    return total


def estimate_luts(array: ArrayParameters, rate: bool = False) -> int:
    """LUTs of a whole design [LUT].

    Args:
        rate: whether its neurons fire rate-coded trains, step by step.
    """
    return round(sum(LUT_PER[name] * count for name, count in lut_terms(array, rate).items()))


def estimate_ffs(array: ArrayParameters, rate: bool = False) -> int:
    """Flip-flops of a whole design [FF]; see `estimate_luts`."""
    return round(sum(FF_PER[name] * count for name, count in ff_terms(array, rate).items()))

"""Block RAM and LUTs of an array, estimated: what `tile-to-pe` chooses by before there is Verilog.

`snnc synth` gives the counts of the finished design; these figures only rank candidates and refuse
what cannot fit.
"""

from __future__ import annotations

from snnir.dialects.pe_types import ArrayParameters

_SHAPES = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
"""(width, depth) of one BRAM36 as a simple dual-port memory."""

DISTRIBUTED_DEPTH = 64
"""Memories up to this depth go into LUTs."""


def bram36(width: int, depth: int) -> int:
    """BRAM36 that a memory of `depth` words of `width` bits takes; 0 if it goes into LUTs."""
    if depth <= DISTRIBUTED_DEPTH or width == 0:
        return 0
    return min(-(-width // w) * -(-depth // d) for w, d in _SHAPES)


def weight_bram36(banks: int, channels: int, weight_bits: int, depth: int) -> int:
    """BRAM36 of the weight memories of all banks."""
    return banks * bram36(channels * weight_bits, depth)


def estimate_luts(array: ArrayParameters) -> int:
    """LUTs of an array with its control [LUT].

    Adder trees with shared pair sums take 6 LUT for each synaptic operation with 4-bit weights and
    9 with 8-bit ones; each bank has a queue and an emitter, each plane a stage of the neuron. A
    further lane of the drain is a neuron and a pool column more, and a way to every bank.
    """
    operations = array.synaptic_operations * (3 + 0.75 * array.weight_bits)
    neurons = 3 * array.planes * array.membrane_bits
    accumulators = array.channels * array.planes * array.acc_bits
    lanes = (array.drain - 1) * (2 * neurons + array.banks * array.planes // 2)
    return int(operations + accumulators + neurons + lanes + 150 * array.banks + 3000)

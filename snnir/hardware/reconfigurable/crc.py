"""CRC-32 (that of Ethernet and zlib) of 32 bits at a time, as XORs of bits."""

from __future__ import annotations

import zlib
from functools import cache, reduce

from snnir.hardware.language.builder import Signal, cat

BITS = 32
START = (1 << BITS) - 1


@cache
def _columns() -> tuple[int, ...]:
    """For each bit of state xor data, the bits of the next state that it turns over."""

    def step(word: int) -> int:
        # From state 0: zlib inverts before and behind.
        return zlib.crc32(word.to_bytes(4, "little"), START) ^ START

    return tuple(step(1 << bit) for bit in range(BITS))


def crc_step(state: Signal, data: Signal) -> Signal:
    """The state behind another 32 bits; from `START`, and inverted at the end, it is zlib's."""
    mixed = state ^ data
    columns = _columns()
    terms = [[mixed[bit] for bit in range(BITS) if columns[bit] >> out & 1] for out in range(BITS)]
    return cat(*reversed([reduce(Signal.__xor__, bits) for bits in terms]))

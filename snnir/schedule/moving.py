"""Feature maps in DDR: how a row lies there, and the clocks in which rows are moved.

Both are told in docs/machine.md, "Feature maps in DDR"; the C program counts the same clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from snnir.dialects.pe_types import ArrayParameters, MapType
from snnir.schedule.loading import BEAT, BURST, FULL_RATE, OUTSTANDING, REQUEST, Ddr

BURST_BYTES = BURST * BEAT // 8

ASKED = 4
"""The clock of a move's first request."""

OFFERED = 6
"""The first clock in which a beat can be written."""

ENDS = 1
"""Clocks of a move behind its last beat, or its last answer to a burst that was written."""


@dataclass(frozen=True)
class Record:
    """A row of a block of a map in DDR: first its pointer entries, then its lists of events.

    Args:
        pixels: pointer entries, of `pointer_beats` each.
        groups: events in each bank; one from every bank takes `event_beats`.
        bursts: of the whole row.
    """

    pixels: int
    pointer_beats: int
    groups: int
    event_beats: int
    bursts: int

    @property
    def beats(self) -> int:
        """Beats that hold something."""
        return self.pixels * self.pointer_beats + self.groups * self.event_beats


def record_of(kind: MapType, array: ArrayParameters, count_bits: int, event_bits: int) -> Record:
    """How a row of a map lies in DDR.

    Args:
        count_bits: of a number of events in a row of a bank.
        event_bits: of an event, its train included.
    """
    pointer_beats, event_beats = (
        -(-array.banks * bits // BEAT) for bits in (count_bits, event_bits)
    )
    pixels, groups = kind.dims[2], kind.capacity(array.banks)
    beats = pixels * pointer_beats + groups * event_beats
    return Record(pixels, pointer_beats, groups, event_beats, -(-beats // BURST))


@dataclass(frozen=True)
class Move:
    """Rows of a map between DDR and the chip.

    Args:
        first: number of the burst, from the base of the maps, with which the first row begins.
        blocks: of the map, each with `rows` neighbouring rows.
        height: rows of each block of the map in DDR.
    """

    record: Record
    first: int
    blocks: int
    rows: int
    height: int

    @property
    def block_bursts(self) -> int:
        """Bursts of one block."""
        return self.rows * self.record.bursts

    @property
    def bursts(self) -> int:
        return self.blocks * self.block_bursts

    @property
    def bytes(self) -> int:
        return self.bursts * BURST_BYTES

    @property
    def end(self) -> int:
        """The first burst behind the map's rows that are moved."""
        return self.first + ((self.blocks - 1) * self.height + self.rows) * self.record.bursts


@lru_cache(maxsize=4096)
def move_clocks(bursts: int, stores: bool, ddr: Ddr) -> int:
    """Clocks of a move, from its start to its end."""
    request, last, credit = ASKED - REQUEST, OFFERED if stores else -1, FULL_RATE
    done = [-REQUEST] * OUTSTANDING
    rate, behind = ddr.rate, 1 if stores else ddr.latency
    answer = ddr.latency if stores else 0
    for burst in range(bursts):
        slot = burst % OUTSTANDING
        request = max(request, done[slot]) + REQUEST
        first = request + behind
        for _ in range(BURST):
            wait = -((credit - FULL_RATE) // rate)
            last = max(last + wait, first)
            credit += wait * rate - FULL_RATE
        done[slot] = last + answer
    return done[slot] + ENDS

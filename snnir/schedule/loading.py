"""Weights from DDR: how rows lie in its beats, the ring that takes them, and when they are there.

The loader's clocks are those of docs/machine.md, "Weights from DDR"; the C program counts the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.schedule.resources import weight_bram36

if TYPE_CHECKING:
    from snnir.targets import Target

BEAT = 64
"""Bits of a beat of the bus."""

BURST = 16
"""Beats of a burst; the last one may have fewer."""

OUTSTANDING = 4
"""Bursts that may be under way."""

REQUEST = 2
"""Clocks from the last beat of a burst to the request that takes its place, and between two
requests."""

FREE = 2
"""Clocks from the end of a tile to the first beat that may take the place of its rows."""

READY = 2
"""Clocks from the last beat of a tile to its first event."""

SWITCH = 2
"""Clocks that the first phase of a tile starts later than another phase would."""

FULL_RATE = 256
"""The rate of a beat in every clock."""

LEAST_RING = 512
"""Rows of the least ring that is chosen: a block RAM has no fewer."""


@dataclass(frozen=True)
class Ddr:
    """The memory as the clock model sees it, at each of the ports.

    Args:
        latency: clocks from a request to its first beat.
        rate: beats in 256 clocks.

    Raises:
        UserError: for a latency below 1, or a rate outside 1 to 256.
    """

    latency: int = 40
    rate: int = FULL_RATE

    def __post_init__(self) -> None:
        if self.latency < 1 or not 1 <= self.rate <= FULL_RATE:
            raise UserError(
                f"a DDR of latency {self.latency} and {self.rate} beats in {FULL_RATE} clocks "
                "is impossible",
                hint=f"use a latency from 1 and a rate from 1 to {FULL_RATE}",
            )

    @classmethod
    def shared(cls, gbps: float, clock_mhz: float, ports: int, latency: int) -> Ddr:
        """A memory of which the ports share a bandwidth [GB/s] evenly.

        Raises:
            UserError: it is so slow that no port has a rate of 1, or the latency is impossible.
        """
        beats = FULL_RATE * gbps * 1e3 / (clock_mhz * ports * (BEAT // 8))
        if not beats >= 1:
            raise UserError(
                f"a DDR of {gbps:g} GB/s is impossible",
                hint=f"use {clock_mhz * ports * (BEAT // 8) / FULL_RATE / 1e3:.3g} GB/s or more",
            )
        return cls(latency, int(min(FULL_RATE, beats)))

    @classmethod
    def of(
        cls, target: Target, ports: int, gbps: float | None = None, latency: int | None = None
    ) -> Ddr:
        """The memory that a target has for so many ports, but for what is given.

        Raises:
            UserError: as `shared` does.
        """
        return cls.shared(
            target.granted_gbps if gbps is None else gbps,
            target.clock_mhz,
            ports,
            target.ddr_latency if latency is None else latency,
        )

    def gbps(self, clock_mhz: float, ports: int) -> float:
        """What all ports carry together [GB/s]."""
        return self.rate / FULL_RATE * ports * (BEAT // 8) * clock_mhz / 1e3


DDR = Ddr()
"""A memory that answers after 40 clocks and then keeps up with the bus."""


@dataclass(frozen=True)
class RowLayout:
    """A weight row of the banks of a port in beats.

    A bank's row takes a slot: 8, 16, 32 or 64 bits, or whole beats. Slots are so wide that these
    banks fill a beat at least, so that a beat belongs to one row and is written in one clock.

    Args:
        banks: of each port.
        slot: bits of a bank's row.
        ports: read ports, each with as many neighbouring banks.
    """

    banks: int
    slot: int
    ports: int = 1

    @property
    def banks_per_beat(self) -> int:
        return max(1, BEAT // self.slot)

    @property
    def beats_per_bank(self) -> int:
        return max(1, self.slot // BEAT)

    @property
    def beats(self) -> int:
        """Beats of a row at each port."""
        return self.banks * self.slot // BEAT

    @property
    def bytes(self) -> int:
        """Bytes of a row in DDR."""
        return self.ports * self.beats * BEAT // 8


def row_layout(array: ArrayParameters) -> RowLayout:
    """How a row of an array's weights lies in DDR."""
    width, banks = array.channels * array.weight_bits, array.banks // array.ports
    if width > BEAT:
        return RowLayout(banks, -(-width // BEAT) * BEAT, array.ports)
    slot = 1 << (width - 1).bit_length()
    return RowLayout(banks, max(8, slot, BEAT // banks), array.ports)


def part_bytes(beats: int) -> int:
    """Bytes from the part of one port in DDR to that of the next: whole bursts."""
    return -(-beats // BURST) * BURST * BEAT // 8


def choose_ports(array: ArrayParameters, gbps: float, clock_mhz: float) -> int:
    """As few read ports as carry a bandwidth [GB/s], or as many as need no wider slots."""
    most = ArrayParameters.LIMITS["ports"][1]
    ports = 1
    while ports < min(most, array.banks) and gbps * 1e3 > ports * (BEAT // 8) * clock_mhz:
        more = replace(array, ports=2 * ports)
        if row_layout(more).slot > row_layout(array).slot:
            break
        ports *= 2
    return ports


def choose_ring(array: ArrayParameters, largest: int, bram36: int) -> int:
    """Rows of the ring: room for two of the largest tiles where half of the block RAM holds that.

    Args:
        largest: rows of the largest tile.
        bram36: what the target has.
    """
    double = max(LEAST_RING, 1 << (2 * largest - 1).bit_length())
    if 2 * weight_bram36(array.banks, array.channels, array.weight_bits, double) <= bram36:
        return double
    return max(LEAST_RING, 1 << (largest - 1).bit_length())


@dataclass
class Loader:
    """When the rows of each tile are there, for one image; clocks count from its start.

    `ready(tile)` and `ended(tile, clock)` are called in turn for each tile, in order.

    Args:
        rows: rows of each tile.
        beats: beats of a row.
        ring: rows of the ring.
    """

    rows: Sequence[int]
    beats: int
    ring: int
    ddr: Ddr
    beat: int = 0
    last: int = -1
    credit: int = FULL_RATE
    request: int = 1 - REQUEST
    done: list[int] = field(default_factory=lambda: [-REQUEST] * OUTSTANDING)
    oldest: int = 0
    ends: list[int] = field(init=False)
    taken: list[tuple[int, int, int]] = field(default_factory=list)
    """Clocks of the first and the last beat of each tile that was asked for, and how many."""

    def __post_init__(self) -> None:
        self.behind = np.cumsum(self.rows).tolist()
        self.total = self.behind[-1] * self.beats
        # Those of the image have no weights.
        self.ends = [0] * self.behind.count(0)

    def ready(self, tile: int) -> int:
        """The clock from which a tile's events may be emitted."""
        first, count = -1, 0
        while self.beat < self.behind[tile] * self.beats:
            self._take(self._space(self.beat // self.beats))
            first, count = self.last if first < 0 else first, count + 1
        self.taken.append((first, self.last, count))
        return self.last + READY

    def ended(self, tile: int, clock: int) -> None:
        """The last phase of a tile ends in this clock."""
        # Those between have no weights: they belong to an image.
        self.ends += [clock] * (tile + 1 - len(self.ends))

    def _space(self, row: int) -> int:
        """The clock from which the ring has room for a row."""
        if row < self.ring:
            return 0
        while self.behind[self.oldest] <= row - self.ring:
            self.oldest += 1
        return self.ends[self.oldest] + FREE

    def _take(self, space: int) -> None:
        burst, ddr = self.beat // BURST % OUTSTANDING, self.ddr
        if self.beat % BURST == 0:
            self.request = max(self.request, self.done[burst]) + REQUEST
        wait = -((self.credit - FULL_RATE) // ddr.rate)
        offered = max(self.last + wait, self.request + ddr.latency)
        self.last = max(offered, space)
        self.credit += wait * ddr.rate - FULL_RATE
        self.beat += 1
        if self.beat % BURST == 0 or self.beat == self.total:
            self.done[burst] = self.last

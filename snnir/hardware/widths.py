"""Widths that follow from the sizes of a program's tables, or of a machine for many programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnir.hardware.columns import Fields, bits_of
from snnir.hardware.memories import address_width

if TYPE_CHECKING:
    from snnir.hardware.reconfigurable.machine import Machine
    from snnir.schedule.program import ProgramTables


class TableWidths:
    """Widths that follow from the sizes of a program, or of a machine for many programs."""

    program: ProgramTables | Machine
    tiles: Fields

    @property
    def home(self) -> ProgramTables | Machine:
        """What decides about widths."""
        return self.program

    @property
    def event_bits(self) -> int:
        return address_width(self.program.event_depth)

    @property
    def pointer_bits(self) -> int:
        return address_width(self.program.pointer_depth)

    @property
    def position_bits(self) -> int:
        """Bits of its position q that an event holds."""
        return self.home.position_bits or bits_of(0, self.home.position_max)

    @property
    def offset_bits(self) -> int:
        """Bits of the position at which a run begins, modulo what events tell apart; 0 if unused.

        In units of a position n, which has the bank in its lowest bits.
        """
        banks = (self.program.array.banks - 1).bit_length()
        return self.home.position_bits and self.home.position_bits + banks

    @property
    def count_bits(self) -> int:
        """Bits of a number of events in one row of one bank."""
        return bits_of(0, self.program.position_max + 1)

    @property
    def weight_bits(self) -> int:
        """Bits of a row of the weight memories."""
        return address_width(self.program.weight_depth)

    @property
    def drain_bits(self) -> int:
        """Bits of a number of clocks in which a tile is drained."""
        return self.tiles.width("drain")

    @property
    def group_bits(self) -> int:
        """Bits of the number of a group of channels that leave the shadow together."""
        return address_width(self.groups)

    @property
    def groups(self) -> int:
        """Groups of a full tile."""
        return self.program.array.drain_clocks(self.program.array.channels)

    @property
    def potential_bits(self) -> int:
        return address_width(self.potential_rows)

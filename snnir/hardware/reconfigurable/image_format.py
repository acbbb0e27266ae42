"""The form of a program image, for what writes it and for the loader that reads it.

Words of 64 bits: a header of `HEADER` words, the settings (a word each), the tables in the order of
`TABLES` (rows of whole words, the lowest bits first), and the checksum. See docs/machine.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnir.hardware.memories import address_width

if TYPE_CHECKING:
    from snnir.hardware.columns import Fields
    from snnir.hardware.language.builder import Signal
    from snnir.hardware.reconfigurable.tables import MachineTables

WORD = 64
HEADER = 6
MAGIC = int.from_bytes(b"SNNIRPRG", "little")
VERSION = 1
COUNT_BITS = 32
"""Bits of a count in the header: two fill a word."""

ALIGNMENT = 128
"""Bytes of which the addresses of program and weights are multiples: a burst."""


@dataclass(frozen=True)
class Section:
    """A part of an image behind the header: a table, or the settings.

    Args:
        words: 64-bit words of a row.
        most: rows that the machine has room for.
    """

    name: str
    fields: Fields
    words: int
    most: int


def sections(tables: MachineTables) -> list[Section]:
    """The parts of an image, in order."""
    settings = Section("settings", tables.settings, 1, len(tables.settings.stored))
    return [
        settings,
        *(
            Section(name, table, -(-table.row_bits // WORD), table.depth)
            for name, table in tables.written.items()
        ),
    ]


def row_of(section: Section, chain: Signal) -> Signal:
    """A row in the chain of words, whose last one is the highest."""
    return chain.bits(chain.width - section.words * WORD, section.fields.row_bits)


def program_ports(tables: MachineTables) -> dict[str, int]:
    """Name and width of the signals by which a program reaches the core: the bus and the settings.

    A bit of `program_we` for each of `tables.written`, in its order; a row is written in one clock.
    """
    written = sections(tables)[1:]
    bus = {
        "program_we": len(written),
        "program_row": max(address_width(part.most) for part in written),
        "program_word": WORD * max(part.words for part in written),
    }
    return bus | {key: tables.settings.width(key) for key in tables.settings.stored}

"""Tables in memory: columns of integers become rows of bits, and the rows' bits signals again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from snnir.hardware.language.builder import Module, cat
from snnir.hardware.memories import address_width, ram_1r1w, rom

if TYPE_CHECKING:
    from xdsl.dialects import hw

    from snnir.hardware.language.builder import Signal


LUT_ROWS = 16
"""Rows up to which a table may be made of LUTs."""

SHALLOW_ROWS = 64
"""Rows up to which a table that is written is kept in LUTs: as deep as they are."""


def bits_of(low: int, high: int) -> int:
    """Bits that hold every integer from `low` to `high`; two's complement if `low` < 0."""
    if low < 0:
        return max((~low).bit_length(), max(high, 0).bit_length()) + 1
    return max(1, high.bit_length())


class Fields:
    """A table of named integer columns of known ranges, each as wide as its range needs.

    A column whose range is one value is not stored: its field is a constant, and what can be is
    folded away. The table is a RAM that a program is written to; see `Columns` for one in ROM.
    """

    def __init__(self, name: str, ranges: Mapping[str, tuple[int, int]], depth: int):
        self.name, self.ranges, self.depth = name, dict(ranges), depth

    def low(self, key: str) -> int:
        return self.ranges[key][0]

    def high(self, key: str) -> int:
        return self.ranges[key][1]

    def width(self, key: str) -> int:
        """Bits of a field; signed where a value may be negative."""
        return bits_of(self.low(key), self.high(key))

    def signed(self, key: str) -> bool:
        return self.low(key) < 0

    @cached_property
    def stored(self) -> list[str]:
        """The columns that are in the memory, from the lowest bit upwards."""
        return [key for key, (low, high) in self.ranges.items() if low != high]

    @property
    def row_bits(self) -> int:
        """Bits of a row; at least one, as there are no memories of no width."""
        return max(1, sum(self.width(key) for key in self.stored))

    def pack(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Rows of values as bytes, lowest first: uint8 (rows, ceil(row_bits / 8))."""
        rows = len(next(iter(columns.values())))
        planes = [np.zeros((rows, 0), np.uint8)]
        for key in self.stored:
            shifts = np.arange(self.width(key))
            planes.append(((columns[key][:, None] >> shifts) & 1).astype(np.uint8))
        bits = np.concatenate(planes, axis=1)
        if bits.shape[1] == 0:
            bits = np.zeros((rows, 1), np.uint8)
        return np.packbits(bits, axis=1, bitorder="little")

    def memory(self, *, read_enable: bool = False) -> hw.HWModuleExternOp:
        """A RAM for the rows: of LUTs where block RAM would be wasted on few of them."""
        style = "distributed" if self.depth <= SHALLOW_ROWS else "block"
        return ram_1r1w(self.row_bits, self.depth, read_enable=read_enable, style=style)

    def write_ports(self, key: str) -> dict[str, int]:
        """Name and width of the inputs through which a program is written to the table."""
        return {
            f"{key}_we": 1,
            f"{key}_row": address_width(self.depth),
            f"{key}_word": self.row_bits,
        }

    def write_inputs(self, m: Module, key: str) -> dict[str, Signal]:
        """Those inputs of a module that has the table, or an instance with it, inside."""
        return {name: m.input(name, width) for name, width in self.write_ports(key).items()}

    def lookup(self, m: Module, key: str, raddr: Signal, re: Signal | None = None) -> Signal:
        """The row at an address, a clock later; the memory is the instance `key`."""
        pins = dict(zip(("we", "waddr", "wdata"), self.write_inputs(m, key).values(), strict=False))
        if re is not None:
            pins["re"] = re
        return m.instance(key, self.memory(read_enable=re is not None), raddr=raddr, **pins)[
            "rdata"
        ]

    def fields(self, m: Module, row: Signal) -> dict[str, Signal]:
        """The fields of a row, constant columns included."""
        fields, low = {}, 0
        for key in self.ranges:
            if key in self.stored:
                fields[key] = row.bits(low, self.width(key))
                low += self.width(key)
            else:
                fields[key] = m.const(self.low(key), self.width(key))
        return fields

    def inputs(self, m: Module, keys: Iterable[str]) -> dict[str, Signal]:
        """Fields as inputs of a module that does not read the memory itself; constants stay so."""
        return {
            key: m.input(key, self.width(key))
            if key in self.stored
            else m.const(self.low(key), self.width(key))
            for key in keys
        }

    def pins(self, fields: Mapping[str, Signal], keys: Iterable[str]) -> dict[str, Signal]:
        """What an instance of such a module is given."""
        return {key: fields[key] for key in keys if key in self.stored}

    def resize(self, key: str, field: Signal, width: int) -> Signal:
        """A field in another width: extended as its values ask for, or cut (modulo 2^width)."""
        if width <= field.width:
            return field.trunc(width)
        return field.sext(width) if self.signed(key) else field.zext(width)


class Columns(Fields):
    """A table whose values are known: a ROM, its ranges those of the values."""

    def __init__(self, name: str, columns: Mapping[str, np.ndarray]):
        self.columns = {key: np.asarray(value, np.int64) for key, value in columns.items()}
        sizes = {len(column) for column in self.columns.values()}
        if len(sizes) != 1:
            raise ValueError(f"table {name}: columns of {sorted(sizes)} rows")
        ranges = {key: (int(c.min()), int(c.max())) for key, c in self.columns.items()}
        super().__init__(name, ranges, *sizes)

    def image(self) -> np.ndarray:
        """The rows as bytes, lowest first."""
        return self.pack(self.columns)

    def memory(self, *, read_enable: bool = False) -> hw.HWModuleExternOp:
        """A ROM with the table's rows: block RAM where LUTs would make it slow."""
        return rom(
            self.row_bits,
            self.depth,
            self.image(),
            self.name,
            read_enable=read_enable,
            style="block" if self.depth > LUT_ROWS else "auto",
        )

    def write_ports(self, key: str) -> dict[str, int]:
        return {}


class Record:
    """Named signals side by side in one word, as a queue or a chain of registers carries them."""

    def __init__(self, widths: Mapping[str, int]):
        self.widths = dict(widths)

    @property
    def width(self) -> int:
        return sum(self.widths.values())

    def pack(self, fields: Mapping[str, Signal]) -> Signal:
        for key, width in self.widths.items():
            if fields[key].width != width:
                raise ValueError(f"field {key} has {fields[key].width} bits, needs {width}")
        return cat(*[fields[key] for key in reversed(self.widths)])

    def unpack(self, word: Signal) -> dict[str, Signal]:
        fields, low = {}, 0
        for key, width in self.widths.items():
            fields[key] = word.bits(low, width)
            low += width
        return fields

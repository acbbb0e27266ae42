"""Tables in ROM: columns of integers become rows of bits, and the rows' bits signals again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from snnir.hardware.builder import Module, cat
from snnir.hardware.memories import rom

if TYPE_CHECKING:
    from xdsl.dialects import hw

    from snnir.hardware.builder import Signal


LUT_ROWS = 16
"""Rows up to which a table may be made of LUTs."""


def bits_of(low: int, high: int) -> int:
    """Bits that hold every integer from `low` to `high`; two's complement if `low` < 0."""
    if low < 0:
        return max((~low).bit_length(), max(high, 0).bit_length()) + 1
    return max(1, high.bit_length())


class Columns:
    """A table of named integer columns, each as wide as its values need.

    A column of one value is not stored: its field is a constant, and what can be is folded away.
    """

    def __init__(self, name: str, columns: Mapping[str, np.ndarray]):
        self.name = name
        self.columns = {key: np.asarray(value, np.int64) for key, value in columns.items()}
        sizes = {len(column) for column in self.columns.values()}
        if len(sizes) != 1:
            raise ValueError(f"table {name}: columns of {sorted(sizes)} rows")
        (self.depth,) = sizes

    def low(self, key: str) -> int:
        return int(self.columns[key].min())

    def high(self, key: str) -> int:
        return int(self.columns[key].max())

    def width(self, key: str) -> int:
        """Bits of a field; signed where a value is negative."""
        return bits_of(self.low(key), self.high(key))

    def signed(self, key: str) -> bool:
        return self.low(key) < 0

    @cached_property
    def stored(self) -> list[str]:
        """The columns that are in the ROM, from the lowest bit upwards."""
        return [key for key in self.columns if self.low(key) != self.high(key)]

    @property
    def row_bits(self) -> int:
        """Bits of a row; at least one, as there are no memories of no width."""
        return max(1, sum(self.width(key) for key in self.stored))

    def image(self) -> np.ndarray:
        """The rows as bytes, lowest first: uint8 (depth, ceil(row_bits / 8))."""
        planes = [np.zeros((self.depth, 0), np.uint8)]
        for key in self.stored:
            shifts = np.arange(self.width(key))
            planes.append(((self.columns[key][:, None] >> shifts) & 1).astype(np.uint8))
        rows = np.concatenate(planes, axis=1)
        if rows.shape[1] == 0:
            rows = np.zeros((self.depth, 1), np.uint8)
        return np.packbits(rows, axis=1, bitorder="little")

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

    def fields(self, m: Module, row: Signal) -> dict[str, Signal]:
        """The fields of a row, constant columns included."""
        fields, low = {}, 0
        for key in self.columns:
            if key in self.stored:
                fields[key] = row.bits(low, self.width(key))
                low += self.width(key)
            else:
                fields[key] = m.const(self.low(key), self.width(key))
        return fields

    def inputs(self, m: Module, keys: Iterable[str]) -> dict[str, Signal]:
        """Fields as inputs of a module that does not read the ROM itself; constants stay such."""
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

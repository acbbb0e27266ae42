"""Technologies: what an operation and an access take, a TOML file of sourced constants each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snnir.errors import UserError
from snnir.targets.files import check_names, find, read, shipped

_FOLDER = Path(__file__).parent / "technologies"

DEFAULT = "cmos-45nm"

UNITS = {
    "energy": {"fJ": 1e-3, "pJ": 1.0, "nJ": 1e3},
    "power": {"nW": 1e-3, "uW": 1.0, "mW": 1e3},
    "time": {"ps": 1e-3, "ns": 1.0, "us": 1e3},
    "length": {"nm": 1.0, "um": 1e3},
    "area": {"F^2": 1.0},
    "ratio": {"1": 1.0},
}
"""Units of each dimension and how many of ours one is: pJ, uW, ns, nm."""

BASES = ("published", "derived", "assumption")
"""What a constant may rest on."""

WIDTHS = {
    "integer_add": 2, "integer_multiply": 2, "float_add": 1, "float_multiply": 1,
    "on_chip": 1, "off_chip": 1,
}  # fmt: skip
"""Constants that every technology has, energies by width, and of how many widths at least."""

STT = ("feature", "sram_cell", "stt_cell", "stt_read_power", "stt_read_time", "stt_wires")
"""Constants of the synapse memories, all or none."""

SCALARS = {
    "pim_gain": "ratio", "feature": "length", "sram_cell": "area", "stt_cell": "area",
    "stt_read_power": "power", "stt_read_time": "time", "stt_wires": "ratio",
}  # fmt: skip
"""Constants of one value that a technology may have, with their dimensions."""

MOST_BITS = 1024


@dataclass(frozen=True)
class Constant:
    """One constant, in its file's unit.

    Args:
        values: by width [bit]; under 0 the value of what has no width.
        scale: how many of our units (pJ, uW, ns, nm) its unit is.
        basis: one of BASES.
    """

    name: str
    values: dict[int, float]
    unit: str
    scale: float
    basis: str
    source: str

    @property
    def value(self) -> float:
        """What has no width, in our unit."""
        return self.values[0] * self.scale

    @property
    def per_bit(self) -> float:
        """Of an access, its share for each bit, in our unit."""
        ((bits, value),) = self.values.items()
        return value * self.scale / bits

    def at(self, bits: float) -> float:
        """The energy at a width: a power law through the two nearest widths of the table."""
        widths = sorted(self.values)
        if len(widths) == 1 or bits in self.values:
            return self.values[int(bits) if bits in self.values else widths[0]] * self.scale
        above = next((i for i, width in enumerate(widths) if width > bits), len(widths) - 1)
        low, high = widths[max(above, 1) - 1], widths[max(above, 1)]
        power = math.log(self.values[high] / self.values[low]) / math.log(high / low)
        return self.values[low] * (bits / low) ** power * self.scale


@dataclass(frozen=True)
class Technology:
    """What things take, in pJ."""

    name: str
    title: str
    constants: dict[str, Constant]

    def add(self, bits: float) -> float:
        """An integer addition."""
        return self.constants["integer_add"].at(bits)

    def multiply(self, one: int, other: int) -> float:
        """An integer multiplication of two widths: that of a square multiplier of its area."""
        return self.constants["integer_multiply"].at(math.sqrt(one * other))

    @property
    def float_mac(self) -> float:
        """A multiplication and an addition of 32-bit floats."""
        return self.constants["float_multiply"].at(32) + self.float_add

    @property
    def float_add(self) -> float:
        return self.constants["float_add"].at(32)

    @property
    def on_chip(self) -> float:
        """A bit read or written on the chip."""
        return self.constants["on_chip"].per_bit

    @property
    def off_chip(self) -> float:
        """A bit to or from external memory."""
        return self.constants["off_chip"].per_bit

    @property
    def has_pim(self) -> bool:
        return "pim_gain" in self.constants

    @property
    def has_stt(self) -> bool:
        return STT[0] in self.constants

    def scalar(self, name: str) -> float:
        """A constant without a width, in pJ, uW, ns, nm, F^2 or 1."""
        return self.constants[name].value

    @property
    def stt_read(self) -> float:
        """A bit read from STT-RAM: its cell, and wires that are shorter than those of SRAM."""
        cell = self.scalar("stt_read_power") * self.scalar("stt_read_time") * 1e-3
        area = self.scalar("stt_cell") / self.scalar("sram_cell")
        return cell + self.on_chip * area ** self.scalar("stt_wires")


def technology_names() -> list[str]:
    """The names of the shipped technologies."""
    return shipped(_FOLDER)


def load_technology(name_or_path: str = DEFAULT) -> Technology:
    """A shipped technology by name, or any from its TOML file.

    Raises:
        UserError: the name is unknown, the file cannot be read, or a constant is missing, unknown
            or invalid.
    """
    path = find(name_or_path, _FOLDER, "technology")
    where, data = str(path), read(path, _FOLDER, "technology")
    check_names(data, ("title", *WIDTHS, *SCALARS), where)
    for name in ("title", *WIDTHS, *(STT if any(name in data for name in STT) else ())):
        if name not in data:
            raise UserError(f"field '{name}' is missing", where=where)
    title = data.pop("title")
    if not isinstance(title, str) or not title:
        raise UserError("field 'title' must be a text", where=where)
    constants = {name: _constant(name, entry, where) for name, entry in data.items()}
    order = (*WIDTHS, *SCALARS)
    return Technology(
        path.stem.replace("_", "-"), title, {n: constants[n] for n in order if n in constants}
    )


def _constant(name: str, entry: Any, where: str) -> Constant:
    key = "bits" if name in WIDTHS else "value"
    if not isinstance(entry, dict):
        hint = f"write [{name}] and below it {key}, unit, basis, source"
        raise UserError(f"'{name}' must be a table", where=where, hint=hint)
    where = f"{where}: [{name}]"
    fields = (key, "unit", "basis", "source")
    check_names(entry, fields, where)
    for field in fields:
        if field not in entry:
            raise UserError(f"field '{field}' is missing", where=where)
    units = UNITS["energy" if name in WIDTHS else SCALARS[name]]
    _one_of("unit", entry["unit"], tuple(units), where)
    _one_of("basis", entry["basis"], BASES, where)
    if not isinstance(entry["source"], str) or not entry["source"].strip():
        raise UserError("field 'source' must say where the value is from", where=where)
    values = {0: _positive(key, entry[key], where)} if key == "value" else None
    return Constant(
        name, values or _by_width(name, entry[key], where), entry["unit"],
        units[entry["unit"]], entry["basis"], entry["source"],
    )  # fmt: skip


def _by_width(name: str, given: Any, where: str) -> dict[int, float]:
    if not isinstance(given, dict):
        raise UserError("field 'bits' must be a table such as { 8 = 0.03, 32 = 0.1 }", where=where)
    values = {}
    for width, value in given.items():
        if not width.isdecimal() or not 1 <= int(width) <= MOST_BITS:
            raise UserError(f"'{width}' is no width from 1 to {MOST_BITS}", where=where)
        values[int(width)] = _positive(f"bits.{width}", value, where)
    if len(values) < WIDTHS[name]:
        what = f"'bits' has {len(values)} of at least {WIDTHS[name]} widths"
        raise UserError(what, where=where)
    if name.endswith("_chip") and len(values) > 1:
        raise UserError("'bits' has more than one width of an access", where=where)
    if name.startswith("float_") and 32 not in values:
        raise UserError("'bits' has no value for 32 bits", where=where)
    return values


def _positive(field: str, value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UserError(f"field '{field}' must be a number, not {value!r}", where=where)
    if not 0 < value < math.inf:
        raise UserError(f"field '{field}' is {value}, must be positive", where=where)
    return float(value)


def _one_of(field: str, value: Any, known: tuple[str, ...], where: str) -> None:
    if value not in known:
        raise UserError(
            f"field '{field}' is {value!r}", where=where, hint=f"use one of {', '.join(known)}"
        )

"""Descriptions of the devices that a network can be compiled for: a TOML file each."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from snnir.errors import UserError
from snnir.targets.files import check_names, find, read, shipped

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """What a device offers, and how much of it an array may take.

    Args:
        lut, ff, bram36, dsp: number of each in the device.
        clock_mhz: clock that designs are planned for [MHz].
        ddr_gbps: peak bandwidth of the external memory [GB/s].
        ddr_share: share of it that designs get in the long run, 0 to 1.
        ddr_latency: clocks from a read request to its first data.
        lut_share: share of the LUTs that a design may fill and still route, 0 to 1.
        max_operations: largest array that is chosen unasked [SOP]; simulation time grows with it.
        enough_images: images a second below which larger ones are looked at as well.
        max_banks: most banks that are chosen unasked.
    """

    name: str
    part: str
    lut: int
    ff: int
    bram36: int
    dsp: int
    clock_mhz: float
    ddr_gbps: float
    lut_share: float
    max_operations: int
    max_banks: int
    enough_images: float = 1000
    ddr_share: float = 0.7
    ddr_latency: int = 40

    @property
    def usable_lut(self) -> int:
        """LUTs that a design may fill."""
        return int(self.lut * self.lut_share)

    @property
    def granted_gbps(self) -> float:
        """Bandwidth of the external memory that designs are planned for [GB/s]."""
        return self.ddr_gbps * self.ddr_share


def target_names() -> list[str]:
    """The names of the shipped targets."""
    return shipped(_FOLDER)


def load_target(name_or_path: str) -> Target:
    """A shipped target by name, or any target from its TOML file.

    Raises:
        UserError: the name is unknown, the file cannot be read, or a field is missing or invalid.
    """
    path = find(name_or_path, _FOLDER, "target")
    where, data = str(path), read(path, _FOLDER, "target")
    wanted = {field.name: field.type for field in fields(Target)}
    given = {field.name: field.default for field in fields(Target) if field.default is not MISSING}
    data = {**given, **data}
    check_names(data, wanted, where)
    return Target(**{name: _field(data, name, kind, where) for name, kind in wanted.items()})


def _field(data: dict, name: str, kind: str, where: str) -> str | int | float:
    if name not in data:
        raise UserError(f"field '{name}' is missing", where=where)
    value = data[name]
    if kind == "str":
        if not isinstance(value, str) or not value:
            raise UserError(f"field '{name}' must be a text", where=where)
        return value
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or (kind == "int" and not isinstance(value, int)):
        what = "a whole number" if kind == "int" else "a number"
        raise UserError(f"field '{name}' must be {what}, not {value!r}", where=where)
    least = 0 if name in ("dsp", "ddr_gbps") else 1e-9
    if value < least or value != value:
        raise UserError(f"field '{name}' is {value}, must be positive", where=where)
    if name.endswith("_share") and value > 1:
        raise UserError(f"field '{name}' is {value}, a share is at most 1", where=where)
    return value if kind == "int" else float(value)

"""A machine's tables as the hardware holds them: RAMs as wide as the machine's ranges ask for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from snnir.hardware.columns import Fields
from snnir.hardware.tables import TABLES
from snnir.hardware.widths import TableWidths

if TYPE_CHECKING:
    from snnir.hardware.reconfigurable.machine import Machine


class MachineTables(TableWidths):
    """What the units ask for, answered by a machine alone: no program has a part in it."""

    pools = True
    keeps = False
    recurs = False
    begins_samples = False
    early = 0
    levels = ()

    def __init__(self, machine: Machine):
        self.program = machine

    def _fields(self, key: str) -> Fields:
        machine = self.program
        return Fields(f"{machine.name}_{key}", machine.columns[key], machine.depths[key])

    @cached_property
    def layers(self) -> Fields:
        return self._fields("layers")

    @cached_property
    def tiles(self) -> Fields:
        return self._fields("tiles")

    @cached_property
    def runs(self) -> Fields:
        return self._fields("runs")

    @cached_property
    def params(self) -> Fields:
        return self._fields("params")

    @cached_property
    def tile_rows(self) -> Fields:
        return self._fields("tile_rows")

    @cached_property
    def settings(self) -> Fields:
        return Fields(f"{self.program.name}_settings", self.program.columns["settings"], 1)

    @cached_property
    def written(self) -> dict[str, Fields]:
        """The tables that a program is written to."""
        return {key: getattr(self, key) for key in TABLES if self.program.columns[key]}

    @property
    def words(self) -> list[tuple[int, int]]:
        return list(self.program.words)

    @property
    def potential_rows(self) -> int:
        return self.program.depths["potentials"]

    @property
    def image_bytes(self) -> int:
        return self.program.depths["image"]

    @property
    def reach(self) -> Mapping[str, tuple[int, int]]:
        return self.program.reach

"""A machine: all that the printed Verilog depends on, so that many programs run on one of it.

A machine is chosen for a program, with room (`Machine.for_program`), kept in a file, and read again
to compile other programs for it; `fits` says whether one fits. Format and rules: docs/machine.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.hardware.memories import address_width
from snnir.hardware.neuron import mode_key
from snnir.hardware.reconfigurable.room import (
    Range,
    columns_with_room,
    depths_with_room,
    reach_with_room,
)
from snnir.hardware.timing import fire_stages
from snnir.schedule.program import Mode

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp
    from snnir.hardware.tables import HardwareTables
    from snnir.schedule.program import ProgramTables

FORMAT = "snnir machine"
VERSION = 1
"""Counts up when the same file no longer means the same hardware or the same program images."""

FRACTIONS = 4
"""Fractions that a machine knows at least, from 0."""


@dataclass(frozen=True)
class Machine:
    """What the hardware is made of; units take it in the place of a program.

    Args:
        name: of the program that it was chosen for; it is in the Verilog's comments.
        ring: rows of a bank's weight memory.
        groups: modes, each with fraction 0.
        fractions: how many fractions each of them knows, from 0.
        neurons: IR text of each neuron.
        shifts: by which accumulators can be shifted.
        words: (shift, bits) of the parts into which a pixel can be cut.
        params: names of the parameters that a channel has.
        depths: rows of each memory by name; of the potentials in each lane, of the image in bytes.
        position_max: greatest position of an event.
        position_bits: bits of its position that an event holds; 0 if all.
        columns: for each table the least and the greatest value of each column.
        reach: least and greatest coordinate that a run may name, by axis.
    """

    name: str
    array: ArrayParameters
    ring: int
    groups: tuple[Mode, ...]
    fractions: int
    neurons: Mapping[str, str]
    shifts: tuple[int, ...]
    words: tuple[tuple[int, int], ...]
    params: tuple[str, ...]
    image_bits: int
    depths: Mapping[str, int]
    position_max: int
    columns: Mapping[str, Mapping[str, Range]]
    reach: Mapping[str, Range]
    position_bits: int = 0

    # What the units ask a program for.

    stages: ClassVar[int] = 0
    batch: ClassVar[int] = 1
    windows: ClassVar[int] = 1
    moves: ClassVar[bool] = False
    halves: ClassVar[tuple[int, int]] = (0, 0)
    first_half: ClassVar[tuple[int, int]] = (0, 0)

    @property
    def event_depth(self) -> int:
        return self.depths["events"]

    @property
    def pointer_depth(self) -> int:
        return self.depths["pointers"]

    @property
    def weight_depth(self) -> int:
        return self.ring

    @cached_property
    def modes(self) -> tuple[Mode, ...]:
        """Every group with every fraction."""
        return tuple(replace(g, fraction=f) for g in self.groups for f in range(self.fractions))

    def parse_neurons(self) -> dict[str, NeuronOp]:
        """The neurons as IR."""
        from snnir.dialects.snn import NeuronOp
        from snnir.hardware.reconfigurable.neuron_text import parse_neuron

        found = {name: parse_neuron(text) for name, text in self.neurons.items()}
        assert all(isinstance(neuron, NeuronOp) for neuron in found.values())
        return found

    # Choosing

    @classmethod
    def for_program(cls, tables: ProgramTables, neurons: Mapping[str, NeuronOp]) -> Machine:
        """A machine for a program and for others of its kind."""
        return cls.for_programs([tables], neurons)

    @classmethod
    def for_programs(
        cls, programs: list[ProgramTables], neurons: Mapping[str, NeuronOp]
    ) -> Machine:
        """A machine for several programs of one array, and for others of their kind.

        Raises:
            UserError: a program keeps its weights on the chip, or arrays or rings differ.
        """
        from snnir.hardware.reconfigurable.neuron_text import neuron_text
        from snnir.hardware.tables import HardwareTables

        first = programs[0]
        for program in programs:
            if not program.ring:
                raise UserError(
                    "a machine for many programs takes its weights from DDR",
                    where=f"pe.program @{program.name}",
                    hint="use tile-to-pe{weights=stream}, or snnc compile --weights stream",
                )
            if program.batch > 1:
                raise UserError(
                    "a machine for many programs computes one image after another",
                    where=f"pe.program @{program.name}",
                    hint="use event-schedule{batch=1}",
                )
            if program.moves:
                raise UserError(
                    "a machine for many programs keeps all feature maps on the chip",
                    where=f"pe.program @{program.name}",
                    hint="use maps=onchip, a smaller network, or compile without --reconfigurable",
                )
            if program.windows != 1:
                raise UserError(
                    "a machine for many programs keeps no states between windows",
                    where=f"pe.program @{program.name}",
                    hint="compile without --windows, or without --reconfigurable",
                )
            if (program.array, program.ring) != (first.array, first.ring):
                raise UserError(
                    f"it is for another array or ring than @{first.name}",
                    where=f"pe.program @{program.name}",
                )
        modes = [mode for program in programs for mode in program.modes]
        groups = tuple(dict.fromkeys(replace(mode_key(mode), fraction=0) for mode in modes))
        highest = max(mode.fraction for mode in modes)
        words = [word for p in programs for word in HardwareTables(p).words]
        draft = cls(
            name=first.name,
            array=first.array,
            ring=first.ring,
            groups=groups,
            fractions=max(FRACTIONS, 1 << highest.bit_length()),
            neurons={g.neuron: neuron_text(neurons[g.neuron]) for g in groups},
            shifts=tuple(sorted({shift for p in programs for shift in p.shifts})),
            words=tuple(dict.fromkeys(words)),
            params=tuple(sorted({name for p in programs for name in p.params})),
            image_bits=max(p.image_bits for p in programs),
            depths=depths_with_room([HardwareTables(p) for p in programs]),
            position_max=(1 << max(p.position_max for p in programs).bit_length()) - 1,
            columns={},
            reach={},
            position_bits=_position_bits(programs),
        )
        placed = [HardwareTables(program, draft) for program in programs]
        return replace(
            draft, columns=columns_with_room(draft, placed), reach=reach_with_room(placed)
        )

    @cached_property
    def fire_stages(self) -> int:
        """Registers of the neurons' pipelines."""
        return fire_stages(self.modes, self.parse_neurons())

    # Checking

    def fits(self, program: ProgramTables, neurons: Mapping[str, NeuronOp]) -> HardwareTables:
        """The tables of a program as this machine has them.

        Raises:
            UserError: something does not fit; the message says what, and by how much.
        """
        from snnir.hardware.reconfigurable.fitting import fit_program

        return fit_program(self, program, neurons)

    # Identity and file

    @cached_property
    def identity(self) -> int:
        """32 bits that tell machines apart; a program image has that of its machine."""
        text = json.dumps(self._fields())
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def _fields(self) -> dict[str, Any]:
        fields = asdict(self)
        return json.loads(json.dumps({"format": FORMAT, "version": VERSION, **fields}))

    def to_json(self) -> str:
        """The text of a machine file."""
        from snnir.hardware.reconfigurable.file import machine_json

        return machine_json(self._fields() | {"identity": f"{self.identity:08x}"})

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Machine:
        """A machine from what `to_json` wrote; see `read_machine` for a file of anybody's."""
        return cls(
            name=fields["name"],
            array=ArrayParameters(**fields["array"]),
            ring=fields["ring"],
            groups=tuple(Mode(**group) for group in fields["groups"]),
            fractions=fields["fractions"],
            neurons=dict(fields["neurons"]),
            shifts=tuple(fields["shifts"]),
            words=tuple((shift, bits) for shift, bits in fields["words"]),
            params=tuple(fields["params"]),
            image_bits=fields["image_bits"],
            depths=dict(fields["depths"]),
            position_max=fields["position_max"],
            columns={
                table: {key: (low, high) for key, (low, high) in columns.items()}
                for table, columns in fields["columns"].items()
            },
            reach={axis: (low, high) for axis, (low, high) in fields["reach"].items()},
            position_bits=fields.get("position_bits", 0),
        )

    @property
    def address_bits(self) -> dict[str, int]:
        """Bits of an address of each memory."""
        return {name: address_width(depth) for name, depth in self.depths.items()}


def _position_bits(programs: list[ProgramTables]) -> int:
    """As many as each program needs, if one of them holds fewer than all; 0 where that is all."""
    needed = max(max(p.position_bits, p.least_position_bits) for p in programs)
    whole = max(p.position_max for p in programs).bit_length()
    return needed if any(p.position_bits for p in programs) and needed < whole else 0

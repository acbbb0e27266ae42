"""Whether a program fits a machine: the first thing that does not, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from snnir.errors import UserError
from snnir.hardware.neuron import mode_key
from snnir.hardware.reconfigurable.neuron_text import parse_neuron
from snnir.hardware.tables import TABLES, HardwareTables
from snnir.hardware.timing import fire_stages

if TYPE_CHECKING:
    from snnir.dialects.snn import NeuronOp
    from snnir.hardware.reconfigurable.machine import Machine
    from snnir.schedule.program import Mode, ProgramTables

_HINT = "use a smaller network, or make a machine for this one"


def fit_program(
    machine: Machine, program: ProgramTables, neurons: Mapping[str, NeuronOp]
) -> HardwareTables:
    """The program's tables as the machine has them; see `Machine.fits`."""
    where = f"pe.program @{program.name}"

    def refuse(what: str, hint: str = _HINT) -> UserError:
        return UserError(f"machine {machine.name}: {what}", where=where, hint=hint)

    compile_for = "compile it for the machine: tile-to-pe{machine=FILE}, snnc compile --array FILE"
    if program.array != machine.array:
        raise refuse("it has another array than the program", compile_for)
    if program.moves:
        raise refuse(
            "it keeps all feature maps on the chip, the program has some in DDR",
            "compile without --reconfigurable, or with maps=onchip",
        )
    if program.ring != machine.ring:
        raise refuse(f"its ring has {machine.ring} rows, the program's {program.ring}", compile_for)
    if program.windows != 1:
        raise refuse("it keeps no states between windows", "compile without --windows")
    if program.batch > 1:
        raise refuse("it computes one image after another", "use event-schedule{batch=1}")
    for mode in program.modes:
        if what := _unknown_mode(machine, mode, neurons[mode.neuron]):
            raise refuse(what)
    if (program.stages or fire_stages(program.modes, neurons)) != machine.fire_stages:
        raise refuse("its neurons take other times than the program's", compile_for)
    plain = HardwareTables(program)
    for what, has, needs in (
        ("shift of accumulators", machine.shifts, program.shifts),
        ("image word (shift, bits)", machine.words, plain.words),
        ("parameter", machine.params, program.params),
    ):
        if missing := [str(item) for item in needs if item not in has]:
            raise refuse(f"it has no {what} {missing[0]}")
    needed = {
        **{key: getattr(plain, key).depth for key in TABLES if key != "params"},
        "params": len(plain.parameter_channels),
        "events": program.event_depth,
        "pointers": program.pointer_depth,
        "image": plain.image_bytes,
        "potentials": plain.potential_rows,
    }
    for name, rows in needed.items():
        if rows > (has := machine.depths[name]):
            raise refuse(f"{name} need {rows} rows, it has {has}: {rows - has} too few")
    if program.levels:
        raise refuse("it has no levels that make trains of pixels")
    if program.image_bits > machine.image_bits:
        raise refuse(f"pixels have {program.image_bits} bits, it takes {machine.image_bits}")
    if program.position_max > machine.position_max:
        raise refuse(
            f"positions of events go to {program.position_max}, its own to {machine.position_max}"
        )
    if machine.position_bits and program.least_position_bits > machine.position_bits:
        raise refuse(
            f"its events hold {machine.position_bits} bits of their positions, runs need "
            f"{program.least_position_bits}"
        )
    placed = HardwareTables(program, machine)
    spans = {
        f"{table}.{key}": (span, machine.columns[table][key])
        for table in (*TABLES, "settings")
        for key, span in getattr(placed, table).ranges.items()
    }
    spans |= {f"reach.{axis}": (placed.reach[axis], machine.reach[axis]) for axis in "yx"}
    for name, ((low, high), (least, most)) in spans.items():
        if low < least or high > most:
            raise refuse(f"{name} goes from {low} to {high}, its own from {least} to {most}")
    return placed


def _unknown_mode(machine: Machine, mode: Mode, neuron: NeuronOp) -> str | None:
    """Why the machine has no such mode, if it has none."""
    if mode.neuron not in machine.neurons:
        return f"it has no neuron @{mode.neuron}"
    if not parse_neuron(machine.neurons[mode.neuron]).is_structurally_equivalent(neuron):
        return f"its neuron @{mode.neuron} is another one"
    if replace(mode_key(mode), fraction=0) not in machine.groups:
        return (
            f"its neuron @{mode.neuron} does not take {mode.coding} currents of {mode.planes} "
            f"planes with {mode.steps} steps"
        )
    if mode.fraction >= machine.fractions:
        return f"its fractions go to {machine.fractions - 1} bits, the program has {mode.fraction}"
    return None

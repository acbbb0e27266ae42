"""Which datapaths a program has, and what its layers give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from xdsl.context import Context
from xdsl.dialects import hw
from xdsl.dialects.builtin import ModuleOp

from snnir.analysis.network import layers, neuron_of, schedule
from snnir.analysis.ranges import current_range
from snnir.analysis.windows import kept_windows
from snnir.dialects.dense import from_dense
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.hardware.neuron import mode_groups, mode_key
from snnir.hardware.timing import fire_stages
from snnir.passes.legalise_verilog import LegaliseVerilogPass
from snnir.proof.ranges import Channels
from snnir.proof.unit import Unit
from snnir.schedule.kept import KeptStates
from snnir.schedule.program import Mode, ProgramTables
from snnir.tiling.layers import plan_network

if TYPE_CHECKING:
    from snnir.hardware.reconfigurable.machine import Machine

UNIT = "fire"
"""The module that holds the pipelines of all neurons."""


def unit_design(hardware: ModuleOp, name: str = UNIT) -> ModuleOp:
    """A module and those below it, as they are printed: a copy, legalised.

    Raises:
        UserError: there is no such module.
    """
    modules = {op.sym_name.data: op for op in hardware.body.block.ops if hasattr(op, "sym_name")}
    if name not in modules:
        raise UserError(f"the design has no module @{name}", hint="run convert-pe-to-hw")
    found: list[str] = []
    work = [name]
    while work:
        each = work.pop()
        if each in found:
            continue
        found.append(each)
        for op in modules[each].walk():
            if isinstance(op, hw.InstanceOp):
                work.append(op.module_name.root_reference.data)
    design = ModuleOp([modules[each].clone() for each in found])
    LegaliseVerilogPass().apply(Context(), design)
    return design


def datapaths(
    network: ModuleOp, tables: ProgramTables, hardware: ModuleOp, machine: Machine | None = None
) -> Iterator[tuple[NeuronOp, Mode, list[Channels], Unit]]:
    """Each mode of a program with its neuron, its layers and how the unit is used for it.

    Args:
        network: the integer program before tiling.
        machine: of a program that is data.
    """
    design = unit_design(hardware)
    used: dict[Mode, list[Channels]] = {}
    neurons: dict[str, NeuronOp] = {}
    modes = {row.of or row.label: tables.modes[row.mode] for row in tables.layers}
    for neuron, given in [*_layers(network), *_relays(network)]:
        mode = modes[given.layer]
        neurons[mode.neuron] = neuron
        silent = mode.planes - given.how["steps_in"]
        how = given.how | {"steps_in": mode.planes, "steps_out": mode.steps}
        used.setdefault(mode, []).append(replace(given, how=how, silent=silent))
    held, states = _held(tables.modes, machine), KeptStates(tables)
    clocks = machine.fire_stages if machine else fire_stages(tables.modes, neurons)
    for mode, found in used.items():
        yield (
            neurons[mode.neuron],
            mode,
            found,
            Unit(
                design,
                held[tables.modes.index(mode)],
                clocks,
                tables.array.planes,
                tables.array.acc_bits,
                tables.array.membrane_bits,
                states.bits[mode.neuron] if mode.kept else (),
                states.width,
            ),
        )


def _layers(network: ModuleOp) -> Iterator[tuple[NeuronOp, Channels]]:
    """The layers of a network, each with its neuron."""
    for layer in layers(network):
        params = {name: from_dense(dense) for name, dense in layer.params.data.items()}
        current = current_range(layer.current.owner)
        label, windows = layer.label.data, kept_windows(layer)
        yield neuron_of(layer), Channels(label, params, current, schedule(layer), windows=windows)


def _relays(network: ModuleOp) -> Iterator[tuple[NeuronOp, Channels]]:
    """The layers that fire again what is to be pooled: a current is a bit of a train."""
    own = {layer.label.data for layer in layers(network)}
    for layer in plan_network(network).layers:
        if layer.label not in own:
            channels = layer.dims[0]
            current = np.zeros(channels, np.int64), np.ones(channels, np.int64)
            yield layer.neuron, Channels(layer.label, layer.params, current, layer.schedule)


def _held(modes: Sequence[Mode], machine: Machine | None) -> list[Mapping[str, int]]:
    """For each mode the group and the fraction that choose it."""
    home = machine.modes if machine else modes
    groups, where = mode_groups(home)
    known = {mode_key(mode): at for mode, at in zip(home, where, strict=True)}
    found = []
    for mode in modes:
        group, fraction = known[mode_key(mode)]
        held = {"group": group} if len(groups) > 1 else {}
        if max(len(fractions) for _, fractions in groups) > 1:
            held["fraction"] = fraction
        found.append(held)
    return found

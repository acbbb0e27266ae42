"""Neuron units of hardware for the tests of proofs, from a neuron or a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from snnir.dialects.pe import ProgramOp
from snnir.dialects.pe_types import ArrayParameters
from snnir.dialects.snn import NeuronOp
from snnir.hardware.language.builder import design
from snnir.hardware.neuron import neuron_module
from snnir.hardware.timing import fire_stages
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.proof.program import datapaths, unit_design
from snnir.proof.ranges import Channels
from snnir.proof.unit import Unit
from snnir.schedule.kept import KeptStates
from snnir.schedule.program import Mode
from snnir.schedule.reading import read_program


def unit_of(
    neuron: NeuronOp,
    mode: Mode,
    acc_bits: int,
    membrane_bits: int,
    kept: tuple[int, ...] = (),
    more: int = 0,
) -> Unit:
    """The unit of a machine in which all layers are of one mode.

    Args:
        kept: bits of the states that it keeps; `more`: bits that another neuron keeps.
    """
    array = ArrayParameters(
        2,
        2,
        planes=max(mode.planes, mode.steps),
        weight_bits=4,
        acc_bits=acc_bits,
        membrane_bits=membrane_bits,
    )
    neurons = {mode.neuron: neuron}
    states = {mode.neuron: kept} if kept else {}
    if more:
        states["other"] = (sum(kept) + more,)
    unit = neuron_module([mode], neurons, neuron.param_names, array, states)
    clocks = fire_stages((mode,), neurons)
    found = Unit(unit_design(design(unit)), {}, clocks, array.planes, acc_bits, membrane_bits)
    return replace(found, kept=kept, kept_bits=sum(kept) + more)


def channels_of(mode: Mode, low: int, high: int, windows: int = 1, **params: list[int]) -> Channels:
    """Channels with these parameters, and currents between `low` and `high`."""
    arrays = {name: np.array(values) for name, values in params.items()}
    count = len(next(iter(arrays.values())))
    how = {
        "coding": mode.coding,
        "steps_in": mode.planes,
        "steps_out": mode.steps,
        "fraction": mode.fraction,
        "rate": mode.rate,
    }
    ends = np.full(count, low), np.full(count, high)
    return Channels("layer", arrays, ends, how, windows=windows)


def datapaths_of(network: ModuleOp, planes: int):
    """What is to be proved of a quantised network on a small array."""
    scheduled = network.clone()
    TileToPePass(banks=2, channels=2, planes=planes).apply(Context(), scheduled)
    EventSchedulePass().apply(Context(), scheduled)
    tables = read_program(next(op for op in scheduled.ops if isinstance(op, ProgramOp)))
    neurons = {op.sym_name.data: op for op in scheduled.ops if isinstance(op, NeuronOp)}
    kept = KeptStates(tables).bits
    unit = neuron_module(tables.modes, neurons, tuple(tables.params), tables.array, kept)
    return list(datapaths(network, tables, design(unit)))

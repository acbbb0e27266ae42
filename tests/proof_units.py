"""Neuron units of hardware for the tests of proofs, from a neuron or a network."""

from __future__ import annotations

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
from snnir.proof.datapath import Unit
from snnir.proof.program import datapaths, unit_design
from snnir.proof.ranges import Channels
from snnir.schedule.program import Mode
from snnir.schedule.reading import read_program


def unit_of(neuron: NeuronOp, mode: Mode, acc_bits: int, membrane_bits: int) -> Unit:
    """The unit of a machine in which all layers are of one mode."""
    array = ArrayParameters(
        2, 2, planes=mode.planes, weight_bits=4, acc_bits=acc_bits, membrane_bits=membrane_bits
    )
    neurons = {mode.neuron: neuron}
    unit = neuron_module([mode], neurons, neuron.param_names, array)
    clocks = fire_stages((mode,), neurons)
    return Unit(unit_design(design(unit)), {}, clocks, mode.planes, acc_bits, membrane_bits)


def channels_of(mode: Mode, low: int, high: int, **params: list[int]) -> Channels:
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
    return Channels("layer", arrays, (np.full(count, low), np.full(count, high)), how)


def datapaths_of(network: ModuleOp, planes: int):
    """What is to be proved of a quantised network on a small array."""
    scheduled = network.clone()
    TileToPePass(banks=2, channels=2, planes=planes).apply(Context(), scheduled)
    EventSchedulePass().apply(Context(), scheduled)
    tables = read_program(next(op for op in scheduled.ops if isinstance(op, ProgramOp)))
    neurons = {op.sym_name.data: op for op in scheduled.ops if isinstance(op, NeuronOp)}
    unit = neuron_module(tables.modes, neurons, tuple(tables.params), tables.array)
    return list(datapaths(network, tables, design(unit)))

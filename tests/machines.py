"""A small machine and programs for it, for the tests of machines whose program is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from random_networks import network_from_seed
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from snnir.backends.memory import weight_stream
from snnir.backends.program_image import program_image
from snnir.dialects.snn import NeuronOp
from snnir.hardware.reconfigurable.machine import Machine
from snnir.interpreters.pe import neurons_of, program_of
from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass
from snnir.schedule.program import ProgramTables
from snnir.schedule.reading import read_program

ARRAY = {
    "banks": 4, "channels": 4, "planes": 8, "weight_bits": 4, "acc_bits": 18, "membrane_bits": 26,
    "fifo": 8, "drain": 2, "ring": 64, "weights": "stream",
}  # fmt: skip

CHOSEN = (37, 57, 24)
"""Seeds of the programs that the machine is chosen for: a residual, pools, two kinds of neurons."""

LATER = 23
"""Another program, which fits as well."""


def compiled(seed: int, **options) -> tuple[ModuleOp, np.ndarray]:
    """A random network as a scheduled program, and two images."""
    network = network_from_seed(seed)
    TileToPePass(**options).apply(Context(), network.module)
    EventSchedulePass().apply(Context(), network.module)
    return network.module, network.frames


def parts(module: ModuleOp) -> tuple[ProgramTables, Mapping[str, NeuronOp]]:
    return read_program(program_of(module)), neurons_of(module)


def small_machine() -> Machine:
    """A machine for all of `CHOSEN`."""
    programs = [parts(compiled(seed, **ARRAY)[0]) for seed in CHOSEN]
    neurons = {name: neuron for _, own in programs for name, neuron in own.items()}
    return Machine.for_programs([tables for tables, _ in programs], neurons)


@dataclass
class Program:
    """A program for a machine, ready to be loaded."""

    module: ModuleOp
    frames: np.ndarray
    tables: ProgramTables
    image: bytes
    weights: bytes


def program_for(machine: Machine, file: Path, seed: int) -> Program:
    """A network compiled for the machine in a file."""
    module, frames = compiled(seed, machine=str(file))
    tables, neurons = parts(module)
    image = program_image(machine, tables, neurons)
    return Program(module, frames, tables, image, weight_stream(tables))

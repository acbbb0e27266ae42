"""From a scheduled program to registers and wires: the machine of docs/machine.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.dialects.pe import ProgramOp
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError

if TYPE_CHECKING:
    from snnir.hardware.language.builder import Module
    from snnir.schedule.program import ProgramTables


@dataclass(frozen=True)
class ConvertPeToHwPass(ModulePass):
    """Replace the scheduled `pe.program` and its neurons by `hw` modules.

    What: the module holds afterwards a top level with AXI4-Stream ports, the module `core` below
    it (also simulated alone: it has trace outputs), its units, and one `hw.module.extern` for each
    shape of memory, those with contents (weights, run, tile, layer and parameter tables) carrying
    them as an attribute. `-t verilog` and `-t memory` print both.

    Why: what depends on the network, its array, widths, tables and neurons, is fixed here, on the
    IR, where it can be tested; the printer behind it only prints.

    Algorithm: the tables of the program (`snnir/schedule/program.py`) give all widths and memory
    contents; each unit of `snnir/hardware/` builds its module from them. The fire datapath is made
    from the regions of the `snn.neuron` ops: each of their ops becomes one of `comb` at the width
    that range analysis has proven, unrolled over the steps.

    Assumptions: `event-schedule` has run; one program, with one readout as its last layer; pixels
    of at most 8 bits.

    Options:
        top: name of the top-level module.
        trace: give the top level the trace outputs of the core as well.
        lanes: `portable`, or `xc7`: lanes made of 7-series LUT and carry cells, which are fewer
            than synthesis finds. They do the same in the same clocks; to simulate them takes the
            cells' models, `snnir/hardware/xc7_cells.v`.
        machine: `none` fixes the program in the hardware. `auto` makes a machine for this program
            and others of its kind, whose program is data, and a file of such a machine
            (`snnc compile --reconfigurable` writes one) makes that very machine, if the program
            fits it.
        counters: count what the clocks of each image go to; core and top level have outputs
            `counter_...`, see docs/machine.md.

    Source: docs/machine.md (contract), docs/rationale_hw.md (units and stages).
    """

    name = "convert-pe-to-hw"

    top: str = "snnir_top"
    trace: bool = False
    lanes: str = "portable"
    machine: str = "none"
    counters: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from snnir.hardware.array import LANES
        from snnir.hardware.core import core_module
        from snnir.hardware.language.builder import design
        from snnir.hardware.tables import HardwareTables
        from snnir.hardware.top import top_module
        from snnir.schedule.reading import read_program

        if self.lanes not in LANES:
            raise UserError(
                f"there are no lanes '{self.lanes}'", hint=f"lanes are {' or '.join(LANES)}"
            )
        programs = [o for o in op.body.block.ops if isinstance(o, ProgramOp)]
        if len(programs) != 1:
            raise UserError(
                f"the module has {len(programs)} pe.program, hardware is made from exactly one",
                hint="run tile-to-pe and event-schedule first" if not programs else None,
            )
        tables = read_program(programs[0])
        neurons = {o.sym_name.data: o for o in op.body.block.ops if isinstance(o, NeuronOp)}
        for mode in tables.modes:
            if mode.neuron not in neurons:
                raise UserError(
                    f"neuron @{mode.neuron} is not defined", where=f"pe.program @{tables.name}"
                )
        if self.machine == "none":
            core = core_module(HardwareTables(tables), neurons, self.lanes, self.counters)
            hardware = design(top_module(core, self.top, trace=self.trace))
        else:
            hardware = design(self._system(tables, neurons))
        for old in [*op.body.block.ops]:
            old.detach()
            old.erase(safe_erase=False)
        for new in [*hardware.body.block.ops]:
            new.detach()
            op.body.block.add_op(new)

    def _system(self, tables: ProgramTables, neurons: dict[str, NeuronOp]) -> Module:
        """The top level of a machine; the program has no other part in it than to fit."""
        from snnir.hardware.reconfigurable.file import read_machine
        from snnir.hardware.reconfigurable.machine import Machine
        from snnir.hardware.reconfigurable.system import system_module, system_top_module

        if self.machine == "auto":
            machine = Machine.for_program(tables, neurons)
        else:
            machine = read_machine(self.machine)
        machine.fits(tables, neurons)
        system = system_module(machine, machine.parse_neurons(), self.lanes)
        return system_top_module(system, self.top, trace=self.trace)

"""The rtl engine of a machine whose program is data: it loads the program, then runs images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from snnir.backends.memory import weight_stream
from snnir.backends.program_image import program_image
from snnir.errors import UserError
from snnir.hardware.reconfigurable.faults import FAULTS, STATUS_BITS
from snnir.hardware.reconfigurable.machine import Machine
from snnir.runtime.machine_bench import Script, build_simulator, check_loaded
from snnir.runtime.rtl import RtlEngine
from snnir.schedule.loading import DDR
from snnir.schedule.program import ProgramTables

if TYPE_CHECKING:
    import numpy as np

    from snnir.dialects.snn import NeuronOp
    from snnir.runtime.testbench import Memory, Traces


class MachineEngine(RtlEngine):
    """The simulated machine with one program.

    Args:
        folder: the machine's Verilog files.
        tables: the program.
        image: its image on the machine.
        cache: folder for the simulator.

    Raises:
        UserError: the files are missing, or no simulator can be built.
    """

    def __init__(self, folder: Path, tables: ProgramTables, image: bytes, cache: Path):
        self.folder, self.tables, self.image = folder.resolve(), tables, image
        files = sorted(self.folder.glob("*.v"))
        if not files:
            raise UserError("no Verilog files", where=str(folder), hint="compile it again")
        self.simulator = build_simulator(files, cache / "verilator", tables.array.ports)

    def simulate(
        self, frames: np.ndarray, record: bool, seed: int, memory: Memory | None, counted: bool
    ) -> Traces:
        ddr = memory.ddr if memory else DDR
        script = Script(self.simulator).ddr(ddr, memory.pauses if memory else 0)
        script.load(self.image, weight_stream(self.tables))
        if memory and memory.fault >= 0:
            script.command("fault", memory.fault, 2, memory.fault_port)
        script.images(self.tables, frames, record, seed).read("status")
        status, traces, behind = script.run()
        check_loaded(status)
        if traces is None:
            code = behind & ((1 << STATUS_BITS) - 1)
            raise UserError(f"the core stopped with status {code}: {FAULTS.get(code, 'unknown')}")
        return traces


def machine_engines(
    machine: Machine,
    programs: Mapping[str, tuple[ProgramTables, Mapping[str, NeuronOp]]],
    folder: Path,
    cache: Path,
) -> dict[str, MachineEngine]:
    """An engine for each program on the Verilog of one machine in a folder."""
    return {
        name: MachineEngine(folder, tables, program_image(machine, tables, neurons), cache)
        for name, (tables, neurons) in programs.items()
    }

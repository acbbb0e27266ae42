"""The part of a build folder that a machine has whose program is data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnir.tools.arguments import MACHINE

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from snnir.hardware.reconfigurable.machine import Machine
    from snnir.schedule.program import ProgramTables

PROGRAM, WEIGHTS = "program.bin", "weights.bin"
"""What a machine is given: a program image, and the stream of weights."""


class MachineBuild:
    """The machine of a build, and the program as data for it.

    Args:
        module: the scheduled program and its neurons.
        file: a machine file; without one a machine is chosen for the program.

    Raises:
        UserError: there is no machine in the file, or the program does not fit it.
    """

    def __init__(self, module: ModuleOp, tables: ProgramTables, file: str | None):
        from snnir.backends.program_image import program_image
        from snnir.dialects.snn import NeuronOp
        from snnir.hardware.reconfigurable.file import read_machine
        from snnir.hardware.reconfigurable.machine import Machine

        neurons = {op.sym_name.data: op for op in module.ops if isinstance(op, NeuronOp)}
        self.tables = tables
        self.machine: Machine = read_machine(file) if file else Machine.for_program(tables, neurons)
        self.image = program_image(self.machine, tables, neurons)

    def files(self) -> dict[str, bytes]:
        """File name to contents."""
        from snnir.backends.memory import weight_stream

        return {
            MACHINE: self.machine.to_json().encode(),
            PROGRAM: self.image,
            WEIGHTS: weight_stream(self.tables),
        }

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "file": MACHINE,
            "identity": f"{self.machine.identity:08x}",
            "chosen_for": self.machine.name,
            "program": PROGRAM,
            "weights": WEIGHTS,
        }

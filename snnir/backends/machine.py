"""Prints the machine that would be chosen for a scheduled program: the text of a machine file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from snnir.dialects.pe import ProgramOp
from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.hardware.reconfigurable.machine import Machine
from snnir.schedule.reading import read_program


@dataclass(frozen=True)
class MachineTarget(Target):
    """The machine file that `convert-pe-to-hw{machine=auto}` would use."""

    name: ClassVar[str] = "machine"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        programs = [op for op in module.body.block.ops if isinstance(op, ProgramOp)]
        if len(programs) != 1:
            raise UserError(
                f"the module has {len(programs)} pe.program, a machine is made for exactly one",
                hint="run tile-to-pe and event-schedule first" if not programs else None,
            )
        ops = module.body.block.ops
        neurons = {op.sym_name.data: op for op in ops if isinstance(op, NeuronOp)}
        output.write(Machine.for_program(read_program(programs[0]), neurons).to_json())

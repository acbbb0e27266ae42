"""Prints the neurons of a module in the neuron language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from snnir.dialects.snn import NeuronOp
from snnir.errors import UserError
from snnir.neurons.printing import print_neuron


@dataclass(frozen=True)
class NeuronTarget(Target):
    """Every `snn.neuron` of the module as a text that reads back as the same operation."""

    name: ClassVar[str] = "neuron"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        neurons = [op for op in module.body.block.ops if isinstance(op, NeuronOp)]
        if not neurons:
            raise UserError("the module has no snn.neuron")
        output.write("\n".join(map(print_neuron, neurons)))

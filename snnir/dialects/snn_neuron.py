"""`snn.neuron`: what a neuron does, as regions of integer operations."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import StringAttr, i64
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

EMISSIONS = ("causal", "after", "none")
"""When a neuron fires: at each step, after the whole train is integrated, or never (a readout)."""


@irdl_op_definition
class NeuronOp(IRDLOperation):
    """A neuron: integer state, and what it does with a current, as regions of `arith` ops on i64.

        snn.neuron @lif after state ["v"] params ["theta", "bias"]
            start {...} integrate {...} settle {...} fire {...}

    Block arguments: start(params) -> states; integrate(states, current, params) -> states;
    settle(states, params) -> states; fire(states, params, left) -> states, spike (i1), where
    `left` is the number of steps behind this one. Integers are mathematical: the widths that hold
    them are proven by range analysis. Emission `causal`: each step integrates and fires; `after`:
    all steps are integrated, then settle, then all steps fire; `none`: settle, and never fire.
    """

    name = "snn.neuron"
    sym_name = prop_def(StringAttr)
    emission = prop_def(StringAttr)
    states = prop_def(Attribute)
    parameters = prop_def(Attribute)
    start = region_def("single_block")
    integrate = region_def("single_block")
    settle = region_def("single_block")
    fire = region_def("single_block")
    traits = traits_def(SymbolOpInterface())
    ROLES: ClassVar = ("start", "integrate", "settle", "fire")

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(a.data for a in self.states.data)

    @property
    def param_names(self) -> tuple[str, ...]:
        return tuple(a.data for a in self.parameters.data)

    def role(self, name: str) -> Region:
        return getattr(self, name)

    def argument_names(self, role: str) -> tuple[str, ...]:
        """The names of a region's block arguments, in order."""
        states, params = self.state_names, self.param_names
        return {
            "start": params,
            "integrate": (*states, "i", *params),
            "settle": (*states, *params),
            "fire": (*states, *params, "left"),
        }[role]

    @classmethod
    def parse(cls, parser: Parser):
        name = parser.parse_symbol_name()
        emission = StringAttr(parser.parse_identifier())
        parser.parse_keyword("state")
        states = parser.parse_attribute()
        parser.parse_keyword("params")
        parameters = parser.parse_attribute()
        regions = []
        for role in cls.ROLES:
            parser.parse_keyword(role)
            regions.append(parser.parse_region())
        return cls.build(
            properties={
                "sym_name": name,
                "emission": emission,
                "states": states,
                "parameters": parameters,
            },
            regions=regions,
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.emission.data} state ")
        printer.print_attribute(self.states)
        printer.print_string(" params ")
        printer.print_attribute(self.parameters)
        for role in self.ROLES:
            printer.print_string(f" {role} ")
            printer.print_region(self.role(role), print_empty_block=False)

    def verify_(self) -> None:
        if self.emission.data not in EMISSIONS:
            raise VerifyException(f"snn.neuron: emission must be one of {', '.join(EMISSIONS)}")
        for role in self.ROLES:
            block = self.role(role).block
            wanted = self.argument_names(role)
            if len(block.args) != len(wanted) or any(a.type != i64 for a in block.args):
                raise VerifyException(
                    f"snn.neuron: region {role} takes ({', '.join(wanted)}), all i64"
                )
            last = block.last_op
            if not isinstance(last, YieldOp):
                raise VerifyException(f"snn.neuron: region {role} must end in snn.yield")
            results = [str(v.type) for v in last.operands]
            expected = ["i64"] * len(self.state_names) + (["i1"] if role == "fire" else [])
            if results != expected:
                raise VerifyException(
                    f"snn.neuron: region {role} yields ({', '.join(results)}), "
                    f"expected ({', '.join(expected)})"
                )


@irdl_op_definition
class YieldOp(IRDLOperation):
    """The new states, and in `fire` the spike."""

    name = "snn.yield"
    values = var_operand_def()
    traits = traits_def(IsTerminator(), HasParent(NeuronOp))
    assembly_format = "($values^ `:` type($values))? attr-dict"

    def __init__(self, *values: SSAValue | Operation):
        super().__init__(operands=[list(values)])

"""`snn.neuron`: what a neuron does, as regions of integer operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DenseArrayBase, StringAttr, f64, i64
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    opt_region_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsTerminator, Pure, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

EMISSIONS = ("causal", "after", "none")
"""When a neuron fires: at each step, after the whole train is integrated, or never (a readout)."""

CODINGS = ("rate", "radix")
"""Which trains a neuron may make, if it says so."""

SETUP_NAMES = ("theta", "bias", "channel", "channels", "steps")
"""What a layer's parameters are made of: the integers for its threshold and bias, the number of
the channel and of all channels, and the steps of the layer's trains."""


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

    `coding` says which trains it makes, if not any. Where parameters are more than `theta` and
    `bias`, the region `setup` (theta, bias, channel, channels, steps: f64) yields what each is
    worth in a layer, as f64 that `quantise` rounds; NaN for one that the layer has to give.
    """

    name = "snn.neuron"
    sym_name = prop_def(StringAttr)
    emission = prop_def(StringAttr)
    states = prop_def(Attribute)
    parameters = prop_def(Attribute)
    coding = opt_prop_def(StringAttr)
    setup = opt_region_def("single_block")
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
        properties = {
            "sym_name": name,
            "emission": emission,
            "states": states,
            "parameters": parameters,
        }
        if parser.parse_optional_keyword("coding") is not None:
            properties["coding"] = StringAttr(parser.parse_identifier())
        setup = parser.parse_optional_keyword("setup") is not None
        regions: list = [[parser.parse_region()] if setup else []]
        for role in cls.ROLES:
            parser.parse_keyword(role)
            regions.append(parser.parse_region())
        return cls.build(properties=properties, regions=regions)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" {self.emission.data} state ")
        printer.print_attribute(self.states)
        printer.print_string(" params ")
        printer.print_attribute(self.parameters)
        if self.coding is not None:
            printer.print_string(f" coding {self.coding.data}")
        if self.setup is not None:
            printer.print_string(" setup ")
            printer.print_region(self.setup, print_empty_block=False)
        for role in self.ROLES:
            printer.print_string(f" {role} ")
            printer.print_region(self.role(role), print_empty_block=False)

    def verify_(self) -> None:
        if self.emission.data not in EMISSIONS:
            raise VerifyException(f"snn.neuron: emission must be one of {', '.join(EMISSIONS)}")
        if self.coding is not None and self.coding.data not in CODINGS:
            raise VerifyException(f"snn.neuron: coding must be one of {', '.join(CODINGS)}")
        names = (*self.state_names, *self.param_names)
        if len(set(names)) != len(names):
            raise VerifyException("snn.neuron: two states or parameters have one name")
        if self.setup is not None:
            self._verify_setup()
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

    def _verify_setup(self) -> None:
        block = self.setup.block
        if [a.type for a in block.args] != [f64] * len(SETUP_NAMES):
            raise VerifyException(
                f"snn.neuron: region setup takes ({', '.join(SETUP_NAMES)}), all f64"
            )
        results = list(block.last_op.operands) if isinstance(block.last_op, YieldOp) else None
        if results is None or [v.type for v in results] != [f64] * len(self.param_names):
            raise VerifyException("snn.neuron: region setup yields an f64 for each parameter")


@irdl_op_definition
class LookupOp(IRDLOperation):
    """An entry of a table in a neuron: the first one for an index below 0, the last one above all.

    %y = snn.lookup %index in [0, 3, 5, 6]
    """

    name = "snn.lookup"
    index = operand_def(i64)
    table = prop_def(DenseArrayBase)
    value = result_def(i64)
    traits = traits_def(Pure())

    def __init__(self, index: SSAValue | Operation, table: Sequence[int]):
        super().__init__(
            operands=[index],
            properties={"table": DenseArrayBase.from_list(i64, list(table))},
            result_types=[i64],
        )

    @classmethod
    def parse(cls, parser: Parser):
        index = parser.parse_operand()
        parser.parse_keyword("in")
        entries = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        return cls(index, entries)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operand(self.index)
        printer.print_string(f" in {list(self.entries)}")

    @property
    def entries(self) -> tuple[int, ...]:
        return tuple(int(v) for v in self.table.get_values())

    def verify_(self) -> None:
        if not len(self.table):
            raise VerifyException("snn.lookup: the table is empty")


@irdl_op_definition
class YieldOp(IRDLOperation):
    """The new states, and in `fire` the spike."""

    name = "snn.yield"
    values = var_operand_def()
    traits = traits_def(IsTerminator(), HasParent(NeuronOp))
    assembly_format = "($values^ `:` type($values))? attr-dict"

    def __init__(self, *values: SSAValue | Operation):
        super().__init__(operands=[list(values)])

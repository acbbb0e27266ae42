"""The types of the `snn` dialect: spike trains, sums of trains, and currents, with their coding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import DenseArrayBase, IntAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from snnir.dialects.assembly import int_list, ints

CODINGS = ("direct", "radix", "rate")
"""`direct`: a pixel's bits, most significant first; `radix`: d(t) = 2^(T-1-t); `rate`: d = 1."""

MAX_STEPS = 16


# A dataclass, because equality compares the fields of dataclasses only: without it, all trains
# would be of equal type.
@dataclass(frozen=True, init=False)
class CodedType(ParametrizedAttribute, TypeAttribute):
    """Shape (C, H, W), coding and number of steps: `8x28x28, radix, 4`.

    A volume has the shape (C, D, H, W): D slices of H x W, `8x5x28x28, radix, 4`.
    """

    shape: DenseArrayBase
    coding: StringAttr
    steps: IntAttr

    def __init__(self, shape: Sequence[int] | DenseArrayBase, coding: str | StringAttr, steps):
        super().__init__(
            shape if isinstance(shape, DenseArrayBase) else ints(shape),
            coding if isinstance(coding, StringAttr) else StringAttr(coding),
            steps if isinstance(steps, IntAttr) else IntAttr(steps),
        )

    @property
    def dims(self) -> tuple[int, int, int]:
        """(C, H, W); of a volume (C, D * H, W), its slices one below the other."""
        c, *slices, h, w = int_list(self.shape)
        return c, math.prod(slices) * h, w

    @property
    def volume(self) -> tuple[int, int, int, int]:
        """(C, D, H, W); a map is a volume of one slice."""
        c, *slices, h, w = int_list(self.shape)
        return c, math.prod(slices), h, w

    @property
    def is_volume(self) -> bool:
        return len(int_list(self.shape)) == 4

    @property
    def coding_name(self) -> str:
        return self.coding.data

    def weight(self, step: int) -> int:
        """d(step), the weight of a spike at that step (0 is the first)."""
        return 1 if self.coding.data == "rate" else 1 << (self.steps.data - 1 - step)

    @property
    def peak(self) -> int:
        """The value of a train that spikes at every step."""
        return sum(self.weight(t) for t in range(self.steps.data))

    def verify(self) -> None:
        dims = int_list(self.shape)
        if len(dims) not in (3, 4) or min(dims) < 1:
            raise VerifyException(
                f"!{self.name} needs a shape CxHxW or CxDxHxW of positive extents"
            )
        if self.coding.data not in CODINGS:
            raise VerifyException(f"unknown coding '{self.coding.data}', use {', '.join(CODINGS)}")
        if not 1 <= self.steps.data <= MAX_STEPS:
            raise VerifyException(f"{self.steps.data} steps; a train has 1 to {MAX_STEPS}")

    @classmethod
    def parse_code(cls, parser: AttrParser) -> list[Attribute]:
        dims = parse_dims(parser)
        parser.parse_punctuation(",")
        coding = StringAttr(parser.parse_identifier())
        parser.parse_punctuation(",")
        return [ints(dims), coding, IntAttr(parser.parse_integer(allow_boolean=False))]

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            return cls.parse_code(parser)

    def print_code(self, printer: Printer) -> None:
        dims = "x".join(map(str, int_list(self.shape)))
        printer.print_string(f"{dims}, {self.coding.data}, {self.steps.data}")

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            self.print_code(printer)


def parse_dims(parser: AttrParser) -> list[int]:
    """`8x28x28`, which the lexer sees as an integer followed by identifiers."""
    return parser.parse_dimension_list()


@irdl_attr_definition
class TrainType(CodedType):
    """Spike trains of a layer: `!snn.train<8x28x28, radix, 4>`."""

    name = "snn.train"


@irdl_attr_definition
class CurrentType(CodedType):
    """Synaptic currents, one integer for each neuron and step of the trains that caused them."""

    name = "snn.current"


@irdl_attr_definition
class SumType(CodedType):
    """Sums of trains under an average pool: `!snn.sum<32x6x6, radix, 4, 16>` has 16 terms."""

    name = "snn.sum"
    terms: IntAttr

    def __init__(self, shape, coding, steps, terms: int | IntAttr):
        ParametrizedAttribute.__init__(
            self,
            shape if isinstance(shape, DenseArrayBase) else ints(shape),
            coding if isinstance(coding, StringAttr) else StringAttr(coding),
            steps if isinstance(steps, IntAttr) else IntAttr(steps),
            terms if isinstance(terms, IntAttr) else IntAttr(terms),
        )

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            code = cls.parse_code(parser)
            parser.parse_punctuation(",")
            return [*code, IntAttr(parser.parse_integer(allow_boolean=False))]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            self.print_code(printer)
            printer.print_string(f", {self.terms.data}")

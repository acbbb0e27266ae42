"""Prints IR: quickly with large constants, and elided for people."""

from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, ModuleOp, TensorType
from xdsl.ir import Attribute
from xdsl.printer import Printer

ELIDED_OVER = 32
"""Dense constants of more elements than this are elided."""

_HEX_OVER = 100
"""xDSL's own rule: longer dense constants are printed as hexadecimal bytes."""


_HEX_SPLAT_OVER = 4096
"""Longer constants of one value are hexadecimal too: xDSL parses `dense<0>` element by element,
three seconds a million, and `dense<"0x00">` at once."""


class FullPrinter(Printer):
    """xDSL's printer without a Python object for each element of a large constant."""

    def print_attribute(self, attribute: Attribute) -> None:
        if isinstance(attribute, DenseIntOrFPElementsAttr) and len(attribute) > _HEX_OVER:
            self.print_large_constant(attribute)
        else:
            super().print_attribute(attribute)

    def print_large_constant(self, attribute: DenseIntOrFPElementsAttr) -> None:
        data = attribute.data.data
        size = len(data) // len(attribute)
        first = data[:size]
        # Shifted by an element it is itself, which most constants are not from their start on.
        if memoryview(data)[size:] != memoryview(data)[:-size]:
            self.print_string(f'dense<"0x{data.hex().upper()}">')
        elif len(attribute) > _HEX_SPLAT_OVER:
            self.print_string(f'dense<"0x{first.hex().upper()}">')
        else:
            scalar = TensorType(attribute.get_element_type(), [1])
            DenseIntOrFPElementsAttr(scalar, BytesAttr(first)).print_without_type(self)
        self.print_string(" : ")
        self.print_attribute(attribute.type)


class ElidingPrinter(Printer):
    """Prints dense constants of more than 32 elements as `dense_resource<__elided__>`."""

    def print_attribute(self, attribute: Attribute) -> None:
        if isinstance(attribute, DenseIntOrFPElementsAttr) and len(attribute) > ELIDED_OVER:
            self.print_string("dense_resource<__elided__> : ")
            self.print_attribute(attribute.type)
        else:
            super().print_attribute(attribute)


def print_ir(
    module: ModuleOp,
    stream: IO[str],
    *,
    elide: bool = False,
    ctx: Context | None = None,
    **options: bool,
) -> None:
    """Print a module and a line end.

    Args:
        elide: leave large constants out; the text is then for people, not for a parser.
        ctx: where given, the data of `dense_resource` constants that the module uses are printed.
        options: fields of xDSL's Printer, such as `print_generic_format`.
    """
    printer = (ElidingPrinter if elide else FullPrinter)(stream=stream, **options)
    printer.print_op(module)
    if ctx is not None:
        printer.print_metadata(ctx.loaded_dialects)
    stream.write("\n")

"""Verilog-2001 from hw/comb/seq: a table from op to text; legalise-verilog decides the rest."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects import hw, seq
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.utils.target import Target

from snnir.backends.verilog_expressions import UNARY, Expressions, bit_range
from snnir.backends.verilog_memories import memory_text
from snnir.hardware.language import netlist
from snnir.hardware.language.netlist import NAME_ATTR, width_of
from snnir.hardware.memories import read_memory
from snnir.hardware.xc7 import Cell, read_cell
from snnir.passes.legalise_verilog import LegaliseVerilogPass


@dataclass(frozen=True)
class VerilogTarget(Target):
    """All hw.modules and memory templates as Verilog-2001, in one stream."""

    name: ClassVar[str] = "verilog"

    max_length: int = 80

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write("\n".join(_texts(ctx, module, self.max_length).values()))


def print_verilog(module: ModuleOp, stream: IO[str]) -> None:
    """Print every hardware module of `module` to one stream; `module` stays as it is."""
    VerilogTarget().emit(Context(), module, stream)


def verilog_files(module: ModuleOp) -> dict[str, str]:
    """File name to text, one file per module, as synthesis tools and linters like it."""
    return {f"{name}.v": text for name, text in _texts(Context(), module, 80).items()}


def _texts(ctx: Context, module: ModuleOp, max_length: int) -> dict[str, str]:
    """Module name to Verilog text; externs that are no template are supplied from elsewhere."""
    legal = module.clone()
    LegaliseVerilogPass(max_length).apply(ctx, legal)
    texts: dict[str, str] = {}
    externs = [op for op in legal.body.block.ops if isinstance(op, hw.HWModuleExternOp)]
    cells = {op.sym_name.data: _cell_text(cell) for op in externs if (cell := read_cell(op))}
    for op in legal.body.block.ops:
        if isinstance(op, hw.HWModuleOp):
            texts[op.sym_name.data] = _ModulePrinter(op, cells).text()
        elif isinstance(op, hw.HWModuleExternOp) and (memory := read_memory(op)) is not None:
            texts[memory.name] = memory_text(memory)
    return texts


class _ModulePrinter:
    """One legalised hw.module, as lists of lines.

    Args:
        cells: what instances of a symbol are printed as, if it is not the symbol.
    """

    def __init__(self, op: hw.HWModuleOp, cells: dict[str, str]):
        self.op, self.expression, self.cells = op, Expressions(), cells
        *ops, output = op.body.block.ops
        self.registers = [o for o in ops if isinstance(o, seq.CompRegOp)]
        self.instances = [o for o in ops if isinstance(o, hw.InstanceOp)]
        placed = {*self.registers, *self.instances}
        self.wires = [o for o in ops if o not in placed and self.is_printed(o)]
        self.drivers = dict(zip(netlist.output_names(op), output.operands, strict=True))
        # Outputs that are a register or a wire of the same name need no declaration of their own.
        self.merged = {
            name: driver.owner
            for name, driver in self.drivers.items()
            if isinstance(driver.owner, Operation)
            and NAME_ATTR in driver.owner.attributes
            and netlist.name_of(driver) == name
        }

    def is_printed(self, op: Operation) -> bool:
        """Whether an op gets a line of its own; one without any form is an error."""
        if not netlist.is_combinational(op):
            self.expression.of(op)
        return NAME_ATTR in op.attributes

    def text(self) -> str:
        instances = [self.instance(op) for op in self.instances]
        sections = [self.declarations(), self.clocked(), *instances, self.outputs()]
        body = "\n\n".join("\n".join(lines) for lines in sections if lines)
        return "\n".join([*self.header(), body, "endmodule", ""])

    def header(self) -> list[str]:
        comment = self.op.attributes.get("comment")
        title = comment.data if isinstance(comment, StringAttr) else "generated from an hw.module"
        name = self.op.sym_name.data
        lines = [f"// {line}".rstrip() for line in f"{name}: {title}".splitlines()]
        ports = self.op.module_type.ports.data
        size = max((len(bit_range(width_of(port.type))) for port in ports), default=0)
        size += 1 if size else 0
        texts = []
        for port in ports:
            kind = "input  wire"
            if port.dir.data == hw.Direction.OUTPUT:
                register = isinstance(self.merged.get(port.port_name.data), seq.CompRegOp)
                kind = "output reg " if register else "output wire"
            texts.append(f"  {kind} {bit_range(width_of(port.type)):<{size}}{port.port_name.data}")
        return [*lines, f"module {name} (", ",\n".join(texts), ");"]

    def declarations(self) -> list[str]:
        own = [op for op in self.registers if op not in self.merged.values()]
        lines = [_line(f"{_kept(op)}{_declared('reg', op.data)};") for op in own]
        results = [value for op in self.instances for value in op.outputs]
        lines += [_line(f"{_declared('wire', value)};") for value in results]
        for op in self.registers:
            if op.power_on_value is not None:
                value = self.expression(op.power_on_value)[0]
                lines.append(_line(f"initial {netlist.name_of(op.data)} = {value};"))
        for op in self.wires:
            (result,) = op.results
            merged = op in self.merged.values()
            left = f"assign {netlist.name_of(result)}" if merged else _declared("wire", result)
            lines.append(_line(f"{left} = {self.expression.of(op)[0]};"))
        return lines

    def clocked(self) -> list[str]:
        """One always block per clock: registers without reset, then those of each reset."""
        clocks: dict[SSAValue, dict[SSAValue | None, list[seq.CompRegOp]]] = {}
        for op in self.registers:
            clocks.setdefault(op.clk, {None: []}).setdefault(op.reset, []).append(op)
        lines = []
        for clock, by_reset in clocks.items():
            lines.append(_line(f"always @(posedge {self.expression(clock)[0]}) begin"))
            lines += [_line(self.update(op), 4) for op in by_reset.pop(None)]
            for reset, registers in by_reset.items():
                lines.append(_line(f"if ({self.expression(reset)[0]}) begin", 4))
                for op in registers:
                    value = self.expression(op.reset_value)[0]
                    lines.append(_line(f"{netlist.name_of(op.data)} <= {value};", 6))
                lines.append(_line("end else begin", 4))
                lines += [_line(self.update(op), 6) for op in registers]
                lines.append(_line("end", 4))
            lines.append(_line("end"))
        return lines

    def update(self, op: seq.CompRegOp) -> str:
        """`if (enable) r <= value;` for a mux that otherwise keeps the register's value."""
        condition, value = "", op.input
        if (kept := netlist.keeping_use(op)) is not None:
            choice, index = kept
            chosen, value, other = choice.operands
            condition = self.expression(chosen)[0]
            if index == 1:
                condition, value = f"!{self.expression.held(chosen, UNARY)}", other
            condition = f"if ({condition}) "
        return f"{condition}{netlist.name_of(op.data)} <= {self.expression(value)[0]};"

    def instance(self, op: hw.InstanceOp) -> list[str]:
        inputs = zip(op.arg_names.data, op.inputs, strict=True)
        pins = [f".{name.data}({self.expression(value)[0]})" for name, value in inputs]
        outputs = zip(op.result_names.data, op.outputs, strict=True)
        pins += [f".{name.data}({netlist.name_of(value)})" for name, value in outputs]
        symbol = op.module_name.root_reference.data
        first = _line(f"{self.cells.get(symbol, symbol)} {op.instance_name.data} (")
        return [first, *(_line(f"{pin},", 4) for pin in pins[:-1]), _line(pins[-1], 4), "  );"]

    def outputs(self) -> list[str]:
        rest = {name: driver for name, driver in self.drivers.items() if name not in self.merged}
        return [
            _line(f"assign {name} = {self.expression(value)[0]};") for name, value in rest.items()
        ]


def _cell_text(cell: Cell) -> str:
    """A primitive and its contents, as they stand in front of an instance's name."""
    if cell.init is None:
        return cell.primitive
    digits = max(1, cell.init_bits // 4)
    return f"{cell.primitive} #(.INIT({cell.init_bits}'h{cell.init:0{digits}x}))"


def _kept(op: seq.CompRegOp) -> str:
    return "(* keep *) " if netlist.KEEP_ATTR in op.attributes else ""


def _declared(kind: str, value: SSAValue) -> str:
    size = bit_range(width_of(value))
    return f"{kind} {size}{' ' if size else ''}{netlist.name_of(value)}"


def _line(text: str, indent: int = 2) -> str:
    """A statement, broken at spaces where it is too long."""
    pad = " " * indent
    if len(text) + indent <= 100:
        return pad + text
    broken = textwrap.wrap(
        text, 100 - indent, subsequent_indent="    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(pad + line for line in broken)

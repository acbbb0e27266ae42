"""Cells of Xilinx 7-series devices, LUTs and CARRY4, placed by hand where synthesis needs more.

Each cell is an extern, a LUT one for each of its contents, because an hw.instance has no
parameters; the Verilog printer gives the contents to the instance.  Such an extern says

    snnir.cell        the primitive: LUT1 ... LUT6, LUT6_2, CARRY4
    snnir.init        of a LUT: its INIT, bit i for the inputs I5 ... I0 that read as the number i

`CELL_MODELS` is Verilog that does what the primitives do, for simulation alone: synthesis knows
them, and has to be left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from xdsl.dialects import hw
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, IntegerType, StringAttr

from snnir.hardware.language import netlist
from snnir.hardware.language.builder import Module, Signal, cat

CELL_MODELS = Path(__file__).with_name("xc7_cells.v")
"""The simulation models of the cells that are used here."""

Function = Callable[..., int]


class Cell(NamedTuple):
    """What a cell's extern says."""

    primitive: str
    init: int | None
    init_bits: int


def read_cell(extern: hw.HWModuleExternOp) -> Cell | None:
    """What the extern's attributes say; None where it is no cell."""
    primitive, init = (extern.attributes.get(f"snnir.{key}") for key in ("cell", "init"))
    if not isinstance(primitive, StringAttr):
        return None
    if init is None:
        return Cell(primitive.data, None, 0)
    bits = netlist.width_of(init.type)
    return Cell(primitive.data, init.value.data & ((1 << bits) - 1), bits)


def evaluate(cell: Cell, pins: Callable[[str], int]) -> dict[str, int]:
    """The outputs of a cell for the inputs that `pins` gives."""
    if cell.primitive == "CARRY4":
        carry, data, sums = pins("CI") | pins("CYINIT"), pins("DI"), pins("S")
        outputs = carries = 0
        for i in range(4):
            outputs |= ((sums >> i & 1) ^ carry) << i
            carry = (carry if sums >> i & 1 else data >> i & 1) & 1
            carries |= carry << i
        return {"O": outputs, "CO": carries}
    inputs = (cell.init_bits - 1).bit_length()
    index = sum((pins(f"I{i}") & 1) << i for i in range(inputs))
    value = cell.init >> index & 1
    if cell.primitive == "LUT6_2":
        return {"O6": value, "O5": cell.init >> (index & 31) & 1}
    return {"O": value}


def lut(m: Module, name: str, inputs: Sequence[Signal], function: Function) -> Signal:
    """One LUT that computes `function(*inputs)`, given and giving 0 or 1.

    Constant inputs become part of the contents.
    """
    free = [s for s in inputs if s.constant is None]
    values = [s.constant for s in inputs]

    def specialised(*bits: int) -> int:
        given = iter(bits)
        return function(*(next(given) if value is None else value for value in values))

    extern = _lut_extern(f"LUT{len(free)}", len(free), _contents(specialised, len(free)), ["O"])
    return m.instance(name, extern, **{f"I{i}": s for i, s in enumerate(free)})["O"]


def lut_pair(
    m: Module, name: str, inputs: Sequence[Signal], low: Function, high: Function
) -> tuple[Signal, Signal]:
    """Two functions of the same inputs, five at most, in one LUT: `low` at O5, `high` at O6."""
    used = len(inputs)
    init = _contents(lambda *bits: low(*bits[:used]), 5)
    init |= _contents(lambda *bits: high(*bits[:used]), 5) << 32
    free = [m.const(0, 1)] * (5 - used)
    pins = {f"I{i}": s for i, s in enumerate([*inputs, *free, m.const(1, 1)])}
    outputs = m.instance(name, _lut_extern("LUT6_2", 6, init, ["O5", "O6"]), **pins)
    return outputs["O5"], outputs["O6"]


def carry_chain(m: Module, name: str, sums: Signal, data: Signal) -> tuple[Signal, Signal]:
    """a + b by carry chain: the sum without its carry, and the carry.

    Args:
        sums: a xor b.
        data: a.
    """
    width, carry, outputs = sums.width, m.const(0, 1), []
    for i in range(0, width, 4):
        size = min(4, width - i)
        cell = m.instance(
            f"{name}_{i // 4}",
            _CARRY4,
            CI=carry,
            CYINIT=0,
            S=sums.bits(i, size).zext(4),
            DI=data.bits(i, size).zext(4),
        )
        outputs.append(cell["O"].trunc(size))
        carry = cell["CO"][size - 1]
    return cat(*reversed(outputs)), carry


def _contents(function: Function, inputs: int) -> int:
    """The INIT of a function; `product` counts with its last factor, a LUT with its first."""
    rows = enumerate(product((0, 1), repeat=inputs))
    return sum((function(*reversed(bits)) & 1) << row for row, bits in rows)


def _lut_extern(
    primitive: str, inputs: int, init: int, outputs: Sequence[str]
) -> hw.HWModuleExternOp:
    bits = 1 << inputs
    ports = [(f"I{i}", hw.Direction.INPUT, 1) for i in range(inputs)]
    ports += [(name, hw.Direction.OUTPUT, 1) for name in outputs]
    extern = _extern(f"{primitive}_{init:0{max(1, bits // 4)}x}", primitive, ports)
    extern.attributes["snnir.init"] = IntegerAttr(init, IntegerType(bits))
    return extern


def _extern(
    symbol: str, primitive: str, ports: Sequence[tuple[str, hw.Direction, int]]
) -> hw.HWModuleExternOp:
    declared = (
        hw.ModulePort(StringAttr(name), IntegerType(width), hw.DirectionAttr(direction))
        for name, direction, width in ports
    )
    extern = hw.HWModuleExternOp(StringAttr(symbol), hw.ModuleType(ArrayAttr(declared)))
    extern.attributes["snnir.cell"] = StringAttr(primitive)
    return extern


_CARRY4 = _extern(
    "CARRY4",
    "CARRY4",
    [
        ("CI", hw.Direction.INPUT, 1),
        ("CYINIT", hw.Direction.INPUT, 1),
        ("DI", hw.Direction.INPUT, 4),
        ("S", hw.Direction.INPUT, 4),
        ("O", hw.Direction.OUTPUT, 4),
        ("CO", hw.Direction.OUTPUT, 4),
    ],
)

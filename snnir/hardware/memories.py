"""Memory templates: externs that say which memory they are, of which width, depth and contents.

An hw.instance has no parameters, so every shape is an extern of its own; the back ends print it
as one specialised module.  The attributes of such an extern are

    snnir.template    "ram_1r1w" | "rom" | "lutram_1r1w"
    snnir.width       bits of a row
    snnir.depth       rows
    snnir.init        optional: tensor<DEPTH x ceil(WIDTH/8) x i8>, a row's bytes from the lowest
    snnir.style       "block" | "distributed" | "auto": what synthesis should make of it

All three are synchronous to `clk`.  `ram_1r1w` and `rom` answer one clock after the address and,
where they have a read enable `re`, hold the answer while it is 0.  A read of the row that is
written in the same clock gives the old contents.  `lutram_1r1w` answers in the same clock.  What
an address beyond the last row gives is not defined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xdsl.dialects import hw, seq
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    i64,
)

from snnir.dialects.dense import from_dense, to_dense
from snnir.hardware.language import netlist

if TYPE_CHECKING:
    import numpy as np

RAM, ROM, LUTRAM = "ram_1r1w", "rom", "lutram_1r1w"
TEMPLATES = (RAM, ROM, LUTRAM)
STYLES = ("block", "distributed", "auto")


class Memory(NamedTuple):
    """What a memory extern says."""

    name: str
    template: str
    width: int
    depth: int
    style: str
    read_enable: bool
    init: np.ndarray | None  # (depth, ceil(width / 8)) uint8


def address_width(depth: int) -> int:
    """Bits that address `depth` rows; at least one, as ports have no zero width."""
    return max(1, (depth - 1).bit_length())


def ram_1r1w(
    width: int,
    depth: int,
    *,
    read_enable: bool = False,
    init: np.ndarray | None = None,
    name: str | None = None,
    style: str = "block",
) -> hw.HWModuleExternOp:
    """A RAM with a write port (we, waddr, wdata) and a read port ([re], raddr) -> rdata."""
    return _extern(RAM, width, depth, read_enable, init, name, style)


def rom(
    width: int,
    depth: int,
    init: np.ndarray,
    name: str,
    *,
    read_enable: bool = False,
    style: str = "block",
) -> hw.HWModuleExternOp:
    """A ROM ([re], raddr) -> rdata."""
    return _extern(ROM, width, depth, read_enable, init, name, style)


def lutram_1r1w(
    width: int,
    depth: int,
    *,
    init: np.ndarray | None = None,
    name: str | None = None,
    style: str = "distributed",
) -> hw.HWModuleExternOp:
    """A small RAM, written at the clock (we, waddr, wdata), read at once: raddr -> rdata."""
    return _extern(LUTRAM, width, depth, False, init, name, style)


def _extern(
    template: str,
    width: int,
    depth: int,
    read_enable: bool,
    init: np.ndarray | None,
    name: str | None,
    style: str,
) -> hw.HWModuleExternOp:
    if width < 1 or depth < 1:
        raise ValueError(f"a memory of {depth} rows of {width} bits")
    if style not in STYLES:
        raise ValueError(f"memory style {style!r} is none of {STYLES}")
    if name is None:
        if init is not None:
            raise ValueError("a memory with contents needs a name of its own")
        name = f"{template}{'_re' if read_enable else ''}_{width}x{depth}"
        if style != _DEFAULT_STYLE[template]:
            name += f"_{style}"
    address = address_width(depth)
    ports: list[tuple[str, hw.Direction, int | None]] = [("clk", hw.Direction.INPUT, None)]
    if template != ROM:
        ports += [
            ("we", hw.Direction.INPUT, 1),
            ("waddr", hw.Direction.INPUT, address),
            ("wdata", hw.Direction.INPUT, width),
        ]
    if read_enable:
        ports.append(("re", hw.Direction.INPUT, 1))
    ports += [("raddr", hw.Direction.INPUT, address), ("rdata", hw.Direction.OUTPUT, width)]
    extern = hw.HWModuleExternOp(
        StringAttr(name),
        hw.ModuleType(
            ArrayAttr(
                hw.ModulePort(
                    StringAttr(port),
                    seq.clock if bits is None else IntegerType(bits),
                    hw.DirectionAttr(direction),
                )
                for port, direction, bits in ports
            )
        ),
    )
    extern.attributes |= {
        "snnir.template": StringAttr(template),
        "snnir.width": IntegerAttr(width, i64),
        "snnir.depth": IntegerAttr(depth, i64),
        "snnir.style": StringAttr(style),
    }
    if init is not None:
        extern.attributes["snnir.init"] = _checked_image(name, init, width, depth)
    return extern


_DEFAULT_STYLE = {RAM: "block", ROM: "block", LUTRAM: "distributed"}


def _checked_image(name: str, init: np.ndarray, width: int, depth: int) -> DenseIntOrFPElementsAttr:
    import numpy as np

    expected = (depth, (width + 7) // 8)
    if init.dtype != np.uint8 or init.shape != expected:
        raise ValueError(
            f"memory {name!r}: contents are {init.dtype}{list(init.shape)}, "
            f"needed are uint8{list(expected)}"
        )
    if width % 8 and (init[:, -1] >> (width % 8)).any():
        raise ValueError(f"memory {name!r}: contents have bits beyond width {width}")
    return to_dense(init.view(np.int8))


def read_memory(extern: hw.HWModuleExternOp) -> Memory | None:
    """What the extern's attributes say; None where it is no memory of these templates."""
    template = extern.attributes.get("snnir.template")
    if not isinstance(template, StringAttr) or template.data not in TEMPLATES:
        return None
    width, depth = (extern.attributes[f"snnir.{key}"].value.data for key in ("width", "depth"))
    style = extern.attributes.get("snnir.style")
    init = extern.attributes.get("snnir.init")
    return Memory(
        name=extern.sym_name.data,
        template=template.data,
        width=width,
        depth=depth,
        style=style.data if style else _DEFAULT_STYLE[template.data],
        read_enable="re" in netlist.input_names(extern),
        init=None
        if init is None
        else from_dense(init).view("uint8").reshape(depth, (width + 7) // 8),
    )


def pack_rows(values: np.ndarray, bits: int) -> np.ndarray:
    """Pack fields of `bits` bits into rows of bytes: (rows, fields) integers to (rows, bytes).

    Field 0 takes the lowest bits of the row; negative values are two's complement.
    """
    import numpy as np

    values = np.asarray(values)
    rows, fields = values.shape
    word = np.uint8 if bits <= 8 else np.int64
    planes = (values.astype(word)[:, :, None] >> np.arange(bits, dtype=word)) & word(1)
    return np.packbits(
        planes.astype(np.uint8).reshape(rows, fields * bits), axis=1, bitorder="little"
    )

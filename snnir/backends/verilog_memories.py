"""The Verilog text of the memory templates of `snnir/hardware/memories.py`, one per shape."""

from snnir.analysis.ram_parts import RamPart, ram_parts
from snnir.backends.verilog_expressions import bit_range
from snnir.hardware.memories import LUTRAM, RAM, ROM, Memory, address_width

_READ = {
    False: "    rdata <= mem[raddr];",
    True: "    if (re) rdata <= mem[raddr];",
}


def memory_text(memory: Memory) -> str:
    """One module: the read comes from the old contents, as every simulator and Xilinx's
    READ_FIRST have it, because both assignments of the clock edge are non-blocking."""
    address, data = (bit_range(n) for n in (address_width(memory.depth), memory.width))
    address, data = (f"{text} " if text else "" for text in (address, data))
    writes = memory.template != ROM
    asynchronous = memory.template == LUTRAM
    ports = ["input  wire clk"]
    if writes:
        ports += ["input  wire we", f"input  wire {address}waddr", f"input  wire {data}wdata"]
    if memory.read_enable:
        ports.append("input  wire re")
    is_cut = memory.template == RAM and memory.style == "block" and memory.init is None
    parts = ram_parts(memory.width, memory.depth) if is_cut else ()
    kind = "wire" if asynchronous or len(parts) == 2 else "reg "
    ports += [f"input  wire {address}raddr", f"output {kind} {data}rdata"]

    lines = [
        f"// {memory.name}: {memory.template}, {memory.depth} rows of {memory.width} bits"
        + (f", contents in {memory.name}.hex" if memory.init is not None else ""),
        f"module {memory.name} (",
        ",\n".join(f"  {port}" for port in ports),
        ");",
    ]
    if len(parts) == 2:
        return "\n".join([*lines, *_two_parts(memory, *parts), "endmodule", ""])
    attribute = ""
    style = parts[0].style if parts else memory.style
    if style != "auto":
        attribute = f'(* {"ram" if writes else "rom"}_style = "{style}" *) '
    lines.append(f"  {attribute}reg {data}mem [0:{memory.depth - 1}];")
    if memory.init is not None:
        lines.append(f'  initial $readmemh("{memory.name}.hex", mem);')
    lines.append("")
    if asynchronous:
        lines.append("  assign rdata = mem[raddr];")
    body = ["    if (we) mem[waddr] <= wdata;"] if writes else []
    if not asynchronous:
        body.append(_READ[memory.read_enable])
    lines += ["  always @(posedge clk) begin", *body, "  end", "endmodule", ""]
    return "\n".join(lines)


def _two_parts(memory: Memory, low: RamPart, high: RamPart) -> list[str]:
    """The body of a RAM whose last rows are kept apart, so that they take no blocks as large.

    Both parts are read, and a register says whose row it is.
    """
    data = bit_range(memory.width)
    data = f"{data} " if data else ""
    indent = "    " + ("if (re) " if memory.read_enable else "")
    names = ((low, "low", "~"), (high, "high", ""))
    declared = [
        f'  (* ram_style = "{part.style}" *) reg {data}{name} [0:{part.rows - 1}];'
        for part, name, _ in names
    ]
    declared += [f"  reg {data}{name}_row;" for _, name, _ in names]
    at = {
        port: [f"{port}{_low_bits(part.rows)}" for part, _, _ in names]
        for port in ("waddr", "raddr")
    }
    is_high = f">= {address_width(memory.depth)}'d{high.first}"
    return [
        *declared,
        "  reg is_high;",
        "",
        f"  wire to_high = waddr {is_high};",
        "  assign rdata = is_high ? high_row : low_row;",
        "  always @(posedge clk) begin",
        *[
            f"    if (we & {sign}to_high) {name}[{address}] <= wdata;"
            for (_, name, sign), address in zip(names, at["waddr"], strict=True)
        ],
        *[
            f"{indent}{name}_row <= {name}[{address}];"
            for (_, name, _), address in zip(names, at["raddr"], strict=True)
        ],
        f"{indent}is_high <= raddr {is_high};",
        "  end",
    ]


def _low_bits(rows: int) -> str:
    """The bits of an address that find a row of a part."""
    bits = address_width(rows)
    return f"[{bits - 1}:0]"
